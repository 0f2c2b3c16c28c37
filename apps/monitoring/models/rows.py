"""Baselines, batches as they arrive, predictions and outcomes for joining, and the states they are reduced to."""

import datetime as dt
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Max, Min, Sum
from django.db.models.functions import Trunc
from django.urls import reverse

from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantManager, TenantModel, TenantQuerySet


class BaselineSource(models.TextChoices):
    TRAINING = "training", "The dataset the version was trained on"
    PERIOD = "period", "A period of its own predictions"


class Baseline(AppendOnlyModel):
    """The reference of a model version: bins and what the reference looks like in them. Never changed, only followed.

    `data` holds the engine's baseline (apps.monitoring.engine.baseline), `sha256` names it, `bins` names its bins.
    """

    version = TenantForeignKey("models.ModelVersion", related_name="baselines")
    number = models.PositiveIntegerField()
    source = models.CharField(max_length=16, choices=BaselineSource.choices)
    dataset_version = TenantForeignKey("datasets.DatasetVersion", null=True, blank=True, related_name="+")
    endpoint = TenantForeignKey("deployments.Endpoint", null=True, blank=True, related_name="+")
    since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    sha256 = models.CharField(max_length=64)
    bins = models.CharField(max_length=64)
    data = models.BinaryField()
    rows = models.BigIntegerField()
    columns = models.PositiveIntegerField()
    has_labels = models.BooleanField()
    reason = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "version__model__project"
    model_path = "version__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "version", "number"], name="monitoring_baseline_number"),
            models.CheckConstraint(
                condition=~models.Q(source="period")
                | models.Q(since__isnull=False, until__isnull=False, endpoint__isnull=False),
                name="monitoring_baseline_period",
            ),
        ]

    def __str__(self) -> str:
        return f"Baseline {self.number} of {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("monitoring:baseline", args=[self.organization.key, self.pk])


class BaselineRequest(AppendOnlyModel):
    """A baseline that was asked for: from a period of an endpoint's predictions, with the reason.

    Where the tier asks for it, it takes effect when its approval `request` is signed. `check_run` is the window that
    was accepted as the new normal.
    """

    version = TenantForeignKey("models.ModelVersion", related_name="+")
    endpoint = TenantForeignKey("deployments.Endpoint", related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField()
    reason = models.TextField()
    check_run = TenantForeignKey("monitoring.Check", null=True, blank=True, related_name="acceptances")
    request = TenantForeignKey("approvals.Request", null=True, blank=True, related_name="+")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "version__model__project"
    model_path = "version__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(until__gt=models.F("since")), name="monitoring_request_period")
        ]

    def __str__(self) -> str:
        return f"Baseline of {self.version} from {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"

    def get_absolute_url(self) -> str:
        return reverse("monitoring:endpoint", args=[self.organization.key, self.endpoint.key])


class BatchKind(models.TextChoices):
    PREDICTIONS = "predictions", "Predictions"
    OUTCOMES = "outcomes", "Outcomes"
    FEEDBACK = "feedback", "Feedback"


class BatchSource(models.TextChoices):
    SENT = "sent", "Sent by the API"
    SERVED = "served", "Served by the endpoint"


class BatchState(models.TextChoices):
    RECEIVED = "received", "Received"
    REDUCED = "reduced", "Counted"
    FAILED = "failed", "Could not be counted"


