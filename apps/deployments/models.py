"""Where models run: environments, endpoints, what was deployed there from when to when, and every prediction."""

import datetime as dt
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from apps.core.models import (
    AppendOnlyModel,
    History,
    TenantForeignKey,
    TenantManager,
    TenantModel,
    TenantOneToOneField,
    TenantQuerySet,
)
from apps.core.states import Machine
from apps.deployments.engine import latency
from apps.organizations.models import KEY


class Environment(TenantModel):
    """A place where models run, on the way to production: the smaller its order, the earlier."""

    key = models.CharField(max_length=50, validators=[KEY])
    name = models.CharField(max_length=80)
    order = models.PositiveSmallIntegerField(default=1)
    is_production = models.BooleanField(default=False)
    deploys_when_approved = models.BooleanField(
        default=False, help_text="With the last signature the version is deployed; otherwise an operator does it then."
    )
    history = History()

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["order", "key"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "key"], name="deployments_environment_key"),
            models.UniqueConstraint(fields=["organization", "order"], name="deployments_environment_order"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("deployments:environment", args=[self.organization.key, self.key])


class EndpointState(models.TextChoices):
    """How far an endpoint is in its own life."""

    CREATED = "created", "Created"
    LIVE = "live", "Live"
    DRAINING = "draining", "Draining"
    OFF = "off", "Off"


ENDPOINT_STATES = Machine(
    "deployments.Endpoint",
    EndpointState,
    {
        EndpointState.CREATED: (EndpointState.LIVE, EndpointState.OFF),
        EndpointState.LIVE: (EndpointState.DRAINING, EndpointState.OFF),
        EndpointState.DRAINING: (EndpointState.LIVE, EndpointState.OFF),
        EndpointState.OFF: (),
    },
)


class EndpointQuerySet(TenantQuerySet):
    """Endpoints by what they do."""

    def serving(self) -> Self:
        """Those that answer: live, or draining before the end."""
        return self.filter(state__in=[EndpointState.LIVE, EndpointState.DRAINING])


class EndpointManager(TenantManager.from_queryset(EndpointQuerySet)):  # type: ignore[misc]
    """Endpoints of the ambient organization."""


class Endpoint(TenantModel):
    """The address under which one model answers in one environment. Which version answers is its current deployment."""

    model = TenantForeignKey("models.RegisteredModel", on_delete=models.PROTECT, related_name="endpoints")
    environment = TenantForeignKey(Environment, on_delete=models.PROTECT, related_name="endpoints")
    key = models.CharField(max_length=50, validators=[KEY])
    state = models.CharField(max_length=16, choices=EndpointState.choices, default=EndpointState.CREATED)
    must_record = models.BooleanField(
        default=False, help_text="Where a prediction cannot be recorded, the caller gets an error instead of an answer."
    )
    draining_at = models.DateTimeField(null=True, blank=True)
    off_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History()

    objects: ClassVar[Any] = EndpointManager()
    project_path = "model__project"
    model_path = "model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["key"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "key"], name="deployments_endpoint_key"),
            models.UniqueConstraint(
                fields=["organization", "model", "environment"],
                condition=~Q(state="off"),
                name="deployments_endpoint_one",
            ),
            models.CheckConstraint(
                condition=Q(state="off", off_at__isnull=False) | (~Q(state="off") & Q(off_at__isnull=True)),
                name="deployments_endpoint_off",
            ),
            models.CheckConstraint(
                condition=~Q(state="draining") | Q(draining_at__isnull=False), name="deployments_endpoint_draining"
            ),
        ]

    def __str__(self) -> str:
        return self.key

    def get_absolute_url(self) -> str:
        return reverse("deployments:endpoint", args=[self.organization.key, self.key])

    @property
    def infer_path(self) -> str:
        """The path predictions are asked at."""
        return f"/o/{self.organization.key}/serve/v2/models/{self.key}/infer"

    @property
    def infer_url(self) -> str:
        """The whole address predictions are asked at."""
        return f"{settings.TENURE_SERVE_ADDRESS}{self.infer_path}"

    @property
    def current(self) -> "Deployment | None":
        """What answers now."""
        return self.deployments.filter(state=DeploymentState.LIVE).select_related("version").first()

    @property
    def planned(self) -> "Deployment | None":
        """What was asked for and is neither deployed nor dropped."""
        planned = self.deployments.filter(state=DeploymentState.PLANNED)
        return planned.select_related("version", "request").first()

    @property
    def is_serving(self) -> bool:
        """Whether it answers."""
        return self.state in {EndpointState.LIVE, EndpointState.DRAINING}


class DeploymentState(models.TextChoices):
    """What became of a deployment. Waiting for signatures is no state: the approval request says that."""

    PLANNED = "planned", "Planned"
    LIVE = "live", "Live"
    ENDED = "ended", "Ended"
    DROPPED = "dropped", "Dropped"


