"""Effective challenge: the validator's own remarks and tests, and whose independence was held against whom."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.core.errors import Invalid
from apps.organizations.bases import fetch, verb
from apps.validation import actions, policies
from apps.validation.api.shared import ABOUT, LineIn, OfVersion, VersionOut
from apps.validation.models import Bearing, Challenge, ChallengeKind, IndependenceCheck, OwnResult, ValidationRun


class OwnResultOut(serializers.ModelSerializer):
    """What a worker measured for an own check; it counts for no verdict."""

    class Meta:
        model = OwnResult
        fields = [
            "verdict", "value", "low", "high", "interval_level", "interval_method", "fail", "warn", "sense", "judged",
            "sentence", "reason", "evidence", "rows_used", "rows_total", "seed", "seconds", "layer", "created_at",
        ]  # fmt: skip


class ChallengeOut(serializers.ModelSerializer):
    """A remark, an own test or an own check, as it was kept; `answer` of a check is null until it is measured."""

    version = VersionOut(source="run.version")
    answer = OwnResultOut(source="answered", allow_null=True, read_only=True)
    result = serializers.CharField(source="result.name", default=None)
    written_by = serializers.CharField(source="written_by.email")

    class Meta:
        model = Challenge
        fields = [
            "id", "version", "run", "result", "kind", "title", "text", "bearing", "line", "answer",
            "file_name", "sha256", "size", "dataset_version", "written_by", "created_at",
        ]  # fmt: skip


class ChallengeIn(serializers.Serializer):
    """A remark, with a title and a bearing a test of one's own, or with a line a check to be measured.

    The text is the remark, what was done and came of it, or why the check is asked. A file comes as multipart.
    """

    run = serializers.UUIDField()
    result = serializers.CharField(required=False, help_text="Name of one of its results.")
    kind = serializers.ChoiceField(choices=ChallengeKind.choices, default=ChallengeKind.REMARK)
    title = serializers.CharField(required=False, max_length=200, default="")
    text = serializers.CharField()
    bearing = serializers.ChoiceField(choices=[one for one in Bearing.choices if one[0]], required=False, default="")
    file = serializers.FileField(required=False)
    line = LineIn(required=False, help_text="The check, where kind is check.")


@extend_schema(parameters=ABOUT)
class Challenges(OfVersion):
    """What validators said and tried beyond their plans; POST adds to a run that is not concluded."""

    model = Challenge
    related = ("run__version__model", "result", "written_by", "answer")
    path = "run__version"
    serializer_class = ChallengeOut
    filterset_fields = ["run", "kind", "bearing"]

    @extend_schema(request=ChallengeIn, responses={201: ChallengeOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Keep a remark or a test, or ask a check outside the plan, which a worker measures."""
        policies.check_validate_any(request.user)
        given = self.given(ChallengeIn)
        rows = ValidationRun.objects.select_related("version__model__project", "version__artifact", "version__run")
        run = fetch(rows, request.user, policies.check_challenge, pk=given["run"])
        if given["kind"] == ChallengeKind.CHECK:
            line = given.get("line") or {}
            return self.answer(actions.ask_check(run=run, line=line, reason=given["text"], by=request.user), status=201)
        about: dict[str, Any] = {"run": run, "text": given["text"], "result": _result(run, given), "by": request.user}
        if given["kind"] == ChallengeKind.REMARK:
            return self.answer(actions.remark(**about), status=201)
        about |= {name: given.get(name) for name in ("title", "bearing", "file")}
        return self.answer(actions.add_test(**about), status=201)

    @extend_schema(request=None, responses=ChallengeOut)
    @verb("cancel")
    def cancel(self, request: Any, **_: Any) -> Response:
        """Ask the worker to leave an own check alone."""
        actions.cancel_own_check(challenge=self.get_object(), by=request.user)
        return self.answer(self.get_object())


def _result(run: ValidationRun, given: dict[str, Any]) -> Any:
    name = given.get("result")
    found = run.results.filter(name=name).first() if name else None
    if name and found is None:
        raise Invalid("There is no such result.", {"result": f"{run} has no result {name}."})
    return found


class IndependenceOut(serializers.ModelSerializer):
    """Who examined, and against whom they were held."""

    version = VersionOut()
    person = serializers.CharField(source="person.email")

    class Meta:
        model = IndependenceCheck
        fields = ["id", "version", "occasion", "person", "level", "against", "run", "finding", "waiver", "created_at"]


@extend_schema(parameters=ABOUT)
class Independence(OfVersion):
    """Whose independence was held against whom, and when."""

    model = IndependenceCheck
    related = ("version__model", "person")
    serializer_class = IndependenceOut
    filterset_fields = ["occasion", "run", "finding"]
