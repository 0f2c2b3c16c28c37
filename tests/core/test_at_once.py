"""Which steps of a migration are taken together, and which are not."""

from django.db import migrations, models

from apps.core.at_once import AtOnce, taken_together

NUMBER = models.IntegerField(null=True)
NEW = migrations.CreateModel("Flight", [("id", models.AutoField(primary_key=True))])
PART = migrations.AddField("flight", "delay", NUMBER)
BESIDE = migrations.AddField("airport", "gates", NUMBER)
LATER = migrations.AlterField("airport", "city", models.TextField())
AGAIN = migrations.AlterField("airport", "gates", models.IntegerField(default=1))
BY_HAND = migrations.RunSQL("select 1")


def told(operations):
    return [one.operations if isinstance(one, AtOnce) else one for one in taken_together(operations)]


def test_new_models_and_changes_of_different_things_are_taken_together():
    (made,) = taken_together([NEW, PART, BESIDE, LATER])
    assert made.operations == [NEW, PART, BESIDE, LATER]
    assert made.describe() == "Together: " + ", ".join(one.describe() for one in (NEW, BESIDE, LATER))


def test_what_is_changed_twice_and_what_is_written_by_hand_keeps_its_place():
    assert told([BESIDE, LATER, AGAIN]) == [[BESIDE, LATER], AGAIN]
    assert told([BESIDE, LATER, BY_HAND, AGAIN]) == [[BESIDE, LATER], BY_HAND, AGAIN]
    altered = migrations.AlterField("flight", "delay", models.IntegerField(default=0))
    assert told([NEW, PART, altered]) == [[NEW, PART], altered]
