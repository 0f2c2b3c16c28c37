"""A deferral of a revalidation is decided like a waiver."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0004_plurals'),
    ]

    operations = [
        migrations.AlterField(
            model_name='historicalpolicy',
            name='kind',
            field=models.CharField(choices=[('charter', 'Charter of a project'), ('data_sign_off', 'Fitness of a dataset version'), ('model_approval', 'Approval of a model version'), ('deployment', 'Deployment to production'), ('waiver', 'Waiver of a finding'), ('deferral', 'Deferral of a revalidation'), ('baseline', 'New monitoring baseline'), ('retirement', 'Retirement of a model')], max_length=32),
        ),
        migrations.AlterField(
            model_name='historicalrequest',
            name='kind',
            field=models.CharField(choices=[('charter', 'Charter of a project'), ('data_sign_off', 'Fitness of a dataset version'), ('model_approval', 'Approval of a model version'), ('deployment', 'Deployment to production'), ('waiver', 'Waiver of a finding'), ('deferral', 'Deferral of a revalidation'), ('baseline', 'New monitoring baseline'), ('retirement', 'Retirement of a model')], max_length=32),
        ),
        migrations.AlterField(
            model_name='policy',
            name='kind',
            field=models.CharField(choices=[('charter', 'Charter of a project'), ('data_sign_off', 'Fitness of a dataset version'), ('model_approval', 'Approval of a model version'), ('deployment', 'Deployment to production'), ('waiver', 'Waiver of a finding'), ('deferral', 'Deferral of a revalidation'), ('baseline', 'New monitoring baseline'), ('retirement', 'Retirement of a model')], max_length=32),
        ),
        migrations.AlterField(
            model_name='request',
            name='kind',
            field=models.CharField(choices=[('charter', 'Charter of a project'), ('data_sign_off', 'Fitness of a dataset version'), ('model_approval', 'Approval of a model version'), ('deployment', 'Deployment to production'), ('waiver', 'Waiver of a finding'), ('deferral', 'Deferral of a revalidation'), ('baseline', 'New monitoring baseline'), ('retirement', 'Retirement of a model')], max_length=32),
        ),
    ]
