"""What validators signed: the report and its statement, kept as they were."""

import apps.core.ids
import apps.core.models
import django.db.models.deletion
from django.db import migrations, models

from apps.core.isolation import Isolate


class Migration(migrations.Migration):

    dependencies = [
        ('organizations', '0002_doors'),
        ('validation', '0005_judging_rules'),
    ]

    operations = [
        migrations.CreateModel(
            name='SignedReport',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('envelope', models.TextField()),
                ('report', models.CharField(editable=False, max_length=300)),
                ('report_sha256', models.CharField(max_length=64)),
                ('report_size', models.BigIntegerField()),
                ('public_key', models.CharField(max_length=44)),
                ('key_id', models.CharField(max_length=16)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('run', apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='signed_reports', to='validation.validationrun')),
            ],
            options={
                'ordering': ['id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('organization', 'run'), name='validation_signed_report_once')],
            },
        ),
        Isolate(),
    ]
