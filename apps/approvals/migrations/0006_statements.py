"""Statements are signed by a role: a kind, and so a policy, for each."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0005_deferral'),
    ]

    operations = [
        migrations.AlterField(
            model_name='historicalpolicy',
            name='kind',
            field=models.CharField(choices=[('charter', 'Charter of a project'), ('data_sign_off', 'Fitness of a dataset version'), ('model_approval', 'Approval of a model version'), ('deployment', 'Deployment to production'), ('waiver', 'Waiver of a finding'), ('deferral', 'Deferral of a revalidation'), ('baseline', 'New monitoring baseline'), ('retirement', 'Retirement of a model'), ('statement_business_owner', 'Statement of the business owner'), ('statement_risk_approver', 'Statement of risk'), ('statement_compliance_approver', 'Statement of compliance'), ('statement_security_approver', 'Statement of security')], max_length=32),
        ),
        migrations.AlterField(
            model_name='historicalrequest',
            name='kind',
            field=models.CharField(choices=[('charter', 'Charter of a project'), ('data_sign_off', 'Fitness of a dataset version'), ('model_approval', 'Approval of a model version'), ('deployment', 'Deployment to production'), ('waiver', 'Waiver of a finding'), ('deferral', 'Deferral of a revalidation'), ('baseline', 'New monitoring baseline'), ('retirement', 'Retirement of a model'), ('statement_business_owner', 'Statement of the business owner'), ('statement_risk_approver', 'Statement of risk'), ('statement_compliance_approver', 'Statement of compliance'), ('statement_security_approver', 'Statement of security')], max_length=32),
        ),
        migrations.AlterField(
            model_name='policy',
            name='kind',
            field=models.CharField(choices=[('charter', 'Charter of a project'), ('data_sign_off', 'Fitness of a dataset version'), ('model_approval', 'Approval of a model version'), ('deployment', 'Deployment to production'), ('waiver', 'Waiver of a finding'), ('deferral', 'Deferral of a revalidation'), ('baseline', 'New monitoring baseline'), ('retirement', 'Retirement of a model'), ('statement_business_owner', 'Statement of the business owner'), ('statement_risk_approver', 'Statement of risk'), ('statement_compliance_approver', 'Statement of compliance'), ('statement_security_approver', 'Statement of security')], max_length=32),
        ),
        migrations.AlterField(
            model_name='request',
            name='kind',
            field=models.CharField(choices=[('charter', 'Charter of a project'), ('data_sign_off', 'Fitness of a dataset version'), ('model_approval', 'Approval of a model version'), ('deployment', 'Deployment to production'), ('waiver', 'Waiver of a finding'), ('deferral', 'Deferral of a revalidation'), ('baseline', 'New monitoring baseline'), ('retirement', 'Retirement of a model'), ('statement_business_owner', 'Statement of the business owner'), ('statement_risk_approver', 'Statement of risk'), ('statement_compliance_approver', 'Statement of compliance'), ('statement_security_approver', 'Statement of security')], max_length=32),
        ),
    ]
