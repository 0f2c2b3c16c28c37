"""Checks that a validator asks outside the plan, and what was measured for them."""

import apps.core.ids
import apps.core.models
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.core.isolation import Isolate


GUARD = """
create function validation_own_result_guard() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if not exists (
        select 1 from validation_challenge c join validation_validationrun r on r.id = c.run_id
        where c.id = new.challenge_id and c.kind = 'check' and r.outcome = '' and c.line->>'name' = new.name
            and (c.line->>'fail')::float8 is not distinct from new.fail
            and (c.line->>'warn')::float8 is not distinct from new.warn
    ) then
        raise exception 'An own result answers an own check, with its thresholds, before its run is concluded on.'
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger validation_own_result_guard before insert on validation_ownresult
    for each row execute function validation_own_result_guard();
"""
DROP = """
drop trigger validation_own_result_guard on validation_ownresult;
drop function validation_own_result_guard();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('datasets', '0002_immutable'),
        ('organizations', '0002_doors'),
        ('validation', '0011_outside'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='OwnResult',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('name', models.CharField(max_length=120)),
                ('key', models.CharField(max_length=60)),
                ('family', models.CharField(choices=[('performance', 'Performance'), ('consistency', 'Consistency'), ('fairness', 'Fairness'), ('robustness', 'Robustness'), ('explainability', 'Explainability'), ('latency', 'Latency'), ('security', 'Security'), ('data', 'Data'), ('documentation', 'Documentation'), ('outside', 'From outside')], max_length=16)),
                ('required', models.BooleanField(default=True)),
                ('verdict', models.CharField(choices=[('passed', 'Passed'), ('warned', 'Warning'), ('failed', 'Failed'), ('too_small', 'Too small to judge'), ('not_run', 'Could not run'), ('nothing_to_ask', 'Nothing to ask')], max_length=16)),
                ('value', models.FloatField(null=True)),
                ('low', models.FloatField(null=True)),
                ('high', models.FloatField(null=True)),
                ('interval_level', models.FloatField(null=True)),
                ('interval_method', models.CharField(blank=True, max_length=120)),
                ('fail', models.FloatField(null=True)),
                ('warn', models.FloatField(null=True)),
                ('sense', models.CharField(max_length=8)),
                ('judged', models.CharField(max_length=8)),
                ('sentence', models.TextField(blank=True)),
                ('reason', models.TextField(blank=True)),
                ('parameters', models.JSONField(default=dict)),
                ('evidence', models.JSONField(default=dict)),
                ('rows_used', models.BigIntegerField(null=True)),
                ('rows_total', models.BigIntegerField(null=True)),
                ('seed', models.PositiveBigIntegerField(default=0)),
                ('seconds', models.FloatField(default=0)),
                ('layer', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'ordering': ['id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.RemoveConstraint(
            model_name='challenge',
            name='validation_challenge_test',
        ),
        migrations.AddField(
            model_name='challenge',
            name='line',
            field=models.JSONField(blank=True, default=dict, help_text='The check with parameters and thresholds.'),
        ),
        migrations.AlterField(
            model_name='challenge',
            name='kind',
            field=models.CharField(choices=[('remark', 'Remark'), ('test', 'Own test, beyond the plan'), ('check', 'Own check, outside the plan')], max_length=8),
        ),
        migrations.AddConstraint(
            model_name='challenge',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'test'), _negated=True), models.Q(models.Q(('title', ''), _negated=True), models.Q(('bearing', ''), _negated=True)), _connector='OR'), name='validation_challenge_test'),
        ),
        migrations.AddConstraint(
            model_name='challenge',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'check'), models.Q(('line', {}), _negated=True)), models.Q(models.Q(('kind', 'check'), _negated=True), ('line', {})), _connector='OR'), name='validation_challenge_line'),
        ),
        migrations.AddField(
            model_name='ownresult',
            name='challenge',
            field=apps.core.models.TenantOneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='answer', to='validation.challenge'),
        ),
        migrations.AddField(
            model_name='ownresult',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization'),
        ),
        migrations.AddConstraint(
            model_name='ownresult',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('verdict__in', ['not_run', 'too_small', 'nothing_to_ask']), models.Q(('reason', ''), _negated=True)), models.Q(models.Q(('verdict__in', ['not_run', 'too_small', 'nothing_to_ask']), _negated=True), ('value__isnull', False)), _connector='OR'), name='validation_own_result_verdict'),
        ),
        migrations.RunSQL(GUARD, DROP),
        Isolate(),
    ]
