"""API of retirement: retirement/<number>/ with its steps, consumers and what is held."""

import datetime as dt
from typing import Any

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.core.errors import Invalid
from apps.models.models import ModelVersion, RegisteredModel
from apps.organizations import access
from apps.organizations.api import MemberField
from apps.organizations.bases import Check, Rows, fetch, verb
from apps.retirement import actions, policies
from apps.retirement.models import Cause, Consumer, Disposition, DrainReading, RetirementPlan
from apps.work.models import Job


class PlanOut(serializers.ModelSerializer):
    """A retirement."""

    model = serializers.CharField(source="model.key")
    version = serializers.IntegerField(source="version.number", default=None)
    successor_model = serializers.CharField(source="successor_model.key", default=None)
    successor_version = serializers.IntegerField(source="successor_version.number", default=None)
    planned_by = serializers.CharField(source="planned_by.email")
    quiet_seconds = serializers.SerializerMethodField()
    approval = serializers.UUIDField(source="approval_id", read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = RetirementPlan
        fields = [
            "number", "model", "version", "cause", "reason", "successor_model", "successor_version",
            "without_successor", "message", "notice_days", "quiet_seconds", "hold_until", "state", "is_waiting",
            "approval", "planned_by", "approved_at", "notified_at", "notice_ends_at", "draining_at", "drained_at",
            "off_at", "archived_at", "closed_at", "summary", "created_at", "url",
        ]  # fmt: skip

    def get_quiet_seconds(self, plan: RetirementPlan) -> float:
        """How long nobody may have asked."""
        return plan.quiet_for.total_seconds()


class TermsIn(serializers.Serializer):
    """The terms of a plan. A version follows a version, a model follows a model."""

    cause = serializers.ChoiceField(choices=Cause.choices, required=False)
    reason = serializers.CharField()
    successor_version = serializers.IntegerField(required=False, allow_null=True)
    successor_model = serializers.CharField(required=False, allow_null=True)
    without_successor = serializers.CharField(required=False, allow_blank=True)
    message = serializers.CharField(required=False, allow_blank=True)
    notice_days = serializers.IntegerField(min_value=0, max_value=policies.MOST_NOTICE, required=False)
    quiet_seconds = serializers.FloatField(min_value=1, max_value=policies.MOST_QUIET.total_seconds(), required=False)
    hold_until = serializers.DateField(required=False)


class PlanIn(TermsIn):
    """A new plan: of a model, or of one of its versions."""

    model = serializers.CharField()
    version = serializers.IntegerField(required=False, allow_null=True)


class MessageIn(serializers.Serializer):
    """A word to those who decide."""

    message = serializers.CharField(required=False, allow_blank=True, default="")


class ReasonIn(serializers.Serializer):
    """A reason that others will read."""

    reason = serializers.CharField()


class SummaryIn(serializers.Serializer):
    """How it ended."""

    summary = serializers.CharField()


class ConsumerOut(serializers.ModelSerializer):
    """Who uses it, and whether they know."""

    contact = serializers.CharField(source="contact.email", default=None)
    acknowledged_by = serializers.CharField(source="acknowledged_by.email", default=None)

    class Meta:
        model = Consumer
        fields = ["id", "name", "use", "contact", "email", "notified_at", "acknowledged_at", "acknowledged_by", "note"]


class ConsumerIn(serializers.Serializer):
    """A consumer: reached by a member's address, or by one outside."""

    name = serializers.CharField(max_length=120)
    use = serializers.CharField(required=False, allow_blank=True)
    contact = MemberField(required=False)
    email = serializers.EmailField(required=False, max_length=254)


class NoteIn(serializers.Serializer):
    """What is said with the acknowledgement."""

    note = serializers.CharField(required=False, allow_blank=True, default="")


class ReadingOut(serializers.ModelSerializer):
    """What was counted."""

    class Meta:
        model = DrainReading
        fields = ["id", "since", "until", "predictions", "newest_at", "waiting", "is_quiet", "counted"]


class HeldOut(serializers.ModelSerializer):
    """What is held."""

    version = serializers.IntegerField(source="version.number")

    class Meta:
        model = Disposition
        fields = ["id", "version", "artifact_sha256", "sha256", "size", "held_until", "created_at"]


class JobOut(serializers.ModelSerializer):
    """Work that a worker does now."""

    class Meta:
        model = Job
        fields = ["id", "title", "state", "url_progress"]


def terms(given: dict[str, Any], model: RegisteredModel, user: Any) -> dict[str, Any]:
    """Terms as the action takes them: successors found by number and key, seconds as a span."""
    found = {name: value for name, value in given.items() if name not in {"quiet_seconds", "model", "version"}}
    if "quiet_seconds" in given:
        found["quiet_for"] = dt.timedelta(seconds=given["quiet_seconds"])
    if given.get("successor_version") is not None:
        found["successor_version"] = _version(model, given["successor_version"], "successor_version")
    if given.get("successor_model") is not None:
        rows = access.visible(RegisteredModel.objects.all(), user).filter(key=given["successor_model"])
        if (successor := rows.first()) is None:
            raise Invalid("There is no such model.", {"successor_model": "There is no model with this key."})
        found["successor_model"] = successor
    return found


def _version(model: RegisteredModel, number: int, field: str) -> ModelVersion:
    found = ModelVersion.objects.filter(model=model, number=number).select_related("model").first()
    if found is None:
        raise Invalid(f"“{model}” has no version {number}.", {field: f"There is no version {number}."})
    return found


class Plans(Rows):
    """Retirements one may see; POST plans one."""

    model = RetirementPlan
    related = (
        "model__project", "model__organization", "version__model", "successor_model", "successor_version", "planned_by",
        "approval", "organization",
    )  # fmt: skip
    serializer_class = PlanOut
    lookup_field = "number"
    filterset_fields = ["state", "cause"]

    def again(self, plan: RetirementPlan, status: int = 200) -> Response:
        """The plan as it is now."""
        return self.answer(self.get_queryset().get(pk=plan.pk), status)

    @extend_schema(request=PlanIn, responses={201: PlanOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Plan a retirement."""
        policies.check_retire_any(request.user)
        given = self.given(PlanIn)
        rows = RegisteredModel.objects.select_related("project", "organization")
        model = fetch(rows, request.user, key=given["model"])
        number = given.get("version")
        version = _version(model, number, "version") if number is not None else None
        drawn = actions.plan(model=model, version=version, by=request.user, **terms(given, model, request.user))
        return self.again(drawn, 201)

    @extend_schema(request=TermsIn, responses=PlanOut)
    @verb("change")
    def change(self, request: Any, **_: Any) -> Response:
        """Change the terms."""
        plan = self.get_object(policies.check_change)
        serializer = TermsIn(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changes = terms(dict(serializer.validated_data), plan.model, request.user)
        return self.again(actions.change(plan=plan, changes=changes, by=request.user))

    @extend_schema(request=MessageIn, responses=PlanOut)
    @verb("request-approval")
    def request_approval(self, request: Any, **_: Any) -> Response:
        """Ask for the retirement to be approved."""
        plan = self.get_object(policies.check_request_approval)
        actions.request_approval(plan=plan, by=request.user, **self.given(MessageIn))
        return self.again(plan)

    @extend_schema(request=None, responses=PlanOut)
    @verb("notify")
    def notify(self, request: Any, **_: Any) -> Response:
        """Give notice to every consumer."""
        return self.again(actions.notify(plan=self.get_object(), by=request.user))

    @extend_schema(request=None, responses=PlanOut)
    @verb("drain")
    def drain(self, request: Any, **_: Any) -> Response:
        """Turn traffic away and count what still comes."""
        return self.again(actions.start_draining(plan=self.get_object(), by=request.user))

    @extend_schema(request=None, responses={202: JobOut})
    @verb("measure")
    def measure(self, request: Any, **_: Any) -> Response:
        """Have a worker count now."""
        return Response(JobOut(actions.measure(plan=self.get_object(), by=request.user)).data, status=202)

    @extend_schema(request=None, responses=PlanOut)
    @verb("turn-off")
    def turn_off(self, request: Any, **_: Any) -> Response:
        """End it: endpoints off, monitors and schedules stopped."""
        return self.again(actions.turn_off(plan=self.get_object(), by=request.user))

    @extend_schema(request=None, responses={202: JobOut})
    @verb("archive")
    def archive(self, request: Any, **_: Any) -> Response:
        """Have a worker seal what is held."""
        return Response(JobOut(actions.archive(plan=self.get_object(), by=request.user)).data, status=202)

    @extend_schema(request=SummaryIn, responses=PlanOut)
    @verb("close")
    def close(self, request: Any, **_: Any) -> Response:
        """End the retirement."""
        plan = self.get_object(policies.check_close)
        return self.again(actions.close(plan=plan, by=request.user, **self.given(SummaryIn)))

    @extend_schema(request=ReasonIn, responses=PlanOut)
    @verb("cancel")
    def cancel(self, request: Any, **_: Any) -> Response:
        """Take it back."""
        plan = self.get_object(policies.check_cancel)
        return self.again(actions.cancel(plan=plan, by=request.user, **self.given(ReasonIn)))


class OfPlan(Rows):
    """Base of the nouns under retirement/<number>/."""

    lookups = {"plan": "plan__number"}

    def plan(self, check: Check | None = None) -> RetirementPlan:
        """The plan of the address, if it may be seen and `check` lets one."""
        rows = RetirementPlan.objects.select_related("model__project", "organization")
        return fetch(rows, self.request.user, check, number=self.kwargs["plan"])

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        self.plan()
        return super().list(request, *args, **kwargs)


class Consumers(OfPlan):
    """Who uses it; POST names one. A contact sees and acknowledges their own, without a role in the project."""

    model = Consumer
    related = ("contact", "acknowledged_by", "plan__model__project", "plan__organization")
    serializer_class = ConsumerOut

    def get_object(self, check: Check | None = None) -> Any:
        mine = Q(contact=self.request.user) & Q(plan__number=self.kwargs["plan"])
        own = Consumer.objects.select_related(*self.related).filter(mine, pk__in=_keys(self.kwargs["pk"])).first()
        if own is None or access.membership(self.request.user) is None:
            return super().get_object(check)
        if check is not None:
            check(self.request.user, own)
        return own

    @extend_schema(request=ConsumerIn, responses={201: ConsumerOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Name a consumer."""
        plan = self.plan(policies.check_add_consumer)
        return self.answer(actions.add_consumer(plan=plan, by=request.user, **self.given(ConsumerIn)), 201)

    @extend_schema(request=NoteIn, responses=ConsumerOut)
    @verb("acknowledge")
    def acknowledge(self, request: Any, **_: Any) -> Response:
        """Say that one knows."""
        consumer = self.get_object(policies.check_acknowledge)
        return self.answer(actions.acknowledge(consumer=consumer, by=request.user, **self.given(NoteIn)))

    @extend_schema(request=ReasonIn, responses={204: None})
    @verb("remove")
    def remove(self, request: Any, **_: Any) -> Response:
        """It does not use it after all."""
        consumer = self.get_object(policies.check_remove_consumer)
        actions.remove_consumer(consumer=consumer, by=request.user, **self.given(ReasonIn))
        return Response(status=204)


def _keys(text: str) -> list[Any]:
    from uuid import UUID

    try:
        return [UUID(text)]
    except ValueError:
        return []


class Readings(OfPlan):
    """What was counted while it drained."""

    model = DrainReading
    serializer_class = ReadingOut


class Held(OfPlan):
    """What is held of it, with hashes."""

    model = Disposition
    related = ("version",)
    serializer_class = HeldOut
