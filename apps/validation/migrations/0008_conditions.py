"""Conditions of use, line by line."""

import apps.core.ids
import apps.core.models
import django.db.models.deletion
from django.db import migrations, models

from apps.core.isolation import Isolate


class Migration(migrations.Migration):

    dependencies = [
        ('organizations', '0002_doors'),
        ('validation', '0007_reuse'),
    ]

    operations = [
        migrations.CreateModel(
            name='Condition',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('number', models.PositiveSmallIntegerField()),
                ('kind', models.CharField(choices=[('until', 'Valid until a day'), ('places', 'Only in named environments or at named endpoints'), ('traffic', 'Only for a share of the callers, or in the shadow'), ('inputs', 'Only for inputs within limits'), ('monitor', 'A monitor has to be active'), ('confirm', 'A person confirms each decision'), ('statement', 'In words, to be acknowledged at deployment')], max_length=16)),
                ('limits', models.JSONField(blank=True, default=dict)),
                ('text', models.TextField(blank=True)),
                ('is_strict', models.BooleanField(default=False)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('run', apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='terms', to='validation.validationrun')),
            ],
            options={
                'ordering': ['number'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('organization', 'run', 'number'), name='validation_condition_number'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'statement'), _negated=True), models.Q(('text', ''), _negated=True), _connector='OR'), name='validation_condition_text')],
            },
        ),
        Isolate(),
    ]
