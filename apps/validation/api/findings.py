"""Findings and waivers."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.organizations.api import MemberField
from apps.organizations.bases import fetch, verb
from apps.validation import actions, policies
from apps.validation.api.shared import ABOUT, OfVersion, VersionOut, version_of
from apps.validation.models import (
    Finding,
    Severity,
    ValidationRun,
    Waiver,
)


class FindingOut(serializers.ModelSerializer):
    """A finding and how far it is."""

    version = VersionOut()
    owner = serializers.CharField(source="owner.email")
    raised_by = serializers.CharField(source="raised_by.email")
    closed_by = serializers.CharField(source="closed_by.email", default=None)
    is_overdue = serializers.BooleanField(read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Finding
        fields = [
            "id", "version", "number", "title", "description", "severity", "weighed_by", "state", "owner",
            "due_on", "is_overdue",
            "action_plan", "remedy", "run", "result", "retest", "raised_by", "closed_by", "closed_at", "closing_note",
            "created_at", "url",
        ]  # fmt: skip


class FindingIn(serializers.Serializer):
    """What is wrong, beyond what the checks say."""

    model = serializers.CharField()
    version = serializers.IntegerField(min_value=1)
    title = serializers.CharField(max_length=200)
    description = serializers.CharField()
    severity = serializers.ChoiceField(choices=Severity.choices)
    owner = MemberField(required=False)
    due_on = serializers.DateField(required=False)


class AssignIn(serializers.Serializer):
    """Another owner, day or weight."""

    owner = MemberField(required=False)
    due_on = serializers.DateField(required=False)
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    reason = serializers.CharField(required=False, allow_blank=True)


class PlanWorkIn(serializers.Serializer):
    """What will be done."""

    action_plan = serializers.CharField()


class ReadyIn(serializers.Serializer):
    """What was done."""

    remedy = serializers.CharField()


class RetestIn(serializers.Serializer):
    """A later run by its id."""

    run = serializers.UUIDField()


class CloseIn(serializers.Serializer):
    """What was seen."""

    note = serializers.CharField()


class WaiverIn(serializers.Serializer):
    """Asking to live with it."""

    reason = serializers.CharField()
    compensating_control = serializers.CharField()
    until = serializers.DateField()


class WaiverOut(serializers.ModelSerializer):
    """A waiver, what it rests on and how long it counts."""

    version = VersionOut(source="finding.version")
    finding = serializers.IntegerField(source="finding.number")
    requested_by = serializers.CharField(source="requested_by.email")
    is_in_force = serializers.BooleanField(read_only=True)

    class Meta:
        model = Waiver
        fields = [
            "id", "version", "finding", "state", "is_in_force", "reason", "compensating_control", "until", "request",
            "requested_by", "decided_at", "ended_at", "ended_because", "created_at",
        ]  # fmt: skip


@extend_schema(parameters=ABOUT)
class Findings(OfVersion):
    """Findings; `?blocking=1` those that keep their version from use; POST raises one."""

    model = Finding
    related = (
        "organization", "version__model__project", "version__artifact", "version__run", "owner", "raised_by",
        "closed_by",
        "result", "retest__run",
    )  # fmt: skip
    serializer_class = FindingOut
    filterset_fields = ["state", "severity"]

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        if self.request.query_params.get("blocking"):
            rows = rows.filter(pk__in=Finding.objects.blocking().values("pk"))
        return rows

    @extend_schema(request=FindingIn, responses={201: FindingOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Raise a finding that no check raised."""
        policies.check_validate_any(request.user)
        given = self.given(FindingIn)
        finding = actions.raise_finding(version=version_of(self, given), by=request.user, **given)
        return self.answer(finding, status=201)

    @extend_schema(request=AssignIn, responses=FindingOut)
    @verb("assign")
    def assign(self, request: Any, **_: Any) -> Response:
        """Give it another owner, day or weight."""
        finding = self.get_object(policies.check_assign)
        return self.answer(actions.assign_finding(finding=finding, by=request.user, **self.given(AssignIn)))

    @extend_schema(request=PlanWorkIn, responses=FindingOut)
    @verb("plan-work")
    def plan_work(self, request: Any, **_: Any) -> Response:
        """Its owner begins."""
        finding = self.get_object(policies.check_plan_work)
        return self.answer(actions.plan_work(finding=finding, by=request.user, **self.given(PlanWorkIn)))

    @extend_schema(request=ReadyIn, responses=FindingOut)
    @verb("mark-ready")
    def mark_ready(self, request: Any, **_: Any) -> Response:
        """Its owner is done."""
        finding = self.get_object(policies.check_mark_ready)
        return self.answer(actions.mark_ready(finding=finding, by=request.user, **self.given(ReadyIn)))

    @extend_schema(request=RetestIn, responses=FindingOut)
    @verb("retest")
    def retest(self, request: Any, **_: Any) -> Response:
        """Link the same check's result in a later run."""
        finding, given = self.get_object(policies.check_retest), self.given(RetestIn)
        run = fetch(ValidationRun.objects.select_related("version"), request.user, pk=given["run"])
        return self.answer(actions.retest(finding=finding, run=run, by=request.user))

    @extend_schema(request=CloseIn, responses=FindingOut)
    @verb("close")
    def close(self, request: Any, **_: Any) -> Response:
        """Close it with what was seen."""
        finding = self.get_object(policies.check_close)
        return self.answer(actions.close_finding(finding=finding, by=request.user, **self.given(CloseIn)))

    @extend_schema(request=WaiverIn, responses={201: WaiverOut})
    @verb("request-waiver")
    def request_waiver(self, request: Any, **_: Any) -> Response:
        """Ask for permission to live with it until a day."""
        finding = self.get_object(policies.check_request_waiver)
        waiver = actions.request_waiver(finding=finding, by=request.user, **self.given(WaiverIn))
        return Response(WaiverOut(waiver, context=self.get_serializer_context()).data, status=201)


class ReasonIn(serializers.Serializer):
    """A reason that others will read."""

    reason = serializers.CharField()


@extend_schema(parameters=ABOUT)
class Waivers(OfVersion):
    """Waivers; they are decided through their approval request."""

    model = Waiver
    related = ("organization", "finding__version__model", "requested_by")
    path = "finding__version"
    serializer_class = WaiverOut
    filterset_fields = ["state"]

    @extend_schema(request=ReasonIn, responses=WaiverOut)
    @verb("revoke")
    def revoke(self, request: Any, **_: Any) -> Response:
        """End it before its day."""
        waiver = self.get_object(policies.check_revoke_waiver)
        return self.answer(actions.revoke_waiver(waiver=waiver, by=request.user, **self.given(ReasonIn)))
