"""The conditions of use that a deployment is under, and rows outside them."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0004_plurals'),
        ('deployments', '0004_plurals'),
        ('models', '0003_plurals'),
        ('organizations', '0002_doors'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='deployment',
            name='acknowledged',
            field=models.JSONField(blank=True, default=list, help_text='Which of them somebody took note of, and who.'),
        ),
        migrations.AddField(
            model_name='deployment',
            name='breach',
            field=models.TextField(blank=True, help_text='The conditions that it breaks by now, in words.'),
        ),
        migrations.AddField(
            model_name='deployment',
            name='breached_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='deployment',
            name='is_halted',
            field=models.BooleanField(default=False, help_text='Callers get no answers while a strict one is broken.'),
        ),
        migrations.AddField(
            model_name='deployment',
            name='terms',
            field=models.JSONField(blank=True, default=list, help_text='The conditions of use it is under.'),
        ),
        migrations.AddField(
            model_name='historicaldeployment',
            name='acknowledged',
            field=models.JSONField(blank=True, default=list, help_text='Which of them somebody took note of, and who.'),
        ),
        migrations.AddField(
            model_name='historicaldeployment',
            name='breach',
            field=models.TextField(blank=True, help_text='The conditions that it breaks by now, in words.'),
        ),
        migrations.AddField(
            model_name='historicaldeployment',
            name='breached_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='historicaldeployment',
            name='is_halted',
            field=models.BooleanField(default=False, help_text='Callers get no answers while a strict one is broken.'),
        ),
        migrations.AddField(
            model_name='historicaldeployment',
            name='terms',
            field=models.JSONField(blank=True, default=list, help_text='The conditions of use it is under.'),
        ),
        migrations.AddField(
            model_name='traffic',
            name='outside',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddConstraint(
            model_name='deployment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('breach', ''), ('breached_at__isnull', True), ('is_halted', False)), models.Q(models.Q(('breach', ''), _negated=True), ('breached_at__isnull', False)), _connector='OR'), name='deployments_deployment_breach'),
        ),
    ]
