"""Runs with their conclusion, and the results of their checks."""

from typing import Any, cast

from django.db.models import Exists, OuterRef
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from apps.organizations.bases import verb
from apps.validation import actions, policies
from apps.validation.api.reports import OnPaper
from apps.validation.api.shared import ABOUT, OfVersion, VersionOut
from apps.validation.models import (
    CheckResult,
    Condition,
    ConditionKind,
    Outcome,
    OutsideAnswer,
    ValidationRun,
)
from apps.work import jobs


class ProgressOut(serializers.Serializer):
    """How far a run is that has not ended; `seconds_left` is an estimate, null while nothing can be known."""

    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    message = serializers.CharField()
    seconds_left = serializers.FloatField(allow_null=True)


class RunList(serializers.ListSerializer):
    """Runs, the jobs of the open ones read together."""

    def to_representation(self, data: Any) -> Any:
        """The rows of a page."""
        rows = list(data)
        cast(dict[str, Any], self.context)["jobs"] = jobs.newest_of([run for run in rows if run.is_open])
        return super().to_representation(rows)


class RunOut(serializers.ModelSerializer):
    """A run with its verdict and conclusion."""

    progress = serializers.SerializerMethodField()

    version = VersionOut()
    plan = serializers.IntegerField(source="plan.number")
    plan_hash = serializers.CharField(source="plan.content_hash")
    started_by = serializers.CharField(source="started_by.email")
    concluded_by = serializers.CharField(source="concluded_by.email", default=None)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = ValidationRun
        list_serializer_class = RunList
        fields = [
            "id", "version", "number", "plan", "plan_hash", "state", "progress", "anew", "verdict", "started_by",
            "independence", "started_at",
            "finished_at", "error", "layer", "walls_missing", "libraries", "rows", "inputs", "seconds", "peak_memory",
            "outcome", "statement", "conditions", "concluded_by", "concluded_at", "created_at", "url",
        ]  # fmt: skip

    @extend_schema_field(ProgressOut(allow_null=True))
    def get_progress(self, run: ValidationRun) -> Any:
        """How far it is; null once it has ended."""
        if not run.is_open:
            return None
        job = self.context["jobs"].get(run.pk) if "jobs" in self.context else jobs.newest(run)
        return None if job is None else ProgressOut(job).data


class RunIn(serializers.Serializer):
    """How to run a plan."""

    anew = serializers.BooleanField(required=False, default=False)


class TermIn(serializers.Serializer):
    """A condition that gate and prediction servers enforce."""

    kind = serializers.ChoiceField(choices=ConditionKind.choices)
    limits = serializers.DictField(required=False)
    text = serializers.CharField(required=False, allow_blank=True)
    is_strict = serializers.BooleanField(required=False)


class ConditionOut(serializers.ModelSerializer):
    """A condition of use."""

    version = VersionOut(source="run.version")
    run = serializers.IntegerField(source="run.number")
    words = serializers.CharField(read_only=True)
    in_force = serializers.BooleanField(read_only=True)

    class Meta:
        model = Condition
        fields = ["id", "version", "run", "number", "kind", "limits", "text", "is_strict", "words", "in_force"]


class ConcludeIn(serializers.Serializer):
    """The validator's word."""

    outcome = serializers.ChoiceField(choices=[choice for choice in Outcome.choices if choice[0]])
    statement = serializers.CharField()
    conditions = serializers.CharField(required=False, allow_blank=True, default="")
    terms = TermIn(many=True, required=False)


@extend_schema(parameters=ABOUT)
class Runs(OnPaper, OfVersion):
    """Validation runs."""

    model = ValidationRun
    related = ("organization", "version__model", "plan", "started_by", "concluded_by")
    serializer_class = RunOut
    filterset_fields = ["state", "verdict", "outcome"]

    @extend_schema(request=None, responses=RunOut)
    @verb("cancel")
    def cancel(self, request: Any, **_: Any) -> Response:
        """Ask the worker to stop."""
        actions.cancel_run(run=self.get_object(), by=request.user)
        return self.answer(self.get_object())

    @extend_schema(request=ConcludeIn, responses=RunOut)
    @verb("conclude")
    def conclude(self, request: Any, **_: Any) -> Response:
        """Say what follows: the version moves with it."""
        run = self.get_object(policies.check_conclude)
        actions.conclude(run=run, by=request.user, **self.given(ConcludeIn))
        return self.answer(self.get_object())


@extend_schema(parameters=ABOUT)
class Conditions(OfVersion):
    """Conditions of use; `in_force` are those of the newest conclusion."""

    model = Condition
    related = ("run__version__model",)
    path = "run__version"
    serializer_class = ConditionOut
    filterset_fields = ["kind", "is_strict"]

    def get_queryset(self) -> Any:
        later = ValidationRun.objects.filter(version=OuterRef("run__version"), number__gt=OuterRef("run__number"))
        return super().get_queryset().annotate(in_force=~Exists(later.exclude(outcome=Outcome.NONE)))


class EarlierOut(serializers.ModelSerializer):
    """The result of an earlier run that was taken over."""

    run = serializers.IntegerField(source="run.number")
    version = serializers.IntegerField(source="run.version.number")
    measured_at = serializers.DateTimeField(source="created_at")

    class Meta:
        model = CheckResult
        fields = ["id", "version", "run", "measured_at"]


class ReportedOut(serializers.ModelSerializer):
    """Who reported a result that was not measured here, and the evidence; its file is at outside-answers/<id>/file/."""

    class Meta:
        model = OutsideAnswer
        fields = ["id", "tool", "tool_version", "file_name", "sha256", "size", "answered_at"]


class ResultOut(serializers.ModelSerializer):
    """One check's answer with its evidence; `origin` says where it comes from."""

    version = VersionOut(source="run.version")
    run = serializers.IntegerField(source="run.number")
    reused_from = EarlierOut(allow_null=True)
    reported = ReportedOut(source="answer", allow_null=True, read_only=True)

    class Meta:
        model = CheckResult
        fields = [
            "id", "version", "run", "name", "key", "family", "required", "verdict", "value", "low", "high",
            "interval_level", "interval_method", "fail", "warn", "sense", "judged", "sentence", "reason", "parameters",
            "evidence", "rows_used", "rows_total", "seed", "seconds", "layer", "origin",
            "reused_from", "reported", "inputs_hash", "created_at",
        ]  # fmt: skip


@extend_schema(parameters=[*ABOUT, OpenApiParameter("run", str, description="Id of the run")])
class Results(OfVersion):
    """Results of checks, `?run=` of one run."""

    model = CheckResult
    related = ("run__version__model", "reused_from__run__version")
    path = "run__version"
    serializer_class = ResultOut
    filterset_fields = ["verdict", "key", "family", "run", "origin"]

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("answers")
