"""Statements that somebody in a role is asked to sign about a version."""

import apps.core.ids
import apps.core.models
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.core.isolation import Isolate


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0006_statements'),
        ('models', '0003_plurals'),
        ('organizations', '0002_doors'),
        ('validation', '0012_own_checks'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AskedSignature',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('role', models.CharField(choices=[('business_owner', 'Business owner'), ('data_scientist', 'Data scientist'), ('validator', 'Validator'), ('risk_approver', 'Risk approver'), ('compliance_approver', 'Compliance approver'), ('security_approver', 'Security approver'), ('operator', 'Operator'), ('viewer', 'Viewer')], max_length=32)),
                ('statement', models.CharField(max_length=300)),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('request', apps.core.models.TenantOneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='approvals.request')),
                ('version', apps.core.models.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='asked_signatures', to='models.modelversion')),
            ],
            options={
                'ordering': ['id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            },
        ),
        Isolate(),
    ]
