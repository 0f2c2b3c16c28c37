"""Baselines, monitors, their checks and alerts."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from apps.core.errors import Invalid
from apps.deployments.models import Endpoint
from apps.models.models import ModelVersion
from apps.monitoring import actions, policies, results, rowwise
from apps.monitoring.api.shared import ReasonIn, member
from apps.monitoring.models import Alert, Baseline, Check, Clock, Level, Monitor, MonitorKind, Reference, Span
from apps.organizations.bases import Rows, fetch, verb
from apps.organizations.models import User


class BaselineOut(serializers.ModelSerializer):
    """A baseline without its bins."""

    model = serializers.CharField(source="version.model.key")
    version = serializers.IntegerField(source="version.number")
    created_by = serializers.CharField(source="created_by.email")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Baseline
        fields = [
            "id", "model", "version", "number", "source", "since", "until", "sha256", "bins", "rows", "columns",
            "has_labels", "reason", "created_by", "created_at", "url",
        ]  # fmt: skip


class BaselineIn(serializers.Serializer):
    """A baseline to make: of a version from its training data, or from a period of an endpoint's predictions."""

    model = serializers.CharField()
    version = serializers.IntegerField()
    endpoint = serializers.CharField(required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    reason = serializers.CharField(required=False, allow_blank=True, default="")


class Baselines(Rows):
    """Baselines; POST has one made."""

    model = Baseline
    related = ("organization", "version__model", "created_by")
    serializer_class = BaselineOut
    filterset_fields = ["version__model__key", "version__number", "source"]

    def get_queryset(self) -> Any:
        return super().get_queryset().defer("data")

    @extend_schema(request=BaselineIn, responses={202: None})
    def create(self, request: Any, **_: Any) -> Response:
        """Have a worker make a baseline."""
        policies.check_monitor_any(request.user)
        given = self.given(BaselineIn)
        versions = ModelVersion.objects.select_related("model__project", "organization")
        version = fetch(versions, request.user, model__key=given["model"], number=given["version"])
        if "endpoint" not in given:
            actions.start_baseline(version=version, reason=given["reason"], by=request.user)
            return Response({"state": "queued"}, status=202)
        if "since" not in given or "until" not in given:
            raise Invalid("A period has a beginning and an end.", {"since": "Give both.", "until": "Give both."})
        endpoint = fetch(Endpoint.objects.select_related("model"), request.user, key=given["endpoint"])
        period = {name: given[name] for name in ("since", "until", "reason")}
        wanted = actions.start_baseline_of_period(endpoint=endpoint, version=version, by=request.user, **period)
        return Response(asked_for(wanted), status=202)


def asked_for(wanted: Any) -> dict[str, Any]:
    """What becomes of a baseline that was asked for: a worker has it, or a signature is waited for."""
    if wanted.request_id is None:
        return {"state": "queued"}
    return {"state": "waiting_for_approval", "approval": str(wanted.request_id)}


class MonitorOut(serializers.ModelSerializer):
    """A monitor with its settings and where it stands."""

    endpoint = serializers.CharField(source="endpoint.key")
    owner = serializers.CharField(source="owner.email")
    escalate_to = serializers.CharField(source="escalate_to.email", default=None)
    every_hours = serializers.SerializerMethodField()
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Monitor
        fields = [
            "id", "endpoint", "kind", "name", "owner", "reference", "reference_since", "reference_until", "trailing",
            "window", "clock", "every_hours", "limits", "expected_share", "escalate_after", "escalate_to", "is_active",
            "snoozed_until", "snooze_reason",
            "level", "checked_at", "checked_until", "created_at", "url",
        ]  # fmt: skip

    def get_every_hours(self, monitor: Monitor) -> float:
        """Hours from one run to the next."""
        return monitor.every.total_seconds() / 3600


class MonitorChange(serializers.Serializer):
    """Settings of a monitor."""

    name = serializers.CharField(max_length=120, required=False)
    owner = serializers.EmailField(required=False)
    reference = serializers.ChoiceField(choices=Reference.choices, required=False)
    reference_since = serializers.DateTimeField(required=False, allow_null=True)
    reference_until = serializers.DateTimeField(required=False, allow_null=True)
    trailing = serializers.IntegerField(min_value=1, max_value=60, required=False)
    window = serializers.ChoiceField(choices=Span.choices, required=False)
    clock = serializers.ChoiceField(choices=Clock.choices, required=False)
    every = serializers.DurationField(required=False)
    limits = serializers.DictField(required=False)
    expected_share = serializers.FloatField(min_value=0.01, max_value=1, required=False)

    escalate_after = serializers.IntegerField(min_value=1, max_value=720, required=False, allow_null=True)
    escalate_to = serializers.EmailField(required=False, allow_null=True)

    def validate_owner(self, email: str) -> User:
        """The member with this address."""
        return member(email)

    def validate_escalate_to(self, email: str | None) -> User | None:
        """The member with this address."""
        return member(email) if email is not None else None


class MonitorIn(MonitorChange):
    """A monitor to set up."""

    endpoint = serializers.CharField()
    kind = serializers.ChoiceField(choices=MonitorKind.choices)


class SnoozeIn(ReasonIn):
    """Until when, and why."""

    until = serializers.DateTimeField()


class Monitors(Rows):
    """Monitors; POST sets one up, the verbs change, run, pause and hold it back."""

    model = Monitor
    related = ("organization", "endpoint__model__project", "owner", "escalate_to")
    serializer_class = MonitorOut
    filterset_fields = ["kind", "level", "is_active", "endpoint__key"]

    @extend_schema(request=MonitorIn, responses={201: MonitorOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Set up a monitor."""
        policies.check_monitor_any(request.user)
        given = self.given(MonitorIn)
        rows = Endpoint.objects.select_related("model__project", "organization")
        given["endpoint"] = fetch(rows, request.user, key=given["endpoint"])
        return self.answer(actions.create_monitor(**given, by=request.user), status=201)

    @extend_schema(request=MonitorChange, responses=MonitorOut)
    @verb("change")
    def change(self, request: Any, **_: Any) -> Response:
        """Change some of its settings."""
        monitor = self.get_object(policies.check_monitor)
        settings = self.given(MonitorChange)
        return self.answer(actions.change_monitor(monitor=monitor, settings=settings, by=request.user))

    @extend_schema(request=None, responses={202: None})
    @verb("run")
    def run(self, request: Any, **_: Any) -> Response:
        """Check now what is due."""
        job = actions.run_now(monitor=self.get_object(), by=request.user)
        return Response({"job": str(job.pk), "state": job.state}, status=202)

    @extend_schema(request=ReasonIn, responses=MonitorOut)
    @verb("pause")
    def pause(self, request: Any, **_: Any) -> Response:
        """Stop running it."""
        monitor = self.get_object(policies.check_monitor)
        return self.answer(actions.pause_monitor(monitor=monitor, by=request.user, **self.given(ReasonIn)))

    @extend_schema(request=None, responses=MonitorOut)
    @verb("resume")
    def resume(self, request: Any, **_: Any) -> Response:
        """Run it again."""
        return self.answer(actions.resume_monitor(monitor=self.get_object(), by=request.user))

    @extend_schema(request=SnoozeIn, responses=MonitorOut)
    @verb("snooze")
    def snooze(self, request: Any, **_: Any) -> Response:
        """Hold back its alerts for a while."""
        monitor = self.get_object(policies.check_snooze)
        return self.answer(actions.snooze_monitor(monitor=monitor, by=request.user, **self.given(SnoozeIn)))

    @extend_schema(request=None, responses=MonitorOut)
    @verb("wake")
    def wake(self, request: Any, **_: Any) -> Response:
        """Let it alert again."""
        return self.answer(actions.wake_monitor(monitor=self.get_object(), by=request.user))


class FeatureOut(serializers.Serializer):
    """One feature of a drift check, with all its numbers."""

    feature = serializers.CharField()
    role = serializers.CharField()
    kind = serializers.CharField()
    rank = serializers.IntegerField()
    level = serializers.ChoiceField(choices=Level.choices)
    psi = serializers.FloatField()
    distance = serializers.FloatField(help_text="Kolmogorov-Smirnov distance, or the largest difference of a share.")
    shift = serializers.FloatField(help_text="Wasserstein distance over the reference's deviation.", allow_null=True)
    q = serializers.FloatField(allow_null=True)
    result = serializers.JSONField()


class CheckOut(serializers.ModelSerializer):
    """A window of a monitor."""

    monitor = serializers.UUIDField(source="monitor_id")
    endpoint = serializers.CharField(source="monitor.endpoint.key")
    kind = serializers.CharField(source="monitor.kind")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Check
        fields = [
            "id", "monitor", "endpoint", "kind", "baseline", "start_at", "end_at", "windows", "revision", "is_current",
            "level", "signals", "rows", "rows_reference", "created_at", "url",
        ]  # fmt: skip


class CheckWhole(CheckOut):
    """A window with everything needed to compute it again."""

    features = serializers.SerializerMethodField()
    exact = serializers.SerializerMethodField(help_text="The newest report from the rows, if somebody asked for one.")

    class Meta(CheckOut.Meta):
        fields = [*CheckOut.Meta.fields, "result", "features", "exact"]

    @extend_schema_field(serializers.JSONField(allow_null=True))
    def get_exact(self, check: Check) -> dict[str, Any] | None:
        """In the form of every report, its features in it."""
        return rowwise.newest(check)

    @extend_schema_field(FeatureOut(many=True))
    def get_features(self, check: Check) -> list[dict[str, Any]]:
        """Its features, what matters most first."""
        return list(FeatureOut(results.of_check(check), many=True).data)


class Checks(Rows):
    """Windows of monitors; one of them comes with its features, limits and definitions."""

    model = Check
    related = ("organization", "monitor__endpoint__model__project", "baseline__version")
    filterset_fields = ["monitor", "monitor__kind", "monitor__endpoint__key", "level", "is_current"]

    def get_serializer_class(self) -> Any:
        return CheckWhole if self.action == "retrieve" else CheckOut

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if self.action == "retrieve" else rows.defer("result")

    @extend_schema(request=ReasonIn, responses={202: None})
    @verb("exact")
    def exact(self, request: Any, **_: Any) -> Response:
        """Have a drift check computed once more from the kept rows, by a worker."""
        check = self.get_object(policies.check_exact)
        actions.ask_exact(check=check, by=request.user, **self.given(ReasonIn))
        return Response(status=202)

    @extend_schema(request=ReasonIn, responses={202: None})
    @verb("accept")
    def accept(self, request: Any, **_: Any) -> Response:
        """Take what it looked at as the new baseline; signed first where the tier asks for it."""
        check = self.get_object(policies.check_accept)
        wanted = actions.accept_window(check=check, by=request.user, **self.given(ReasonIn))
        return Response(asked_for(wanted), status=202)


class AlertOut(serializers.ModelSerializer):
    """An alert."""

    incident = serializers.IntegerField(source="incident.number", default=None)

    class Meta:
        model = Alert
        fields = ["id", "monitor", "check_run", "incident", "cause", "severity", "text", "is_held", "created_at"]


class Alerts(Rows):
    """What monitors said."""

    model = Alert
    related = ("incident",)
    serializer_class = AlertOut
    filterset_fields = ["monitor", "cause", "severity", "is_held"]
