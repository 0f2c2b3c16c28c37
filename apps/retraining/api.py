"""API of retraining: policies, occasions, comparisons."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.datasets.models import Dataset
from apps.models.models import RegisteredModel
from apps.organizations.api import MemberField
from apps.organizations.bases import Rows, fetch, verb
from apps.retraining import actions, policies
from apps.retraining.models import Comparison, RetrainingPolicy, RetrainingRun


class PolicyOut(serializers.ModelSerializer):
    """What makes a model be trained anew."""

    model = serializers.CharField(source="model.key")
    dataset = serializers.CharField(source="dataset.key")
    owner = serializers.CharField(source="owner.email")

    class Meta:
        model = RetrainingPolicy
        fields = [
            "id", "model", "dataset", "recipe", "every_days", "on_drift", "on_performance", "on_new_data",
            "cool_down_days", "min_rows", "owner", "is_active", "created_at",
        ]  # fmt: skip


class PolicyIn(serializers.Serializer):
    """A policy for a model, by key; `recipe` is an object or YAML text."""

    model = serializers.SlugField()
    dataset = serializers.SlugField()
    recipe = serializers.JSONField()
    owner = MemberField(required=False, default=None)
    every_days = serializers.IntegerField(min_value=1, required=False, default=None, allow_null=True)
    on_drift = serializers.BooleanField(default=False)
    on_performance = serializers.BooleanField(default=False)
    on_new_data = serializers.BooleanField(default=False)
    cool_down_days = serializers.IntegerField(min_value=0, default=7)
    min_rows = serializers.IntegerField(min_value=1, default=1000)
    is_active = serializers.BooleanField(default=True)
    reason = serializers.CharField(required=False, allow_blank=True, default="")


class ComparisonOut(serializers.ModelSerializer):
    """Challenger and champion on the same rows."""

    champion = serializers.IntegerField(source="champion.number")
    challenger = serializers.IntegerField(source="challenger.number")

    class Meta:
        model = Comparison
        fields = [
            "champion",
            "challenger",
            "judgement",
            "difference",
            "low",
            "high",
            "rows",
            "sentence",
            "isolation",
            "created_at",
        ]


class RunOut(serializers.ModelSerializer):
    """One occasion, with its comparison where there is one."""

    model = serializers.CharField(source="policy.model.key")
    training_run = serializers.IntegerField(source="training_run.number", default=None)
    challenger = serializers.IntegerField(source="challenger.number", default=None)
    comparisons = ComparisonOut(many=True, read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = RetrainingRun
        fields = [
            "id", "model", "number", "trigger", "cause", "cause_url", "state", "outcome", "training_run", "challenger",
            "comparisons", "created_at", "ended_at", "url",
        ]  # fmt: skip


class ReasonIn(serializers.Serializer):
    """Why a retraining is started by hand."""

    reason = serializers.CharField()


class Policies(Rows):
    """Retraining policies, one a model; POST writes or changes one."""

    model = RetrainingPolicy
    related = ("model", "dataset", "owner", "organization")
    serializer_class = PolicyOut
    lookup_field = "model__key"
    lookup_url_kwarg = "key"

    @extend_schema(request=PolicyIn, responses={201: PolicyOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Put a model's policy in force, or change it."""
        policies.check_write_any(request.user)
        given = self.given(PolicyIn)
        given["model"] = fetch(RegisteredModel.objects.select_related("project"), request.user, key=given["model"])
        given["dataset"] = fetch(Dataset.objects.all(), request.user, key=given["dataset"])
        return self.answer(actions.write_policy(by=request.user, **given), status=201)

    @extend_schema(request=ReasonIn, responses={201: RunOut})
    @verb("start")
    def start(self, request: Any, **_: Any) -> Response:
        """Start a retraining by hand."""
        policy = self.get_object(policies.check_start)
        run = actions.start(policy=policy, by=request.user, **self.given(ReasonIn))
        return Response(RunOut(run).data, status=201)

    @extend_schema(request=None, responses=PolicyOut)
    @verb("switch-off")
    def switch_off(self, request: Any, **_: Any) -> Response:
        """Let the model be trained no more by itself."""
        return self.answer(actions.switch_off(policy=self.get_object(), by=request.user))


class Runs(Rows):
    """Occasions on which models were trained anew, or were not."""

    model = RetrainingRun
    related = ("policy__model", "training_run", "challenger", "organization")
    serializer_class = RunOut
    filterset_fields = ["state", "trigger"]

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("comparisons__champion", "comparisons__challenger")
