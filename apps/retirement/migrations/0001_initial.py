import apps.core.ids
import apps.core.models
import datetime
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from apps.core.isolation import Isolate


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('approvals', '0003_segregation'),
        ('models', '0002_guard'),
        ('organizations', '0002_doors'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalRetirementPlan',
            fields=[
                ('id', models.UUIDField(db_index=True, default=apps.core.ids.uuid7, editable=False)),
                ('created_at', models.DateTimeField(blank=True, editable=False)),
                ('number', models.PositiveIntegerField()),
                ('cause', models.CharField(choices=[('replaced', 'A better one follows'), ('business', 'The business needs it no more'), ('technology', 'Its technology ends'), ('regulation', 'A rule forbids it or asks for another'), ('vendor', 'Its supplier ends it'), ('incident', 'It did harm')], default='replaced', max_length=16)),
                ('reason', models.TextField()),
                ('without_successor', models.TextField(blank=True)),
                ('message', models.TextField(blank=True)),
                ('notice_days', models.PositiveIntegerField(default=30)),
                ('quiet_for', models.DurationField(default=datetime.timedelta(days=1))),
                ('hold_until', models.DateField()),
                ('state', models.CharField(choices=[('planned', 'Planned'), ('approved', 'Approved'), ('notified', 'Notice given'), ('draining', 'Draining'), ('drained', 'Drained'), ('off', 'Off'), ('archived', 'Archived'), ('closed', 'Closed'), ('cancelled', 'Cancelled')], default='planned', max_length=16)),
                ('approved_at', models.DateTimeField(blank=True, null=True)),
                ('notified_at', models.DateTimeField(blank=True, null=True)),
                ('draining_at', models.DateTimeField(blank=True, null=True)),
                ('drained_at', models.DateTimeField(blank=True, null=True)),
                ('off_at', models.DateTimeField(blank=True, null=True)),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('summary', models.TextField(blank=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('approval', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='approvals.request')),
                ('closed_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('history_user', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('model', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='models.registeredmodel')),
                ('organization', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='organizations.organization')),
                ('planned_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('successor_model', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='models.registeredmodel')),
                ('successor_version', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='models.modelversion')),
                ('version', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='models.modelversion')),
            ],
            options={
                'verbose_name': 'historical retirement plan',
                'verbose_name_plural': 'historical retirement plans',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='RetirementPlan',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('number', models.PositiveIntegerField()),
                ('cause', models.CharField(choices=[('replaced', 'A better one follows'), ('business', 'The business needs it no more'), ('technology', 'Its technology ends'), ('regulation', 'A rule forbids it or asks for another'), ('vendor', 'Its supplier ends it'), ('incident', 'It did harm')], default='replaced', max_length=16)),
                ('reason', models.TextField()),
                ('without_successor', models.TextField(blank=True)),
                ('message', models.TextField(blank=True)),
                ('notice_days', models.PositiveIntegerField(default=30)),
                ('quiet_for', models.DurationField(default=datetime.timedelta(days=1))),
                ('hold_until', models.DateField()),
                ('state', models.CharField(choices=[('planned', 'Planned'), ('approved', 'Approved'), ('notified', 'Notice given'), ('draining', 'Draining'), ('drained', 'Drained'), ('off', 'Off'), ('archived', 'Archived'), ('closed', 'Closed'), ('cancelled', 'Cancelled')], default='planned', max_length=16)),
                ('approved_at', models.DateTimeField(blank=True, null=True)),
                ('notified_at', models.DateTimeField(blank=True, null=True)),
                ('draining_at', models.DateTimeField(blank=True, null=True)),
                ('drained_at', models.DateTimeField(blank=True, null=True)),
                ('off_at', models.DateTimeField(blank=True, null=True)),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('summary', models.TextField(blank=True)),
                ('approval', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='retirement_plans', to='approvals.request')),
                ('closed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('model', apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='retirement_plans', to='models.registeredmodel')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('planned_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('successor_model', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='models.registeredmodel')),
                ('successor_version', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='models.modelversion')),
                ('version', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='retirement_plans', to='models.modelversion')),
            ],
            options={
                'ordering': ['-number'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='HistoricalConsumer',
            fields=[
                ('id', models.UUIDField(db_index=True, default=apps.core.ids.uuid7, editable=False)),
                ('created_at', models.DateTimeField(blank=True, editable=False)),
                ('name', models.CharField(max_length=120)),
                ('use', models.TextField(blank=True)),
                ('email', models.EmailField(blank=True, max_length=254)),
                ('notified_at', models.DateTimeField(blank=True, null=True)),
                ('acknowledged_at', models.DateTimeField(blank=True, null=True)),
                ('note', models.TextField(blank=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('acknowledged_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('contact', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('history_user', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='organizations.organization')),
                ('plan', apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='retirement.retirementplan')),
            ],
            options={
                'verbose_name': 'historical consumer',
                'verbose_name_plural': 'historical consumers',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='DrainReading',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('predictions', models.BigIntegerField()),
                ('newest_at', models.DateTimeField(blank=True, null=True)),
                ('waiting', models.BigIntegerField(default=0)),
                ('is_quiet', models.BooleanField()),
                ('counted', models.JSONField(default=list)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('plan', apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='readings', to='retirement.retirementplan')),
            ],
            options={
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Disposition',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('artifact_sha256', models.CharField(max_length=64)),
                ('path', models.CharField(editable=False, max_length=300)),
                ('sha256', models.CharField(max_length=64)),
                ('size', models.BigIntegerField()),
                ('held_until', models.DateField()),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('version', apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='dispositions', to='models.modelversion')),
                ('plan', apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='dispositions', to='retirement.retirementplan')),
            ],
            options={
                'ordering': ['id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Consumer',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('name', models.CharField(max_length=120)),
                ('use', models.TextField(blank=True)),
                ('email', models.EmailField(blank=True, max_length=254)),
                ('notified_at', models.DateTimeField(blank=True, null=True)),
                ('acknowledged_at', models.DateTimeField(blank=True, null=True)),
                ('note', models.TextField(blank=True)),
                ('acknowledged_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('contact', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('plan', apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='consumers', to='retirement.retirementplan')),
            ],
            options={
                'ordering': ['id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        migrations.AddConstraint(
            model_name='retirementplan',
            constraint=models.UniqueConstraint(fields=('organization', 'number'), name='retirement_plan_number'),
        ),
        migrations.AddConstraint(
            model_name='retirementplan',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['closed', 'cancelled']), _negated=True), fields=('organization', 'model', 'version'), name='retirement_plan_open', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='retirementplan',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('closed_by__isnull', False), ('state', 'closed')), models.Q(models.Q(('state', 'closed'), _negated=True), ('closed_at__isnull', True), ('closed_by__isnull', True)), _connector='OR'), name='retirement_plan_closed'),
        ),
        migrations.AddConstraint(
            model_name='retirementplan',
            constraint=models.CheckConstraint(condition=models.Q(('successor_version__isnull', True), models.Q(('successor_version', models.F('version')), _negated=True), _connector='OR'), name='retirement_plan_successor'),
        ),
        migrations.AddConstraint(
            model_name='retirementplan',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['off', 'archived', 'closed']), _negated=True), ('drained_at__isnull', False), _connector='OR'), name='retirement_plan_drained'),
        ),
        migrations.AddConstraint(
            model_name='drainreading',
            constraint=models.CheckConstraint(condition=models.Q(('is_quiet', False), models.Q(('predictions', 0), ('since__lt', models.F('until')), ('waiting', 0)), _connector='OR'), name='retirement_reading_quiet'),
        ),
        migrations.AddConstraint(
            model_name='disposition',
            constraint=models.UniqueConstraint(fields=('organization', 'plan', 'version'), name='retirement_disposition_one'),
        ),
        migrations.AddConstraint(
            model_name='consumer',
            constraint=models.UniqueConstraint(fields=('organization', 'plan', 'name'), name='retirement_consumer_name'),
        ),
        migrations.AddConstraint(
            model_name='consumer',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('contact__isnull', False), ('email', '')), models.Q(('contact__isnull', True), models.Q(('email', ''), _negated=True)), _connector='OR'), name='retirement_consumer_contact'),
        ),
        migrations.AddConstraint(
            model_name='consumer',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('acknowledged_at__isnull', True), ('acknowledged_by__isnull', True)), models.Q(('acknowledged_at__isnull', False), ('acknowledged_by__isnull', False)), _connector='OR'), name='retirement_consumer_acknowledged'),
        ),
        migrations.AddConstraint(
            model_name='consumer',
            constraint=models.CheckConstraint(condition=models.Q(('acknowledged_at__isnull', True), ('contact__isnull', False), models.Q(('note', ''), _negated=True), _connector='OR'), name='retirement_consumer_evidence'),
        ),
        Isolate(),
    ]
