"""Validating again, deferrals, the validator's own challenge, and whose independence was held against whom."""

import apps.core.ids
import apps.core.models
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from apps.core.isolation import Isolate


GUARD = """
create function validation_deferral_guard() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.state = 'granted' and not exists (
        select 1 from approvals_request q
        where q.id = new.request_id and q.kind = 'deferral' and q.state in ('approved', 'invalidated')
    ) then
        raise exception 'A deferral is granted by its approval.' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger validation_deferral_guard before insert or update on validation_deferral
    for each row execute function validation_deferral_guard();

create function validation_challenge_guard() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if exists (
        select 1 from validation_validationrun r
        where r.id = new.run_id and (r.outcome <> '' or validation_made(r.version_id, new.written_by_id))
    ) then
        raise exception 'Only who did not make a version challenges it, and before it is concluded on.'
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger validation_challenge_guard before insert on validation_challenge
    for each row execute function validation_challenge_guard();
"""
DROP = """
drop trigger validation_challenge_guard on validation_challenge;
drop trigger validation_deferral_guard on validation_deferral;
drop function validation_challenge_guard();
drop function validation_deferral_guard();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0005_deferral'),
        ('datasets', '0002_immutable'),
        ('models', '0003_plurals'),
        ('organizations', '0002_doors'),
        ('validation', '0008_conditions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalRevalidation',
            fields=[
                ('id', models.UUIDField(db_index=True, default=apps.core.ids.uuid7, editable=False)),
                ('created_at', models.DateTimeField(blank=True, editable=False)),
                ('trigger', models.CharField(choices=[('artifact', 'Its artifact changed'), ('data', 'Its data changed'), ('purpose', 'Its purpose changed'), ('breach', 'A limit of its monitoring was passed'), ('incident', 'There was an incident'), ('date', 'Its period ends'), ('asked', 'A validator asked for it')], max_length=16)),
                ('reason', models.TextField()),
                ('source', models.CharField(blank=True, help_text='The page of what triggered it.', max_length=300)),
                ('state', models.CharField(choices=[('due', 'Due'), ('settled', 'Settled'), ('lapsed', 'Lapsed: the version is not used any more')], default='due', max_length=16)),
                ('since', models.DateTimeField()),
                ('first_due_on', models.DateField()),
                ('due_on', models.DateField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='organizations.organization')),
                ('raised_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('settled_by', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='validation.validationrun')),
                ('version', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='models.modelversion')),
            ],
            options={
                'verbose_name': 'historical revalidation',
                'verbose_name_plural': 'historical revalidations',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='IndependenceCheck',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('occasion', models.CharField(choices=[('started', 'Started the run'), ('concluded', 'Concluded'), ('closed', 'Closed the finding'), ('signed', 'Decided on the waiver')], max_length=16)),
                ('level', models.CharField(choices=[('person', 'Another person'), ('team', 'Another team')], max_length=8)),
                ('against', models.JSONField(default=list)),
                ('finding', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='independence_checks', to='validation.finding')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('run', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='independence_checks', to='validation.validationrun')),
                ('version', apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='models.modelversion')),
                ('waiver', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='independence_checks', to='validation.waiver')),
            ],
            options={
                'ordering': ['id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Revalidation',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('trigger', models.CharField(choices=[('artifact', 'Its artifact changed'), ('data', 'Its data changed'), ('purpose', 'Its purpose changed'), ('breach', 'A limit of its monitoring was passed'), ('incident', 'There was an incident'), ('date', 'Its period ends'), ('asked', 'A validator asked for it')], max_length=16)),
                ('reason', models.TextField()),
                ('source', models.CharField(blank=True, help_text='The page of what triggered it.', max_length=300)),
                ('state', models.CharField(choices=[('due', 'Due'), ('settled', 'Settled'), ('lapsed', 'Lapsed: the version is not used any more')], default='due', max_length=16)),
                ('since', models.DateTimeField()),
                ('first_due_on', models.DateField()),
                ('due_on', models.DateField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('raised_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('settled_by', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='settles', to='validation.validationrun')),
                ('version', apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='revalidations', to='models.modelversion')),
            ],
            options={
                'ordering': ['due_on', 'id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='HistoricalDeferral',
            fields=[
                ('id', models.UUIDField(db_index=True, default=apps.core.ids.uuid7, editable=False)),
                ('created_at', models.DateTimeField(blank=True, editable=False)),
                ('state', models.CharField(choices=[('requested', 'Waiting for a decision'), ('granted', 'Granted'), ('declined', 'Declined')], default='requested', max_length=16)),
                ('reason', models.TextField()),
                ('until', models.DateField()),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='organizations.organization')),
                ('request', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='approvals.request')),
                ('requested_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('revalidation', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='validation.revalidation')),
            ],
            options={
                'verbose_name': 'historical deferral',
                'verbose_name_plural': 'historical deferrals',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Deferral',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('state', models.CharField(choices=[('requested', 'Waiting for a decision'), ('granted', 'Granted'), ('declined', 'Declined')], default='requested', max_length=16)),
                ('reason', models.TextField()),
                ('until', models.DateField()),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('request', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deferrals', to='approvals.request')),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('revalidation', apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='deferrals', to='validation.revalidation')),
            ],
            options={
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Challenge',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('kind', models.CharField(choices=[('remark', 'Remark'), ('test', 'Own test, beyond the plan')], max_length=8)),
                ('title', models.CharField(blank=True, help_text='What was tested.', max_length=200)),
                ('text', models.TextField(help_text='The remark, or what was done and what came of it.')),
                ('bearing', models.CharField(blank=True, choices=[('', 'Not said'), ('supports', 'Speaks for it'), ('against', 'Speaks against it'), ('open', 'Undecided')], default='', max_length=8)),
                ('file', models.CharField(blank=True, max_length=300)),
                ('file_name', models.CharField(blank=True, max_length=200)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('size', models.BigIntegerField(default=0)),
                ('dataset_version', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='datasets.datasetversion')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('result', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='challenges', to='validation.checkresult')),
                ('run', apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='challenges', to='validation.validationrun')),
                ('written_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='validation_challenge_text'), models.CheckConstraint(condition=models.Q(('kind', 'remark'), models.Q(models.Q(('title', ''), _negated=True), models.Q(('bearing', ''), _negated=True)), _connector='OR'), name='validation_challenge_test'), models.CheckConstraint(condition=models.Q(('file', ''), models.Q(('sha256', ''), _negated=True), _connector='OR'), name='validation_challenge_hash')],
            },
        ),
        migrations.AddIndex(
            model_name='revalidation',
            index=models.Index(condition=models.Q(('state', 'due')), fields=['organization', 'due_on'], name='validation_revalidation_due'),
        ),
        migrations.AddConstraint(
            model_name='revalidation',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'due')), fields=('organization', 'version', 'trigger'), name='validation_revalidation_one'),
        ),
        migrations.AddConstraint(
            model_name='revalidation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('settled_by__isnull', True), ('state', 'due')), models.Q(('ended_at__isnull', False), ('settled_by__isnull', False), ('state', 'settled')), models.Q(('ended_at__isnull', False), ('settled_by__isnull', True), ('state', 'lapsed')), _connector='OR'), name='validation_revalidation_ended'),
        ),
        migrations.AddConstraint(
            model_name='revalidation',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='validation_revalidation_reason'),
        ),
        migrations.AddConstraint(
            model_name='revalidation',
            constraint=models.CheckConstraint(condition=models.Q(('due_on__gte', models.F('first_due_on'))), name='validation_revalidation_later'),
        ),
        migrations.AddConstraint(
            model_name='deferral',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'requested')), fields=('organization', 'revalidation'), name='validation_deferral_one'),
        ),
        migrations.AddConstraint(
            model_name='deferral',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('state', 'requested')), models.Q(models.Q(('state', 'requested'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='validation_deferral_decided'),
        ),
        migrations.AddConstraint(
            model_name='deferral',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='validation_deferral_reason'),
        ),
        Isolate(),
        migrations.RunSQL(GUARD, DROP),
    ]
