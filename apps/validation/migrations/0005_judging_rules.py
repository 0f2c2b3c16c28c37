"""The rules by which an organization judges, and on each finding the rule that gave its severity."""

import apps.core.ids
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from apps.core.isolation import Isolate


class Migration(migrations.Migration):

    dependencies = [
        ('organizations', '0002_doors'),
        ('validation', '0004_nothing_to_ask'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='finding',
            name='weighed_by',
            field=models.CharField(blank=True, help_text='The rule that gave the severity, as it was; empty where a person did.', max_length=250),
        ),
        migrations.AddField(
            model_name='historicalfinding',
            name='weighed_by',
            field=models.CharField(blank=True, help_text='The rule that gave the severity, as it was; empty where a person did.', max_length=250),
        ),
        migrations.CreateModel(
            name='HistoricalJudgingRules',
            fields=[
                ('id', models.UUIDField(db_index=True, default=apps.core.ids.uuid7, editable=False)),
                ('created_at', models.DateTimeField(blank=True, editable=False)),
                ('version', models.PositiveIntegerField()),
                ('content_hash', models.CharField(max_length=64)),
                ('reason', models.TextField()),
                ('is_current', models.BooleanField(default=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='organizations.organization')),
                ('written_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical judging rules',
                'verbose_name_plural': 'historical judging rules',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='JudgingRules',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('version', models.PositiveIntegerField()),
                ('content', models.JSONField()),
                ('content_hash', models.CharField(max_length=64)),
                ('reason', models.TextField()),
                ('is_current', models.BooleanField(default=True)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('written_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'judging rules',
                'ordering': ['-version'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('organization', 'version'), name='validation_rules_version'), models.UniqueConstraint(condition=models.Q(('is_current', True)), fields=('organization',), name='validation_rules_current'), models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='validation_rules_reason')],
            },
        ),
        Isolate(),
    ]