class Batch(TenantModel):
    """The ledger: a batch of rows that was received, kept as Parquet, and is counted exactly once.

    `key` is what the sender calls it; the same key with the same content is the same batch.
    """

    endpoint = TenantForeignKey("deployments.Endpoint", related_name="batches")
    version = TenantForeignKey("models.ModelVersion", null=True, blank=True, related_name="+")
    # What its predictions are counted with; none until there is one.
    baseline = TenantForeignKey(Baseline, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=16, choices=BatchKind.choices)
    source = models.CharField(max_length=16, choices=BatchSource.choices, default=BatchSource.SENT)
    key = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=BatchState.choices, default=BatchState.RECEIVED)
    path = models.CharField(max_length=300)
    size = models.BigIntegerField()
    rows = models.BigIntegerField()
    refused = models.BigIntegerField(default=0)
    errors = models.JSONField(default=list)
    # Rows that were already known (a prediction id or an equal outcome that came before); known once it is counted.
    repeated = models.BigIntegerField(default=0)
    unmatched = models.BigIntegerField(default=0)
    first_at = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    reduced_at = models.DateTimeField(null=True, blank=True)
    # Row groups of its file that were counted: a long batch is counted in several transactions.
    groups = models.PositiveIntegerField(default=0)
    # How often counting it failed since it was last sent on its way, and why it was given up.
    attempts = models.PositiveSmallIntegerField(default=0)
    failure = models.TextField(blank=True)
    # When its rows were deleted because they had been kept for long enough; what they were counted into stays.
    removed_at = models.DateTimeField(null=True, blank=True)
    # The segment columns that its rows were counted by: a column chosen later finds what is still to be counted.
    segmented = ArrayField(models.UUIDField(), default=list, blank=True)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    class Meta(TenantModel.Meta):
        verbose_name_plural = "batches"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "endpoint", "kind", "key"], name="monitoring_batch_key"),
            models.CheckConstraint(
                condition=models.Q(state__in=["received", "failed"], reduced_at__isnull=True)
                | models.Q(state="reduced", reduced_at__isnull=False),
                name="monitoring_batch_reduced",
            ),
            models.CheckConstraint(
                condition=models.Q(state="failed") ^ models.Q(failure=""), name="monitoring_batch_failure"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="predictions") | models.Q(version__isnull=False),
                name="monitoring_batch_version",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "endpoint", "-id"], name="monitoring_batch_newest"),
            models.Index(
                fields=["organization", "created_at"],
                name="monitoring_batch_waiting",
                condition=models.Q(state="received"),
            ),
            models.Index(
                fields=["organization", "endpoint", "created_at"],
                name="monitoring_batch_kept",
                condition=models.Q(removed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.key}"

    def get_absolute_url(self) -> str:
        return reverse("monitoring:batch", args=[self.organization.key, self.pk])


class Hold(TenantModel):
    """Rows kept beyond their time, for a dispute or an inquiry: those with events in a period of an endpoint."""

    endpoint = TenantForeignKey("deployments.Endpoint", related_name="holds")
    since = models.DateTimeField()
    until = models.DateTimeField()
    reason = models.TextField()
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    released_at = models.DateTimeField(null=True, blank=True)
    history = History()

    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(until__gt=models.F("since")), name="monitoring_hold_period"),
            models.CheckConstraint(
                condition=models.Q(released_at__isnull=True, released_by__isnull=True)
                | models.Q(released_at__isnull=False, released_by__isnull=False),
                name="monitoring_hold_released",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "endpoint"],
                name="monitoring_hold_open",
                condition=models.Q(released_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} from {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"

    def get_absolute_url(self) -> str:
        return reverse("monitoring:batches", args=[self.organization.key, self.endpoint.key])


class Prediction(TenantModel):
    """One prediction as far as its outcome needs it: whose, when, what was said. The inputs stay in the batch's file.

    The endpoint is a plain id, not a key: there are millions of these, and the batch leads to it.
    """

    batch = TenantForeignKey(Batch, related_name="+")
    endpoint_id = models.UUIDField()
    prediction_id = models.CharField(max_length=200)
    at = models.DateTimeField()
    score = models.FloatField(null=True)
    label = models.CharField(max_length=200, null=True)
    # The segments that the row lies in, one a line: its outcome is counted there as well.
    segments = models.TextField(null=True)

    project_path = "batch__endpoint__model__project"
    model_path = "batch__endpoint__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "endpoint_id", "prediction_id"], name="monitoring_prediction_once"
            )
        ]

    def __str__(self) -> str:
        return self.prediction_id


class Outcome(TenantModel):
    """What came true for a prediction. A correction is a new row; the former ones stay as they were told.

    `matched_at` is empty while no prediction of this id is known: it is kept, and matched when the prediction arrives.
    """

    batch = TenantForeignKey(Batch, related_name="+")
    endpoint_id = models.UUIDField()
    prediction_id = models.CharField(max_length=200)
    revision = models.PositiveIntegerField(default=1)
    is_current = models.BooleanField(default=True)
    at = models.DateTimeField()
    label = models.CharField(max_length=200, null=True)
    number = models.FloatField(null=True)
    matched_at = models.DateTimeField(null=True)

    project_path = "batch__endpoint__model__project"
    model_path = "batch__endpoint__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "endpoint_id", "prediction_id", "revision"], name="monitoring_outcome_revision"
            ),
            models.UniqueConstraint(
                fields=["organization", "endpoint_id", "prediction_id"],
                condition=models.Q(is_current=True),
                name="monitoring_outcome_current",
            ),
            models.CheckConstraint(
                condition=models.Q(label__isnull=True) ^ models.Q(number__isnull=True), name="monitoring_outcome_value"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prediction_id}: {self.number if self.label is None else self.label}"


