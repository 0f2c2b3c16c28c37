"""Tables made at once are the tables that Django makes step by step."""

import pytest
from django.db import connections, migrations, models
from django.db.migrations.state import ProjectState

from apps.core.at_once import AtOnce, taken_together


def operations():
    """Two new models that point at each other, with all the parts that a migration adds afterwards."""
    number = models.AutoField(primary_key=True)
    return [
        migrations.CreateModel(
            "Hen", [("id", number.clone()), ("name", models.CharField(max_length=20, db_index=True))]
        ),
        migrations.CreateModel(
            "Egg",
            [
                ("id", number.clone()),
                ("weight", models.IntegerField(default=0)),
                ("laid_by", models.ForeignKey("probe.hen", on_delete=models.CASCADE)),
            ],
            options={"indexes": [models.Index(fields=["weight"], name="probe_weight")]},
        ),
        migrations.AddField("Hen", "hatched_from", models.ForeignKey("probe.egg", null=True, on_delete=models.CASCADE)),
        migrations.AddField("Hen", "age", models.IntegerField(default=1)),
        migrations.AddIndex("Hen", models.Index(fields=["age", "-id"], name="probe_age")),
        migrations.AddConstraint("Hen", models.UniqueConstraint(fields=["name", "age"], name="probe_name_age")),
        migrations.AddConstraint(
            "Hen",
            models.UniqueConstraint(fields=["name"], condition=models.Q(age__gt=3), name="probe_old_name"),
        ),
        migrations.AddConstraint(
            "Egg", models.CheckConstraint(condition=models.Q(weight__gte=0), name="probe_weight_sign")
        ),
    ]


SHAPE = """
select 'column', table_name || '.' || ordinal_position || column_name, data_type || is_nullable
  from information_schema.columns where table_name like 'probe\\_%%'
union select 'constraint', conname, pg_get_constraintdef(oid) from pg_constraint
  where conrelid in (select oid from pg_class where relname like 'probe\\_%%')
union select 'index', indexname, indexdef from pg_indexes where tablename like 'probe\\_%%'
order by 1, 2
"""


def tables_made_by(steps):
    """What the database's catalogue says of the tables; they are dropped again."""
    owner = connections["owner"]
    state = ProjectState()
    _ = state.apps
    with owner.schema_editor(atomic=False) as editor:
        for step in steps:
            before = state.clone()
            step.state_forwards("probe", state)
            step.database_forwards("probe", editor, before, state)
    with owner.cursor() as cursor:
        cursor.execute(SHAPE)
        shape = cursor.fetchall()
        cursor.execute("drop table probe_hen, probe_egg cascade")
    return shape


@pytest.mark.django_db(databases=["owner"], transaction=False)
def test_tables_made_at_once_equal_those_made_step_by_step():
    at_once = list(taken_together(operations()))
    assert [type(step) for step in at_once] == [AtOnce]
    step_by_step = tables_made_by(operations())
    assert len(step_by_step) >= 14
    assert tables_made_by(at_once) == step_by_step


def test_only_parts_of_new_models_are_taken_together():
    new = operations()
    sql = migrations.RunSQL("select 1")
    old = migrations.AddField("Older", "name", models.CharField(max_length=5))
    steps = list(taken_together([new[0], new[3], sql, new[1], old, new[4]]))
    assert [type(step) for step in steps] == [AtOnce, type(sql), type(new[1]), type(old), type(new[4])]


def test_describe_names_the_models():
    assert AtOnce(operations()).describe() == "Create models together: Hen, Egg"
