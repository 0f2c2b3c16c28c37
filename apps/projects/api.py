"""API of projects: projects/<key>/ with its metrics, values, data requirements, risks, stakeholders and assessments."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response

from apps.organizations.api import MemberField
from apps.organizations.bases import Check, Rows, fetch, verb
from apps.projects import actions, policies
from apps.projects.models import (
    Assessment,
    Automation,
    DataRequirement,
    Direction,
    PersonalData,
    Project,
    Risk,
    RiskCategory,
    SourceKind,
    Stakeholder,
    SuccessMetric,
    Treatment,
    ValueReading,
)

EMAIL = "owner.email"


class ProjectOut(serializers.ModelSerializer):
    """A project."""

    owner = serializers.CharField(source=EMAIL)
    sponsor = serializers.CharField(source="sponsor.email", default=None)
    url = serializers.CharField(source="get_absolute_url", read_only=True)
    approval = serializers.UUIDField(source="approval_id", read_only=True)

    class Meta:
        model = Project
        fields = [
            "key", "title", "problem", "outcomes", "intended_users", "affected_persons", "automation", "owner",
            "sponsor", "tier", "state", "is_waiting", "is_approved", "approval", "approved_at", "live_since",
            "ended_at", "created_at", "url",
        ]  # fmt: skip


class CharterIn(serializers.Serializer):
    """What the project is for."""

    title = serializers.CharField(max_length=200)
    problem = serializers.CharField()
    outcomes = serializers.CharField(required=False, allow_blank=True)
    intended_users = serializers.CharField(required=False, allow_blank=True)
    affected_persons = serializers.CharField(required=False, allow_blank=True)
    automation = serializers.ChoiceField(choices=Automation.choices, required=False)
    owner = MemberField(required=False)
    sponsor = MemberField(required=False)


class NewProjectIn(CharterIn):
    """A new project."""

    key = serializers.SlugField(max_length=50)


class ReasonIn(serializers.Serializer):
    """A reason that others will read."""

    reason = serializers.CharField()


class OptionalReasonIn(serializers.Serializer):
    """A reason, if there is one."""

    reason = serializers.CharField(required=False, allow_blank=True, default="")


class MessageIn(serializers.Serializer):
    """A word to those who decide."""

    message = serializers.CharField(required=False, allow_blank=True, default="")


class AnswersIn(serializers.Serializer):
    """Answers to the newest questionnaire: a key, or a list of keys where several may be chosen."""

    answers = serializers.DictField(child=serializers.JSONField())


class AssessmentOut(serializers.ModelSerializer):
    """Answers with the tier they gave."""

    answered_by = serializers.CharField(source="answered_by.email")

    class Meta:
        model = Assessment
        fields = [
            "id",
            "questionnaire",
            "version",
            "content_hash",
            "answers",
            "tier",
            "reasons",
            "answered_by",
            "created_at",
        ]


class MetricOut(serializers.ModelSerializer):
    """A promise with what was measured last."""

    newest_value = serializers.FloatField(default=None, read_only=True)
    newest_at = serializers.DateTimeField(default=None, read_only=True)

    class Meta:
        model = SuccessMetric
        fields = ["id", *actions.METRIC_FIELDS, "newest_value", "newest_at"]


class MetricIn(serializers.Serializer):
    """A promise."""

    name = serializers.CharField(max_length=120)
    description = serializers.CharField(required=False, allow_blank=True)
    unit = serializers.CharField(required=False, allow_blank=True, max_length=40)
    direction = serializers.ChoiceField(choices=Direction.choices, required=False)
    baseline = serializers.FloatField(required=False, allow_null=True)
    target = serializers.FloatField()
    due_on = serializers.DateField()


class ReadingOut(serializers.ModelSerializer):
    """What was measured."""

    recorded_by = serializers.CharField(source="recorded_by.email")

    class Meta:
        model = ValueReading
        fields = ["id", "value", "at", "source", "note", "recorded_by", "created_at"]


class ReadingIn(serializers.Serializer):
    """A value with its time and source."""

    value = serializers.FloatField()
    at = serializers.DateTimeField()
    source = serializers.CharField(max_length=200)  # type: ignore[assignment]
    note = serializers.CharField(required=False, allow_blank=True)


class RequirementOut(serializers.ModelSerializer):
    """Data the project needs."""

    owner = serializers.CharField(source=EMAIL, default=None)

    class Meta:
        model = DataRequirement
        fields = ["id", *actions.REQUIREMENT_FIELDS]


class RequirementIn(serializers.Serializer):
    """A need for data."""

    kind = serializers.ChoiceField(choices=SourceKind.choices)
    description = serializers.CharField()
    owner = MemberField(required=False)
    personal_data = serializers.ChoiceField(choices=PersonalData.choices, required=False)


class RiskOut(serializers.ModelSerializer):
    """A risk before and after treatment."""

    owner = serializers.CharField(source=EMAIL)
    accepted_by = serializers.CharField(source="accepted_by.email", default=None)
    level = serializers.IntegerField(read_only=True)
    residual_level = serializers.IntegerField(read_only=True)

    class Meta:
        model = Risk
        fields = [
            "number", *actions.RISK_FIELDS, "level", "residual_level", "state", "accepted_by", "accepted_at",
            "acceptance_reason",
        ]  # fmt: skip


class Scale(serializers.IntegerField):
    """1 to 5."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=5, **options)


