"""More kinds of plan, data and columns by role, slices, and the evidence that a plan asks for."""

import apps.core.ids
import apps.core.models
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.core.isolation import Isolate


class Migration(migrations.Migration):

    dependencies = [
        ('datasets', '0002_immutable'),
        ('models', '0003_plurals'),
        ('organizations', '0002_doors'),
        ('validation', '0009_again_and_challenge'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='historicalplan',
            name='evidence',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='historicalplan',
            name='group_column',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='historicalplan',
            name='horizon_column',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='historicalplan',
            name='reference_data',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='datasets.datasetversion'),
        ),
        migrations.AddField(
            model_name='historicalplan',
            name='series_column',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='historicalplan',
            name='slices',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='historicalplan',
            name='stress_data',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='datasets.datasetversion'),
        ),
        migrations.AddField(
            model_name='plan',
            name='evidence',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='plan',
            name='group_column',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='plan',
            name='horizon_column',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='plan',
            name='reference_data',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='datasets.datasetversion'),
        ),
        migrations.AddField(
            model_name='plan',
            name='series_column',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='plan',
            name='slices',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='plan',
            name='stress_data',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='datasets.datasetversion'),
        ),
        migrations.AddField(
            model_name='template',
            name='setup',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AlterField(
            model_name='historicalplan',
            name='kind',
            field=models.CharField(choices=[('binary', 'Yes or no'), ('multiclass', 'One of several classes'), ('regression', 'A figure'), ('forecast', 'A figure for a time to come'), ('ranking', 'An order of each list'), ('generic', 'Anything, with no truth known')], max_length=16),
        ),
        migrations.AlterField(
            model_name='historicaltemplate',
            name='kind',
            field=models.CharField(choices=[('binary', 'Yes or no'), ('multiclass', 'One of several classes'), ('regression', 'A figure'), ('forecast', 'A figure for a time to come'), ('ranking', 'An order of each list'), ('generic', 'Anything, with no truth known')], max_length=16),
        ),
        migrations.AlterField(
            model_name='plan',
            name='kind',
            field=models.CharField(choices=[('binary', 'Yes or no'), ('multiclass', 'One of several classes'), ('regression', 'A figure'), ('forecast', 'A figure for a time to come'), ('ranking', 'An order of each list'), ('generic', 'Anything, with no truth known')], max_length=16),
        ),
        migrations.AlterField(
            model_name='template',
            name='kind',
            field=models.CharField(choices=[('binary', 'Yes or no'), ('multiclass', 'One of several classes'), ('regression', 'A figure'), ('forecast', 'A figure for a time to come'), ('ranking', 'An order of each list'), ('generic', 'Anything, with no truth known')], max_length=16),
        ),
        migrations.CreateModel(
            name='EvidenceDocument',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('title', models.CharField(max_length=120)),
                ('url', models.URLField(blank=True, max_length=500)),
                ('file', models.CharField(blank=True, max_length=500)),
                ('name', models.CharField(blank=True, max_length=200)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('size', models.BigIntegerField(blank=True, null=True)),
                ('note', models.TextField(blank=True)),
                ('added_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('version', apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='evidence_documents', to='models.modelversion')),
            ],
            options={
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('size__isnull', False), ('url', ''), models.Q(('file', ''), _negated=True), models.Q(('sha256', ''), _negated=True)), models.Q(models.Q(('url', ''), _negated=True), ('file', ''), ('sha256', ''), ('size__isnull', True)), _connector='OR'), name='validation_document_one')],
            },
        ),
        Isolate(),
    ]
