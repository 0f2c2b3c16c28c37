"""A check that finds nothing its question is about says so; that is no pass and holds nothing up."""

from django.db import migrations, models

VERDICTS = [
    ("passed", "Passed"),
    ("warned", "Warning"),
    ("failed", "Failed"),
    ("too_small", "Too small to judge"),
    ("not_run", "Could not run"),
    ("nothing_to_ask", "Nothing to ask"),
]
SILENT = ["not_run", "too_small", "nothing_to_ask"]
SAYS_WHY = models.Q(("verdict__in", SILENT), models.Q(("reason", ""), _negated=True))
HAS_VALUE = models.Q(models.Q(("verdict__in", SILENT), _negated=True), ("value__isnull", False))


class Migration(migrations.Migration):
    dependencies = [("validation", "0003_verdicts")]

    operations = [
        migrations.RemoveConstraint(model_name="checkresult", name="validation_result_verdict"),
        migrations.AlterField("checkresult", "verdict", models.CharField(choices=VERDICTS, max_length=16)),
        migrations.AlterField(
            "historicalvalidationrun", "verdict", models.CharField(blank=True, choices=VERDICTS, max_length=16)
        ),
        migrations.AlterField(
            "validationrun", "verdict", models.CharField(blank=True, choices=VERDICTS, max_length=16)
        ),
        migrations.AddConstraint(
            model_name="checkresult",
            constraint=models.CheckConstraint(
                condition=models.Q(SAYS_WHY, HAS_VALUE, _connector="OR"), name="validation_result_verdict"
            ),
        ),
    ]
