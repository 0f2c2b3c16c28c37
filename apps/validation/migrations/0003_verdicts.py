"""Too small to judge is a verdict of its own; whether answers can be explained is a question of its own."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('organizations', '0002_doors'),
        ('validation', '0002_segregation'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='checkresult',
            name='validation_result_verdict',
        ),
        migrations.AlterField(
            model_name='checkresult',
            name='family',
            field=models.CharField(choices=[('performance', 'Performance'), ('consistency', 'Consistency'), ('fairness', 'Fairness'), ('robustness', 'Robustness'), ('explainability', 'Explainability'), ('latency', 'Latency'), ('security', 'Security'), ('data', 'Data'), ('documentation', 'Documentation')], max_length=16),
        ),
        migrations.AlterField(
            model_name='checkresult',
            name='verdict',
            field=models.CharField(choices=[('passed', 'Passed'), ('warned', 'Warning'), ('failed', 'Failed'), ('too_small', 'Too small to judge'), ('not_run', 'Could not run')], max_length=16),
        ),
        migrations.AlterField(
            model_name='historicalplancheck',
            name='family',
            field=models.CharField(choices=[('performance', 'Performance'), ('consistency', 'Consistency'), ('fairness', 'Fairness'), ('robustness', 'Robustness'), ('explainability', 'Explainability'), ('latency', 'Latency'), ('security', 'Security'), ('data', 'Data'), ('documentation', 'Documentation')], max_length=16),
        ),
        migrations.AlterField(
            model_name='historicalvalidationrun',
            name='verdict',
            field=models.CharField(blank=True, choices=[('passed', 'Passed'), ('warned', 'Warning'), ('failed', 'Failed'), ('too_small', 'Too small to judge'), ('not_run', 'Could not run')], max_length=16),
        ),
        migrations.AlterField(
            model_name='plancheck',
            name='family',
            field=models.CharField(choices=[('performance', 'Performance'), ('consistency', 'Consistency'), ('fairness', 'Fairness'), ('robustness', 'Robustness'), ('explainability', 'Explainability'), ('latency', 'Latency'), ('security', 'Security'), ('data', 'Data'), ('documentation', 'Documentation')], max_length=16),
        ),
        migrations.AlterField(
            model_name='validationrun',
            name='verdict',
            field=models.CharField(blank=True, choices=[('passed', 'Passed'), ('warned', 'Warning'), ('failed', 'Failed'), ('too_small', 'Too small to judge'), ('not_run', 'Could not run')], max_length=16),
        ),
        migrations.AddConstraint(
            model_name='checkresult',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('verdict__in', ['not_run', 'too_small']), models.Q(('reason', ''), _negated=True)), models.Q(models.Q(('verdict__in', ['not_run', 'too_small']), _negated=True), ('value__isnull', False)), _connector='OR'), name='validation_result_verdict'),
        ),
    ]