DEPLOYMENT_STATES = Machine(
    "deployments.Deployment",
    DeploymentState,
    {
        DeploymentState.PLANNED: (DeploymentState.LIVE, DeploymentState.DROPPED),
        DeploymentState.LIVE: (DeploymentState.ENDED,),
        DeploymentState.ENDED: (),
        DeploymentState.DROPPED: (),
    },
)


class DeploymentQuerySet(TenantQuerySet):
    """Deployments by time and place."""

    def live_at(self, moment: dt.datetime) -> Self:
        """What answered at a moment: at most one per endpoint."""
        return self.filter(Q(ended_at=None) | Q(ended_at__gt=moment), started_at__lte=moment)

    def in_production(self) -> Self:
        """Those in production environments."""
        return self.filter(endpoint__environment__is_production=True)


class DeploymentManager(TenantManager.from_queryset(DeploymentQuerySet)):  # type: ignore[misc]
    """Deployments of the ambient organization."""


class Deployment(TenantModel):
    """One version on one endpoint, from its start to its end: who put it there, why, and who had approved it."""

    endpoint = TenantForeignKey(Endpoint, on_delete=models.PROTECT, related_name="deployments")
    number = models.PositiveIntegerField()
    version = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="deployments")
    state = models.CharField(max_length=16, choices=DeploymentState.choices, default=DeploymentState.PLANNED)
    reason = models.TextField(blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    request = TenantForeignKey(
        "approvals.Request", null=True, blank=True, on_delete=models.PROTECT, related_name="deployments"
    )
    started_at = models.DateTimeField(null=True, blank=True)
    deployed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    replaced = TenantForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    rollback_of = TenantForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="rollbacks")
    decision = TenantForeignKey(
        "deployments.GateDecision", null=True, blank=True, on_delete=models.PROTECT, related_name="deployments"
    )
    terms = models.JSONField(default=list, blank=True, help_text="The conditions of use it is under.")
    acknowledged = models.JSONField(default=list, blank=True, help_text="Which of them somebody took note of, and who.")
    breach = models.TextField(blank=True, help_text="The conditions that it breaks by now, in words.")
    breached_at = models.DateTimeField(null=True, blank=True)
    is_halted = models.BooleanField(default=False, help_text="Callers get no answers while a strict one is broken.")
    history = History()

    objects: ClassVar[Any] = DeploymentManager()
    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-number"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "started_at"], name="deployments_deployment_from"),
            models.Index(fields=["organization", "version"], name="deployments_deployment_version"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "endpoint", "number"], name="deployments_deployment_number"
            ),
            models.UniqueConstraint(
                fields=["organization", "endpoint"], condition=Q(state="live"), name="deployments_deployment_live"
            ),
            models.UniqueConstraint(
                fields=["organization", "endpoint"], condition=Q(state="planned"), name="deployments_deployment_planned"
            ),
            models.CheckConstraint(
                condition=Q(started_at__isnull=True, deployed_by__isnull=True)
                | Q(started_at__isnull=False, deployed_by__isnull=False),
                name="deployments_deployment_started",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False, ended_at__gte=F("started_at")),
                name="deployments_deployment_ended",
            ),
            models.CheckConstraint(
                condition=Q(state="planned", started_at__isnull=True)
                | Q(state="dropped", started_at__isnull=True)
                | Q(state="live", started_at__isnull=False, ended_at__isnull=True)
                | Q(state="ended", started_at__isnull=False, ended_at__isnull=False),
                name="deployments_deployment_times",
            ),
            models.CheckConstraint(
                condition=Q(breach="", breached_at__isnull=True, is_halted=False)
                | (~Q(breach="") & Q(breached_at__isnull=False)),
                name="deployments_deployment_breach",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} on {self.endpoint}"

    def get_absolute_url(self) -> str:
        return reverse("deployments:deployment", args=[self.organization.key, self.endpoint.key, self.number])

    @property
    def needs_confirmation(self) -> bool:
        """Whether a person has to confirm each of its decisions."""
        return any(term["kind"] == "confirm" for term in self.terms)

    @property
    def is_waiting(self) -> bool:
        """Whether signatures are awaited."""
        return self.request is not None and self.request.is_open

    @property
    def is_approved(self) -> bool:
        """Whether it was asked for and signed."""
        return self.request is not None and self.request.state == "approved"


def answering() -> models.Prefetch:
    """For prefetching what answers at each of many endpoints, as the list `endpoint.answering`."""
    live = Deployment.objects.filter(state=DeploymentState.LIVE).select_related("version__model", "deployed_by")
    return models.Prefetch("deployments", queryset=live, to_attr="answering")


