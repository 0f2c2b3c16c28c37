"""A worker may say when it expects to be done."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('work', '0004_trace'),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='ends_at',
            field=models.DateTimeField(null=True),
        ),
    ]
