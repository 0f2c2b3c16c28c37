"""A broken condition of use is a cause of incidents."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('monitoring', '0011_feature_indexes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='alert',
            name='cause',
            field=models.CharField(choices=[('drift', 'Inputs or predictions have moved'), ('pipeline', 'Missing, new or impossible values'), ('performance', 'Predictions became worse'), ('errors', 'Calls fail'), ('latency', 'Answers are slow'), ('silence', 'No predictions arrive'), ('feedback', 'Users are dissatisfied'), ('value', 'The business value falls short'), ('segments', 'A segment fares differently'), ('conditions', 'A condition of its validation is broken')], max_length=16),
        ),
        migrations.AlterField(
            model_name='channel',
            name='causes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('drift', 'Inputs or predictions have moved'), ('pipeline', 'Missing, new or impossible values'), ('performance', 'Predictions became worse'), ('errors', 'Calls fail'), ('latency', 'Answers are slow'), ('silence', 'No predictions arrive'), ('feedback', 'Users are dissatisfied'), ('value', 'The business value falls short'), ('segments', 'A segment fares differently'), ('conditions', 'A condition of its validation is broken')], max_length=16), blank=True, default=list, size=None),
        ),
        migrations.AlterField(
            model_name='historicalchannel',
            name='causes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('drift', 'Inputs or predictions have moved'), ('pipeline', 'Missing, new or impossible values'), ('performance', 'Predictions became worse'), ('errors', 'Calls fail'), ('latency', 'Answers are slow'), ('silence', 'No predictions arrive'), ('feedback', 'Users are dissatisfied'), ('value', 'The business value falls short'), ('segments', 'A segment fares differently'), ('conditions', 'A condition of its validation is broken')], max_length=16), blank=True, default=list, size=None),
        ),
        migrations.AlterField(
            model_name='historicalincident',
            name='cause',
            field=models.CharField(choices=[('drift', 'Inputs or predictions have moved'), ('pipeline', 'Missing, new or impossible values'), ('performance', 'Predictions became worse'), ('errors', 'Calls fail'), ('latency', 'Answers are slow'), ('silence', 'No predictions arrive'), ('feedback', 'Users are dissatisfied'), ('value', 'The business value falls short'), ('segments', 'A segment fares differently'), ('conditions', 'A condition of its validation is broken')], max_length=16),
        ),
        migrations.AlterField(
            model_name='incident',
            name='cause',
            field=models.CharField(choices=[('drift', 'Inputs or predictions have moved'), ('pipeline', 'Missing, new or impossible values'), ('performance', 'Predictions became worse'), ('errors', 'Calls fail'), ('latency', 'Answers are slow'), ('silence', 'No predictions arrive'), ('feedback', 'Users are dissatisfied'), ('value', 'The business value falls short'), ('segments', 'A segment fares differently'), ('conditions', 'A condition of its validation is broken')], max_length=16),
        ),
    ]