class GateDecision(AppendOnlyModel):
    """What the gate answered when it mattered: asked on record, before a request, before a deployment."""

    version = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="gate_decisions")
    environment = TenantForeignKey(Environment, on_delete=models.PROTECT, related_name="gate_decisions")
    allowed = models.BooleanField()
    reasons = models.JSONField()
    occasion = models.CharField(max_length=16)
    decided_for = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "version__model__project"
    model_path = "version__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["organization", "version", "-id"], name="deployments_gate_version")]

    def __str__(self) -> str:
        return f"{self.version} to {self.environment}: {'allowed' if self.allowed else 'refused'}"


class PredictionStatus(models.TextChoices):
    """How a call ended."""

    OK = "ok", "Answered"
    REFUSED = "refused", "Refused: the input did not fit"
    FAILED = "failed", "Failed"


class PredictionRecord(AppendOnlyModel):
    """One prediction as it was given. Refused and failed calls are kept too, one row each, without values."""

    endpoint = TenantForeignKey(Endpoint, on_delete=models.PROTECT, related_name="predictions")
    version = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="predictions")
    prediction_id = models.CharField(max_length=140, blank=True)
    call = models.UUIDField()
    row = models.PositiveIntegerField(default=1)
    request_id = models.CharField(max_length=128, blank=True)
    at = models.DateTimeField()
    event_at = models.DateTimeField()
    seconds = models.FloatField()
    status = models.CharField(max_length=8, choices=PredictionStatus.choices, default=PredictionStatus.OK)
    inputs = models.JSONField(default=dict)
    outputs = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    # The caller has used this id before on this endpoint: kept, but not to be counted a second time.
    is_repeat = models.BooleanField(default=False)

    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "endpoint", "at"], name="deployments_prediction_at"),
            models.Index(fields=["organization", "endpoint", "-id"], name="deployments_prediction_new"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "endpoint", "prediction_id"],
                condition=Q(status="ok", is_repeat=False),
                name="deployments_prediction_id",
            ),
        ]

    def __str__(self) -> str:
        return self.prediction_id or f"{self.get_status_display()} call {self.call}"

    @property
    def milliseconds(self) -> float:
        """How long its call took."""
        return round(self.seconds * 1000, 2)


class Traffic(TenantModel):
    """One minute of one version at one endpoint, added up as predictions are recorded: what the charts are drawn from.

    `slices` counts calls by latency, in the slices that apps.deployments.engine.latency names.
    """

    endpoint = TenantForeignKey(Endpoint, on_delete=models.PROTECT, related_name="traffic")
    version = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="+")
    minute = models.DateTimeField()
    calls = models.PositiveIntegerField(default=0)
    predictions = models.PositiveBigIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    # Rows outside what the version's conditions of use allow, flagged or refused.
    outside = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    slices = ArrayField(models.PositiveIntegerField(), default=latency.no_calls)

    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    class Meta(TenantModel.Meta):
        verbose_name_plural = "traffic"
        ordering: ClassVar = ["minute"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "endpoint", "minute", "version"], name="deployments_traffic_one"
            )
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} at {self.minute:%Y-%m-%d %H:%M}"


class ServerCounter(TenantModel):
    """What one prediction server counted for one endpoint: predictions kept for recording, recorded, and lost."""

    server = models.CharField(max_length=64)
    endpoint = TenantForeignKey(Endpoint, on_delete=models.PROTECT, related_name="counters")
    kept = models.PositiveBigIntegerField(default=0)
    recorded = models.PositiveBigIntegerField(default=0)
    set_aside = models.PositiveBigIntegerField(default=0)
    dropped = models.PositiveBigIntegerField(default=0)
    updated_at = models.DateTimeField()

    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "server", "endpoint"], name="deployments_counter_one")
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} on {self.server[:8]}"

    @property
    def waiting(self) -> int:
        """Predictions on their way from the server's disk to here."""
        return max(0, self.kept - self.recorded - self.set_aside)


class ServingReport(TenantModel):
    """What the prediction servers said last about a deployment: that they serve it, or why they cannot."""

    endpoint = TenantOneToOneField(Endpoint, on_delete=models.PROTECT, related_name="report")
    deployment = TenantForeignKey(Deployment, on_delete=models.PROTECT, related_name="+")
    problem = models.TextField(blank=True)
    reported_at = models.DateTimeField()

    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    def __str__(self) -> str:
        return f"{self.deployment}: {self.problem or 'served'}"


class RoutingRevision(TenantModel):
    """Counts what changed for the prediction servers in an organization; they read the routes again when it moves."""

    number = models.PositiveBigIntegerField(default=0)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["organization"], name="deployments_revision_one")]

    def __str__(self) -> str:
        return f"revision {self.number}"
