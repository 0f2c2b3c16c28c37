"""What must be watched and what lacks it; what is muted; who gets the digest."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.deployments.models import Endpoint
from apps.monitoring import actions, plans, policies
from apps.monitoring.actions.mutes import SIGNALS
from apps.monitoring.api.monitors import MonitorOut
from apps.monitoring.models import DigestChoice, Monitor, MonitorKind, Mute, WatchPlan
from apps.organizations.bases import Rows, fetch, verb


class WatchPlanOut(serializers.ModelSerializer):
    """What must be watched at a tier, by the organization's own word."""

    written_by = serializers.CharField(source="written_by.email")

    class Meta:
        model = WatchPlan
        fields = [
            "id", "tier", "version", "kinds", "baseline_needs_approval", "keep_days", "is_current", "reason",
            "written_by", "created_at",
        ]  # fmt: skip


class WatchPlanIn(serializers.Serializer):
    """A plan to put in force."""

    tier = serializers.ChoiceField(choices=list(plans.DEFAULTS))
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=MonitorKind.choices))
    baseline_needs_approval = serializers.BooleanField(default=True)
    keep_days = serializers.IntegerField(required=False, allow_null=True, default=None)
    reason = serializers.CharField()


class WatchPlans(Rows):
    """Plans an organization has written, every version; where there is none the shipped one holds."""

    model = WatchPlan
    related = ("written_by",)
    serializer_class = WatchPlanOut
    filterset_fields = ["tier", "is_current"]

    @extend_schema(request=WatchPlanIn, responses={201: WatchPlanOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Put a new version in force."""
        policies.check_write_watch_plan(request.user)
        return self.answer(actions.write_watch_plan(**self.given(WatchPlanIn), by=request.user), status=201)


class UnwatchedOut(serializers.ModelSerializer):
    """An endpoint in production and the kinds of monitor that it lacks."""

    endpoint = serializers.CharField(source="key")
    model = serializers.CharField(source="model.key")
    tier = serializers.SerializerMethodField()
    missing = serializers.SerializerMethodField()

    class Meta:
        model = Endpoint
        fields = ["endpoint", "model", "tier", "missing"]

    def get_tier(self, endpoint: Endpoint) -> str:
        """The tier whose plan holds."""
        return plans.tier_of(endpoint)

    def get_missing(self, endpoint: Endpoint) -> list[str]:
        """What its plan names and nothing watches."""
        return self.context["missing"].get(endpoint.pk, [])


class Unwatched(Rows):
    """Endpoints in production that lack a monitor their tier needs."""

    model = Endpoint
    related = ("organization", "model__project")
    serializer_class = UnwatchedOut
    lookup_field = "key"
    lookup_value_regex = "[-a-z0-9]+"

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False) or self.action == "set_up":
            return rows
        return rows.filter(pk__in=plans.lacking().values("pk"))

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        rows = args[0] if args else []
        rows = [rows] if isinstance(rows, Endpoint) else list(rows)
        context = {**self.get_serializer_context(), "missing": plans.missing(rows) if rows else {}}
        return UnwatchedOut(*args, **{**kwargs, "context": context})

    @extend_schema(request=None, responses={201: MonitorOut(many=True)})
    @verb("set-up")
    def set_up(self, request: Any, **_: Any) -> Response:
        """Set up what it lacks."""
        made = actions.set_up_required(endpoint=self.get_object(policies.check_monitor), by=request.user)
        return Response(MonitorOut(made, many=True).data, status=201)


class MuteOut(serializers.ModelSerializer):
    """Something that is not told for a while."""

    muted_by = serializers.CharField(source="muted_by.email")
    is_on = serializers.BooleanField(read_only=True)

    class Meta:
        model = Mute
        fields = [
            "id",
            "monitor",
            "feature",
            "signal",
            "until",
            "reason",
            "muted_by",
            "is_on",
            "created_at",
            "ended_at",
        ]


class MuteIn(serializers.Serializer):
    """A feature, a signal, or this signal of this feature."""

    monitor = serializers.UUIDField()
    feature = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)
    signal = serializers.ChoiceField(choices=["", *SIGNALS], required=False, default="")
    until = serializers.DateTimeField()
    reason = serializers.CharField()


class Mutes(Rows):
    """What is muted; POST mutes something, `end` lets it be told again."""

    model = Mute
    related = ("monitor__organization", "monitor__endpoint__model__project", "muted_by")
    serializer_class = MuteOut
    filterset_fields = ["monitor", "feature", "signal"]

    @extend_schema(request=MuteIn, responses={201: MuteOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Mute something until a date."""
        policies.check_monitor_any(request.user)
        given = self.given(MuteIn)
        rows = Monitor.objects.select_related("organization", "endpoint__model__project")
        given["monitor"] = fetch(rows, request.user, pk=given["monitor"])
        return self.answer(actions.mute(**given, by=request.user), status=201)

    @extend_schema(request=None, responses=MuteOut)
    @verb("end")
    def end(self, request: Any, **_: Any) -> Response:
        """Let it be told again."""
        return self.answer(actions.unmute(mute=self.get_object(), by=request.user))


class DigestOut(serializers.ModelSerializer):
    """One's own choice."""

    class Meta:
        model = DigestChoice
        fields = ["is_wanted"]


class DigestIn(serializers.Serializer):
    """Whether one wants it."""

    is_wanted = serializers.BooleanField()


class Digest(Rows):
    """One's own choice about the daily digest; POST makes it. Nothing chosen: whoever works on incidents gets it."""

    model = DigestChoice
    serializer_class = DigestOut

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(user_id=self.request.user.pk)

    @extend_schema(request=DigestIn, responses=DigestOut)
    def create(self, request: Any, **_: Any) -> Response:
        """Choose."""
        return self.answer(actions.choose_digest(**self.given(DigestIn), by=request.user))
