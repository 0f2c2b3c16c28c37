"""When a model is trained anew, why it was or was not, and how the challenger stood against the champion."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse

from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantModel
from apps.core.states import Machine


class Trigger(models.TextChoices):
    """What made a retraining start, or would have."""

    SCHEDULE = "schedule", "Schedule"
    DRIFT = "drift", "Drift"
    PERFORMANCE = "performance", "Performance"
    NEW_DATA = "new_data", "New data"
    HAND = "hand", "By hand"


class RetrainingPolicy(TenantModel):
    """What makes a model be trained anew, on which data, by which recipe, and what keeps it from happening too often.

    Its owner, a data scientist, answers for what is trained under it: the challenger counts as developed by them.
    """

    model = TenantForeignKey("models.RegisteredModel", on_delete=models.PROTECT, related_name="retraining_policies")
    dataset = TenantForeignKey("datasets.Dataset", on_delete=models.PROTECT, related_name="retraining_policies")
    recipe = models.JSONField()
    every_days = models.PositiveIntegerField(null=True, blank=True)
    on_drift = models.BooleanField(default=False)
    on_performance = models.BooleanField(default=False)
    on_new_data = models.BooleanField(default=False)
    cool_down_days = models.PositiveIntegerField(default=7)
    min_rows = models.PositiveIntegerField(default=1000)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    is_active = models.BooleanField(default=True)
    history = History()

    project_path = "model__project"
    model_path = "model"

    class Meta(TenantModel.Meta):
        verbose_name_plural = "retraining policies"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "model"], name="retraining_policy_one"),
            models.CheckConstraint(condition=~models.Q(every_days=0), name="retraining_policy_interval"),
        ]

    def __str__(self) -> str:
        return f"Retraining of {self.model}"

    def get_absolute_url(self) -> str:
        return reverse("retraining:policy", args=[self.organization.key, self.model.key])

    @property
    def triggers(self) -> list[str]:
        """The triggers that are on, as words."""
        named = {
            Trigger.DRIFT: self.on_drift,
            Trigger.PERFORMANCE: self.on_performance,
            Trigger.NEW_DATA: self.on_new_data,
        }
        found = [str(trigger.label) for trigger, is_on in named.items() if is_on]
        return [f"Every {self.every_days} days", *found] if self.every_days else found

    def listens_to(self, trigger: str) -> bool:
        """Whether this trigger is on; by hand always is."""
        return {
            Trigger.HAND: True,
            Trigger.SCHEDULE: bool(self.every_days),
            Trigger.DRIFT: self.on_drift,
            Trigger.PERFORMANCE: self.on_performance,
            Trigger.NEW_DATA: self.on_new_data,
        }[Trigger(trigger)]


class RunState(models.TextChoices):
    """How far a retraining has come."""

    TRAINING = "training", "Training"
    TRAINED = "trained", "Trained, being compared"
    COMPARED = "compared", "Compared with the champion"
    PROMOTED = "promoted", "Promoted"
    REJECTED = "rejected", "Not promoted"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Did not run"


RUN_STATES = Machine(
    "retraining.RetrainingRun",
    RunState,
    {
        RunState.TRAINING: (RunState.TRAINED, RunState.FAILED, RunState.SKIPPED),
        RunState.TRAINED: (RunState.COMPARED, RunState.PROMOTED, RunState.REJECTED, RunState.FAILED),
        RunState.COMPARED: (RunState.PROMOTED, RunState.REJECTED),
        RunState.PROMOTED: (),
        RunState.REJECTED: (),
        RunState.FAILED: (),
        RunState.SKIPPED: (),
    },
)


class RetrainingRun(TenantModel):
    """One occasion on which a policy was triggered: why it ran, or why it did not, and what came of it."""

    policy = TenantForeignKey(RetrainingPolicy, on_delete=models.PROTECT, related_name="runs")
    number = models.PositiveIntegerField()
    trigger = models.CharField(max_length=16, choices=Trigger.choices)
    cause = models.TextField()
    cause_url = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.TRAINING)
    outcome = models.TextField(blank=True)
    dataset_version = TenantForeignKey(
        "datasets.DatasetVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    training_run = TenantForeignKey(
        "models.TrainingRun", null=True, blank=True, on_delete=models.PROTECT, related_name="retraining_runs"
    )
    champion = TenantForeignKey(
        "models.ModelVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    challenger = TenantForeignKey(
        "models.ModelVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="retraining_runs"
    )
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    history = History()

    project_path = "policy__model__project"
    model_path = "policy__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "policy", "number"], name="retraining_run_number"),
            models.UniqueConstraint(
                fields=["organization", "policy"],
                condition=models.Q(state__in=["training", "trained"]),
                name="retraining_run_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(state="skipped") | models.Q(training_run__isnull=False), name="retraining_run_trains"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy}, occasion {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("retraining:run", args=[self.organization.key, self.policy.model.key, self.number])

    @property
    def is_open(self) -> bool:
        """Whether a worker is still at it."""
        return self.state in {RunState.TRAINING, RunState.TRAINED}


class Judgement(models.TextChoices):
    """What a comparison says."""

    BETTER = "better", "Better than the champion"
    SAME = "same", "No difference that could not be chance"
    WORSE = "worse", "Worse than the champion"


class Comparison(AppendOnlyModel):
    """Challenger and champion on the same rows, with the interval of their difference."""

    run = TenantForeignKey(RetrainingRun, on_delete=models.PROTECT, related_name="comparisons")
    champion = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="+")
    challenger = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="comparisons")
    test_data = TenantForeignKey("datasets.DatasetVersion", on_delete=models.PROTECT, related_name="+")
    judgement = models.CharField(max_length=8, choices=Judgement.choices)
    metric = models.CharField(max_length=40)
    difference = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    rows = models.BigIntegerField()
    sentence = models.TextField()
    evidence = models.JSONField(default=dict)
    isolation = models.CharField(max_length=120, blank=True)

    project_path = "run__policy__model__project"
    model_path = "run__policy__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "run"], name="retraining_comparison_one"),
            models.CheckConstraint(
                condition=models.Q(low__lte=models.F("high")), name="retraining_comparison_interval"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.challenger} against {self.champion}"

    def get_absolute_url(self) -> str:
        return self.run.get_absolute_url()