class Feedback(AppendOnlyModel):
    """What a user of the predictions thinks of one, or of all of them."""

    endpoint = TenantForeignKey("deployments.Endpoint", related_name="feedback")
    batch = TenantForeignKey(Batch, null=True, blank=True, related_name="+")
    prediction_id = models.CharField(max_length=200, blank=True)
    rating = models.PositiveSmallIntegerField(null=True, blank=True)
    comment = models.TextField(blank=True)
    said_by = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    received_from = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    class Meta(AppendOnlyModel.Meta):
        verbose_name_plural = "feedback"
        ordering: ClassVar = ["-at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(rating__isnull=True) | models.Q(rating__gte=1, rating__lte=5),
                name="monitoring_feedback_rating",
            ),
            models.CheckConstraint(
                condition=models.Q(rating__isnull=False) | ~models.Q(comment=""), name="monitoring_feedback_says"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "endpoint", "-at"], name="monitoring_feedback_at")]

    def __str__(self) -> str:
        return f"{self.rating or '–'} of 5: {self.comment[:60]}"


class Grain(models.TextChoices):
    HOUR = "hour", "Hour"
    DAY = "day", "Day"
    MONTH = "month", "Month"


class StateKind(models.TextChoices):
    PREDICTIONS = "predictions", "Predictions"
    OUTCOMES = "outcomes", "Outcomes"


class StateQuerySet(TenantQuerySet):
    """Sums over time."""

    def within(self, since: dt.datetime, until: dt.datetime) -> "StateQuerySet":
        """The states that lie whole between the two moments: a day's state is no part of an hour."""
        return self.filter(start_at__gte=since, end_at__lte=until)

    def covering(self, hours: list[dt.datetime]) -> "StateQuerySet":
        """The states of any grain that hold one of these hours, and some between."""
        return self.filter(start_at__lte=max(hours), end_at__gt=min(hours))

    def span(self) -> tuple[dt.datetime, dt.datetime] | None:
        """Start of the first state and of the last moment any of them knows; None when there are none."""
        found = self.aggregate(first=Min("start_at"), last=Max("last_at"))
        return (found["first"], found["last"]) if found["first"] else None

    def by_window(self, window: str) -> dict[tuple[Any, dt.datetime, str], tuple[int, int]]:
        """Rows and changes by (baseline id, start of the window, kind), in one query."""
        truncated = Trunc("start_at", window, tzinfo=dt.UTC, output_field=models.DateTimeField())
        found = self.annotate(window_at=truncated).values("baseline_id", "window_at", "kind").order_by("window_at")
        return {
            (row["baseline_id"], row["window_at"], row["kind"]): (row["total"], row["changed"])
            for row in found.annotate(total=Sum("rows"), changed=Sum("changes"))
        }


class StateManager(TenantManager.from_queryset(StateQuerySet)):  # type: ignore[misc]
    """States of the ambient organization."""


class State(TenantModel):
    """Rows of one hour (later day, month) reduced to an additive state (apps.monitoring.engine.state).

    Outcomes are kept under the hour of the *prediction*, so that a late outcome adds to an old hour.
    """

    endpoint = TenantForeignKey("deployments.Endpoint", related_name="+")
    baseline = TenantForeignKey(Baseline, related_name="states")
    kind = models.CharField(max_length=16, choices=StateKind.choices)
    segment = models.CharField(max_length=120, blank=True)
    grain = models.CharField(max_length=8, choices=Grain.choices, default=Grain.HOUR)
    start_at = models.DateTimeField()
    end_at = models.DateTimeField()
    last_at = models.DateTimeField()
    rows = models.BigIntegerField()
    # Grows with every addition and correction, and adds up: how a check sees that its window has changed since.
    changes = models.BigIntegerField(default=0)
    data = models.BinaryField()

    objects = StateManager()  # type: ignore[misc]
    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["start_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "endpoint", "baseline", "kind", "segment", "grain", "start_at"],
                name="monitoring_state_one",
            ),
            models.CheckConstraint(condition=models.Q(end_at__gt=models.F("start_at")), name="monitoring_state_span"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "endpoint", "kind", "start_at"], name="monitoring_state_window")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.start_at:%Y-%m-%d %H:%M} ({self.grain})"


class ServiceReading(TenantModel):
    """Calls, errors and latency of an endpoint in one hour; latencies as counts by class, so that hours add up."""

    endpoint = TenantForeignKey("deployments.Endpoint", related_name="service_readings")
    start_at = models.DateTimeField()
    calls = models.BigIntegerField()
    failed = models.BigIntegerField()
    refused = models.BigIntegerField()
    predictions = models.BigIntegerField()
    latencies = models.JSONField(default=list)

    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["start_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "endpoint", "start_at"], name="monitoring_service_hour")
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} at {self.start_at:%Y-%m-%d %H:%M}"