class RiskIn(serializers.Serializer):
    """A risk."""

    title = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True)
    category = serializers.ChoiceField(choices=RiskCategory.choices, required=False)
    likelihood = Scale()
    impact = Scale()
    treatment = serializers.ChoiceField(choices=Treatment.choices, required=False)
    measures = serializers.CharField(required=False, allow_blank=True)
    residual_likelihood = Scale(required=False, allow_null=True)
    residual_impact = Scale(required=False, allow_null=True)
    owner = MemberField(required=False)


class StakeholderOut(serializers.ModelSerializer):
    """Somebody with an interest."""

    user = serializers.CharField(source="user.email", default=None)

    class Meta:
        model = Stakeholder
        fields = ["id", "user", "name", "role", "interest"]


class StakeholderIn(serializers.Serializer):
    """Somebody with an interest: a member, or a name."""

    user = MemberField(required=False)
    name = serializers.CharField(required=False, allow_blank=True, max_length=120)
    role = serializers.CharField(max_length=120)
    interest = serializers.CharField(required=False, allow_blank=True)


class Changing(Rows):
    """Base of nouns that can be changed in part."""

    def again(self, row: Any, status: int = 200) -> Response:
        """The row as it is now."""
        return self.answer(self.get_queryset().get(pk=row.pk), status)

    def partly(self, serializer_class: type[serializers.Serializer]) -> dict[str, Any]:
        """The fields that were sent, checked."""
        serializer = serializer_class(data=self.request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class Projects(Changing):
    """Projects one may see; POST opens one."""

    model = Project
    related = ("owner", "sponsor", "approval", "organization")
    serializer_class = ProjectOut
    lookup_field = "key"
    filterset_fields = ["state", "tier"]

    @extend_schema(request=NewProjectIn, responses={201: ProjectOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Open a project."""
        policies.check_open_project(request.user)
        return self.again(actions.open_project(**self.given(NewProjectIn), by=request.user), 201)

    @extend_schema(request=CharterIn, responses=ProjectOut)
    @verb("change")
    def change(self, request: Any, **_: Any) -> Response:
        """Change parts of the charter."""
        project = self.get_object(policies.check_plan)
        actions.change_charter(project=project, changes=self.partly(CharterIn), by=request.user)
        return self.again(project)

    @extend_schema(request=AnswersIn, responses=AssessmentOut)
    @verb("assess")
    def assess(self, request: Any, **_: Any) -> Response:
        """Answer the risk questionnaire."""
        project = self.get_object(policies.check_plan)
        assessment = actions.assess(project=project, by=request.user, **self.given(AnswersIn))
        return Response(AssessmentOut(assessment).data, status=201)

    @extend_schema(request=MessageIn, responses=ProjectOut)
    @verb("request-approval")
    def request_approval(self, request: Any, **_: Any) -> Response:
        """Ask for the charter to be approved."""
        project = self.get_object(policies.check_request_approval)
        actions.request_approval(project=project, by=request.user, **self.given(MessageIn))
        return self.again(project)

    @extend_schema(request=ReasonIn, responses=ProjectOut)
    @verb("hold")
    def hold(self, request: Any, **_: Any) -> Response:
        """Stop work for a while."""
        project = self.get_object(policies.check_hold)
        return self.again(actions.put_on_hold(project=project, by=request.user, **self.given(ReasonIn)))

    @extend_schema(request=OptionalReasonIn, responses=ProjectOut)
    @verb("resume")
    def resume(self, request: Any, **_: Any) -> Response:
        """Go on where it was."""
        project = self.get_object(policies.check_resume)
        return self.again(actions.resume(project=project, by=request.user, **self.given(OptionalReasonIn)))

    @extend_schema(request=OptionalReasonIn, responses=ProjectOut)
    @verb("reopen")
    def reopen(self, request: Any, **_: Any) -> Response:
        """Take a rejected project up again."""
        project = self.get_object(policies.check_reopen)
        return self.again(actions.reopen(project=project, by=request.user, **self.given(OptionalReasonIn)))

    @extend_schema(request=ReasonIn, responses=ProjectOut)
    @verb("retire")
    def retire(self, request: Any, **_: Any) -> Response:
        """End the project."""
        project = self.get_object(policies.check_retire)
        return self.again(actions.retire(project=project, by=request.user, **self.given(ReasonIn)))


class Parts(Changing):
    """Base of the nouns under projects/<project>/."""

    lookups = {"project": "project__key"}

    def project(self, check: Check | None = None) -> Project:
        """The project of the address, if it may be seen and `check` lets one."""
        rows = Project.objects.select_related("organization")
        return fetch(rows, self.request.user, check, key=self.kwargs["project"])

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        self.project()
        return super().list(request, *args, **kwargs)


class Metrics(Parts):
    """What a project promises; POST promises one more."""

    model = SuccessMetric
    serializer_class = MetricOut

    def get_queryset(self) -> Any:
        rows: Any = super().get_queryset().select_related("project__organization")
        return rows if getattr(self, "swagger_fake_view", False) else rows.with_newest()

    @extend_schema(request=MetricIn, responses={201: MetricOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Promise one number by a date."""
        project = self.project(policies.check_plan)
        return self.answer(actions.add_metric(project=project, by=request.user, **self.given(MetricIn)), 201)

    @extend_schema(request=MetricIn, responses=MetricOut)
    @verb("change")
    def change(self, request: Any, **_: Any) -> Response:
        """Change a promise."""
        metric = self.get_object(policies.check_plan_part)
        return self.again(actions.change_metric(metric=metric, changes=self.partly(MetricIn), by=request.user))

    @extend_schema(request=OptionalReasonIn, responses={204: None})
    @verb("remove")
    def remove(self, request: Any, **_: Any) -> Response:
        """Take a promise back."""
        metric = self.get_object(policies.check_plan_part)
        actions.remove_metric(metric=metric, by=request.user, **self.given(OptionalReasonIn))
        return Response(status=204)


OF_PROJECT = extend_schema(parameters=[OpenApiParameter("project", str, "path")])


@extend_schema_view(list=OF_PROJECT, retrieve=OF_PROJECT)
class Values(Rows):
    """What was measured for a metric; POST records a value."""

    model = ValueReading
    related = ("recorded_by",)
    serializer_class = ReadingOut
    lookups = {"project": "metric__project__key", "metric": "metric__pk"}

    def metric(self, check: Check | None = None) -> SuccessMetric:
        """The metric of the address, if it may be seen and `check` lets one."""
        rows = SuccessMetric.objects.select_related("project__organization")
        wanted = {"project__key": self.kwargs["project"], "pk": self.kwargs["metric"]}
        return fetch(rows, self.request.user, check, **wanted)

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        self.metric()
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request=ReadingIn, responses={201: ReadingOut}, parameters=[OpenApiParameter("project", str, "path")]
    )
    def create(self, request: Any, **_: Any) -> Response:
        """Record what the business measured."""
        metric = self.metric(policies.check_record_value)
        return self.answer(actions.record_value(metric=metric, by=request.user, **self.given(ReadingIn)), 201)


class Requirements(Parts):
    """The data a project needs; POST adds one."""

    model = DataRequirement
    related = ("owner", "project__organization")
    serializer_class = RequirementOut

    @extend_schema(request=RequirementIn, responses={201: RequirementOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Say what data is needed."""
        project = self.project(policies.check_plan)
        return self.answer(actions.add_requirement(project=project, by=request.user, **self.given(RequirementIn)), 201)

    @extend_schema(request=RequirementIn, responses=RequirementOut)
    @verb("change")
    def change(self, request: Any, **_: Any) -> Response:
        """Change a need for data."""
        requirement, changes = self.get_object(policies.check_plan_part), self.partly(RequirementIn)
        return self.answer(actions.change_requirement(requirement=requirement, changes=changes, by=request.user))

    @extend_schema(request=OptionalReasonIn, responses={204: None})
    @verb("remove")
    def remove(self, request: Any, **_: Any) -> Response:
        """The data is not needed."""
        requirement = self.get_object(policies.check_plan_part)
        actions.remove_requirement(requirement=requirement, by=request.user, **self.given(OptionalReasonIn))
        return Response(status=204)


class Risks(Parts):
    """The risk register; POST adds a risk."""

    model = Risk
    related = ("owner", "accepted_by", "project__organization", "project__owner")
    serializer_class = RiskOut
    lookup_field = "number"
    filterset_fields = ["state", "category"]

    @extend_schema(request=RiskIn, responses={201: RiskOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Put a risk on the register."""
        project = self.project(policies.check_plan)
        return self.answer(actions.add_risk(project=project, by=request.user, **self.given(RiskIn)), 201)

    @extend_schema(request=RiskIn, responses=RiskOut)
    @verb("change")
    def change(self, request: Any, **_: Any) -> Response:
        """Rate or treat a risk anew."""
        risk = self.get_object(policies.check_risk)
        return self.answer(actions.change_risk(risk=risk, changes=self.partly(RiskIn), by=request.user))

    @extend_schema(request=ReasonIn, responses=RiskOut)
    @verb("accept")
    def accept(self, request: Any, **_: Any) -> Response:
        """Live with what remains."""
        risk = self.get_object(policies.check_accept_risk)
        return self.answer(actions.accept_risk(risk=risk, by=request.user, **self.given(ReasonIn)))

    @extend_schema(request=ReasonIn, responses=RiskOut)
    @verb("close")
    def close(self, request: Any, **_: Any) -> Response:
        """The risk is gone."""
        risk = self.get_object(policies.check_plan_part)
        return self.answer(actions.close_risk(risk=risk, by=request.user, **self.given(ReasonIn)))

    @extend_schema(request=OptionalReasonIn, responses=RiskOut)
    @verb("reopen")
    def reopen(self, request: Any, **_: Any) -> Response:
        """Look at it again."""
        risk = self.get_object(policies.check_plan_part)
        return self.answer(actions.reopen_risk(risk=risk, by=request.user, **self.given(OptionalReasonIn)))


class Stakeholders(Parts):
    """Who has an interest; POST names one."""

    model = Stakeholder
    related = ("user", "project__organization")
    serializer_class = StakeholderOut

    @extend_schema(request=StakeholderIn, responses={201: StakeholderOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Name somebody."""
        project = self.project(policies.check_plan)
        return self.answer(actions.add_stakeholder(project=project, by=request.user, **self.given(StakeholderIn)), 201)

    @extend_schema(request=OptionalReasonIn, responses={204: None})
    @verb("remove")
    def remove(self, request: Any, **_: Any) -> Response:
        """They have no interest any more."""
        stakeholder = self.get_object(policies.check_plan_part)
        actions.remove_stakeholder(stakeholder=stakeholder, by=request.user, **self.given(OptionalReasonIn))
        return Response(status=204)


class Assessments(Parts):
    """The answers to the questionnaire, newest first."""

    model = Assessment
    related = ("answered_by",)
    serializer_class = AssessmentOut
