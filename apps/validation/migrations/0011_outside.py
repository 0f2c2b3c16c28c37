"""Lines of a plan that others answer: tools that are called, what a run waits for, and evidence."""

import apps.core.ids
import apps.core.models
import django.core.validators
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from apps.core.isolation import Isolate


# As in 0002, with runs that wait for answers.
GUARD = """
create or replace function validation_result_guard() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
begin
    if not exists (
        select 1 from validation_validationrun r join validation_plancheck c on c.plan_id = r.plan_id
        where r.id = new.run_id and r.state in ({states}) and c.id = new.check_line_id and c.name = new.name
            and c.fail is not distinct from new.fail and c.warn is not distinct from new.warn
    ) then
        raise exception 'A result belongs to a running run and to a line of its plan, with its thresholds.'
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('models', '0003_plurals'),
        ('organizations', '0002_doors'),
        ('validation', '0010_data_roles_and_evidence'),
        ('work', '0005_expected_end'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalOutsideAnswer',
            fields=[
                ('id', models.UUIDField(db_index=True, default=apps.core.ids.uuid7, editable=False)),
                ('created_at', models.DateTimeField(blank=True, editable=False)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('answered', 'Answered'), ('missed', 'No answer in time'), ('dropped', 'Not needed any more')], default='waiting', max_length=16)),
                ('due_at', models.DateTimeField()),
                ('tool', models.CharField(blank=True, max_length=120)),
                ('tool_version', models.CharField(blank=True, max_length=60)),
                ('file', models.CharField(blank=True, max_length=400)),
                ('file_name', models.CharField(blank=True, max_length=200)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('size', models.BigIntegerField(blank=True, null=True)),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
            ],
            options={
                'verbose_name': 'historical outside answer',
                'verbose_name_plural': 'historical outside answers',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalOutsideTool',
            fields=[
                ('id', models.UUIDField(db_index=True, default=apps.core.ids.uuid7, editable=False)),
                ('created_at', models.DateTimeField(blank=True, editable=False)),
                ('key', models.CharField(max_length=50, validators=[django.core.validators.RegexValidator('^[a-z0-9]+(-[a-z0-9]+)*$', 'Small letters, digits and single hyphens.')])),
                ('name', models.CharField(max_length=120)),
                ('is_active', models.BooleanField(default=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
            ],
            options={
                'verbose_name': 'historical outside tool',
                'verbose_name_plural': 'historical outside tools',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='OutsideAnswer',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('answered', 'Answered'), ('missed', 'No answer in time'), ('dropped', 'Not needed any more')], default='waiting', max_length=16)),
                ('due_at', models.DateTimeField()),
                ('token_hash', models.CharField(blank=True, editable=False, max_length=64)),
                ('tool', models.CharField(blank=True, max_length=120)),
                ('tool_version', models.CharField(blank=True, max_length=60)),
                ('file', models.CharField(blank=True, max_length=400)),
                ('file_name', models.CharField(blank=True, max_length=200)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('size', models.BigIntegerField(blank=True, null=True)),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='OutsideTool',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('key', models.CharField(max_length=50, validators=[django.core.validators.RegexValidator('^[a-z0-9]+(-[a-z0-9]+)*$', 'Small letters, digits and single hyphens.')])),
                ('name', models.CharField(max_length=120)),
                ('is_active', models.BooleanField(default=True)),
            ],
            options={
                'ordering': ['key'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.RemoveConstraint(
            model_name='validationrun',
            name='validation_run_one',
        ),
        migrations.AlterField(
            model_name='checkresult',
            name='family',
            field=models.CharField(choices=[('performance', 'Performance'), ('consistency', 'Consistency'), ('fairness', 'Fairness'), ('robustness', 'Robustness'), ('explainability', 'Explainability'), ('latency', 'Latency'), ('security', 'Security'), ('data', 'Data'), ('documentation', 'Documentation'), ('outside', 'From outside')], max_length=16),
        ),
        migrations.AlterField(
            model_name='checkresult',
            name='origin',
            field=models.CharField(choices=[('measured', 'Measured'), ('reused', 'Measured in an earlier run'), ('reported', 'Reported, not measured')], default='measured', max_length=16),
        ),
        migrations.AlterField(
            model_name='historicalplancheck',
            name='family',
            field=models.CharField(choices=[('performance', 'Performance'), ('consistency', 'Consistency'), ('fairness', 'Fairness'), ('robustness', 'Robustness'), ('explainability', 'Explainability'), ('latency', 'Latency'), ('security', 'Security'), ('data', 'Data'), ('documentation', 'Documentation'), ('outside', 'From outside')], max_length=16),
        ),
        migrations.AlterField(
            model_name='historicalvalidationrun',
            name='state',
            field=models.CharField(choices=[('queued', 'Waiting for a worker'), ('running', 'Running'), ('waiting', 'Waiting for answers from outside'), ('finished', 'Finished'), ('broken', 'Stopped by an error'), ('cancelled', 'Cancelled')], default='queued', max_length=16),
        ),
        migrations.AlterField(
            model_name='plancheck',
            name='family',
            field=models.CharField(choices=[('performance', 'Performance'), ('consistency', 'Consistency'), ('fairness', 'Fairness'), ('robustness', 'Robustness'), ('explainability', 'Explainability'), ('latency', 'Latency'), ('security', 'Security'), ('data', 'Data'), ('documentation', 'Documentation'), ('outside', 'From outside')], max_length=16),
        ),
        migrations.AlterField(
            model_name='validationrun',
            name='state',
            field=models.CharField(choices=[('queued', 'Waiting for a worker'), ('running', 'Running'), ('waiting', 'Waiting for answers from outside'), ('finished', 'Finished'), ('broken', 'Stopped by an error'), ('cancelled', 'Cancelled')], default='queued', max_length=16),
        ),
        migrations.AddConstraint(
            model_name='validationrun',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['queued', 'running', 'waiting'])), fields=('organization', 'version'), name='validation_run_one'),
        ),
        migrations.AddField(
            model_name='historicaloutsideanswer',
            name='answered_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicaloutsideanswer',
            name='check_line',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='validation.plancheck'),
        ),
        migrations.AddField(
            model_name='historicaloutsideanswer',
            name='delivery',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='work.delivery'),
        ),
        migrations.AddField(
            model_name='historicaloutsideanswer',
            name='history_user',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicaloutsideanswer',
            name='organization',
            field=models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='organizations.organization'),
        ),
        migrations.AddField(
            model_name='historicaloutsideanswer',
            name='result',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='validation.checkresult'),
        ),
        migrations.AddField(
            model_name='historicaloutsideanswer',
            name='run',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='validation.validationrun'),
        ),
        migrations.AddField(
            model_name='historicaloutsidetool',
            name='added_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicaloutsidetool',
            name='destination',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='work.destination'),
        ),
        migrations.AddField(
            model_name='historicaloutsidetool',
            name='history_user',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicaloutsidetool',
            name='organization',
            field=models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='organizations.organization'),
        ),
        migrations.AddField(
            model_name='outsideanswer',
            name='answered_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='outsideanswer',
            name='check_line',
            field=apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='validation.plancheck'),
        ),
        migrations.AddField(
            model_name='outsideanswer',
            name='delivery',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='work.delivery'),
        ),
        migrations.AddField(
            model_name='outsideanswer',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization'),
        ),
        migrations.AddField(
            model_name='outsideanswer',
            name='result',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='validation.checkresult'),
        ),
        migrations.AddField(
            model_name='outsideanswer',
            name='run',
            field=apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='awaited', to='validation.validationrun'),
        ),
        migrations.AddField(
            model_name='outsidetool',
            name='added_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='outsidetool',
            name='destination',
            field=apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='work.destination'),
        ),
        migrations.AddField(
            model_name='outsidetool',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization'),
        ),
        migrations.AddField(
            model_name='outsideanswer',
            name='called',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='calls', to='validation.outsidetool'),
        ),
        migrations.AddField(
            model_name='historicaloutsideanswer',
            name='called',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='validation.outsidetool'),
        ),
        migrations.AddConstraint(
            model_name='outsidetool',
            constraint=models.UniqueConstraint(fields=('organization', 'key'), name='validation_tool_key'),
        ),
        migrations.AddConstraint(
            model_name='outsideanswer',
            constraint=models.UniqueConstraint(fields=('organization', 'run', 'check_line'), name='validation_answer_once'),
        ),
        migrations.AddConstraint(
            model_name='outsideanswer',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answered_at__isnull', False), ('answered_by__isnull', False), ('state', 'answered')), models.Q(models.Q(('state', 'answered'), _negated=True), ('answered_at__isnull', True), ('file', '')), _connector='OR'), name='validation_answer_state'),
        ),
        migrations.RunSQL(GUARD.format(states="'running', 'waiting'"), GUARD.format(states="'running'")),
        Isolate(),
    ]
