"""A result may come from an earlier run that measured it on the same inputs; a run may ask for everything anew."""

import apps.core.models
import django.db.models.deletion
from django.db import migrations, models

from apps.core.isolation import Isolate


class Migration(migrations.Migration):

    dependencies = [
        ('organizations', '0002_doors'),
        ('validation', '0006_signed_reports'),
    ]

    operations = [
        migrations.AddField(
            model_name='checkresult',
            name='inputs_hash',
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name='checkresult',
            name='origin',
            field=models.CharField(choices=[('measured', 'Measured'), ('reused', 'Measured in an earlier run')], default='measured', max_length=16),
        ),
        migrations.AddField(
            model_name='checkresult',
            name='reused_from',
            field=apps.core.models.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reused_as', to='validation.checkresult'),
        ),
        migrations.AddField(
            model_name='historicalvalidationrun',
            name='anew',
            field=models.BooleanField(default=False, help_text='Everything is measured, also what an earlier run measured on the same inputs.'),
        ),
        migrations.AddField(
            model_name='validationrun',
            name='anew',
            field=models.BooleanField(default=False, help_text='Everything is measured, also what an earlier run measured on the same inputs.'),
        ),
        migrations.AddIndex(
            model_name='checkresult',
            index=models.Index(condition=models.Q(('inputs_hash', ''), _negated=True), fields=['organization', 'inputs_hash', '-id'], name='validation_result_inputs'),
        ),
        migrations.AddConstraint(
            model_name='checkresult',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('origin', 'reused'), ('reused_from__isnull', False)), models.Q(models.Q(('origin', 'reused'), _negated=True), ('reused_from__isnull', True)), _connector='OR'), name='validation_result_reused'),
        ),
        Isolate(),
    ]
