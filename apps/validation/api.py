"""API of validation: plans, runs, results, findings, waivers, templates, and the checks there are."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.response import Response

from apps.core.errors import NotVisible
from apps.datasets.models import DatasetVersion
from apps.models.models import ModelVersion
from apps.organizations import access
from apps.organizations.bases import Rows, fetch, verb
from apps.organizations.models import User
from apps.validation import actions
from apps.validation.models import (
    CheckResult,
    Finding,
    Outcome,
    Plan,
    PlanCheck,
    Severity,
    Template,
    ValidationRun,
    Waiver,
)
from apps.validation.models.plans import KINDS, TIERS


class VersionOut(serializers.Serializer):
    """Which version it is about."""

    model = serializers.CharField(source="model.key")
    number = serializers.IntegerField()


class LineOut(serializers.ModelSerializer):
    """One check of a plan."""

    class Meta:
        model = PlanCheck
        fields = ["name", "key", "family", "parameters", "fail", "warn", "judged", "required"]


class PlanOut(serializers.ModelSerializer):
    """A plan with its checks."""

    version = VersionOut()
    test_data = serializers.CharField(source="test_data.sha256")
    train_data = serializers.CharField(source="train_data.sha256", default=None)
    champion = serializers.IntegerField(source="champion.number", default=None)
    written_by = serializers.CharField(source="written_by.email")
    locked_by = serializers.CharField(source="locked_by.email", default=None)
    checks = LineOut(many=True, read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Plan
        fields = [
            "id", "version", "number", "state", "tier", "kind", "content_hash", "test_data", "train_data", "champion",
            "time_column", "attributes", "favourable", "seed", "max_rows", "reason", "written_by", "locked_by",
            "locked_at",
            "created_at", "url", "checks",
        ]  # fmt: skip


class RunOut(serializers.ModelSerializer):
    """A run with its verdict and conclusion."""

    version = VersionOut()
    plan = serializers.IntegerField(source="plan.number")
    plan_hash = serializers.CharField(source="plan.content_hash")
    started_by = serializers.CharField(source="started_by.email")
    concluded_by = serializers.CharField(source="concluded_by.email", default=None)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = ValidationRun
        fields = [
            "id", "version", "number", "plan", "plan_hash", "state", "verdict", "started_by", "independence",
            "started_at",
            "finished_at", "error", "layer", "walls_missing", "libraries", "rows", "inputs", "seconds", "peak_memory",
            "outcome", "statement", "conditions", "concluded_by", "concluded_at", "created_at", "url",
        ]  # fmt: skip


class LineIn(serializers.Serializer):
    """One check as asked for; what is left out is the check's own default."""

    key = serializers.CharField()
    name = serializers.CharField(required=False, max_length=120)
    parameters = serializers.DictField(required=False)
    fail = serializers.FloatField(required=False, allow_null=True)  # type: ignore[assignment]
    warn = serializers.FloatField(required=False, allow_null=True)
    judged = serializers.ChoiceField(choices=["value", "lower", "upper"], required=False)
    required = serializers.BooleanField(required=False, default=True)  # type: ignore[assignment]


class LinesIn(serializers.Serializer):
    """The checks of a draft, all of them."""

    lines = LineIn(many=True)


class DataIn(serializers.Serializer):
    """A version of a dataset."""

    dataset = serializers.CharField()
    number = serializers.IntegerField(min_value=1)

    def to_internal_value(self, data: Any) -> DatasetVersion:
        """The version, if the person may see it."""
        read = super().to_internal_value(data)
        try:
            return fetch(
                DatasetVersion.objects.select_related("dataset"),
                self.context["request"].user,
                dataset__key=read["dataset"],
                number=read["number"],
            )
        except NotVisible:
            raise serializers.ValidationError("There is no such dataset version, or you may not see it.") from None


class PlanIn(serializers.Serializer):
    """A plan for a version; without lines it begins with the template of the version's tier and kind."""

    model = serializers.CharField()
    version = serializers.IntegerField(min_value=1)
    lines = LineIn(many=True, required=False)
    attributes = serializers.ListField(child=serializers.CharField(), required=False)
    edges = serializers.DictField(child=serializers.ListField(child=serializers.FloatField()), required=False)
    favourable = serializers.ChoiceField(choices=["positive", "negative"], required=False)
    time_column = serializers.CharField(required=False, allow_blank=True)
    test_data = DataIn(required=False)
    train_data = DataIn(required=False)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    max_rows = serializers.IntegerField(required=False, min_value=1_000, max_value=5_000_000)
    reason = serializers.CharField(required=False, allow_blank=True)


def version_of(view: Rows, given: dict[str, Any]) -> ModelVersion:
    """The version that the input names, if the person may see it."""
    rows = ModelVersion.objects.select_related("model__project", "artifact", "run")
    return fetch(rows, view.request.user, model__key=given.pop("model"), number=given.pop("version"))


ABOUT = [
    OpenApiParameter("model", str, description="Key of the model"),
    OpenApiParameter("version", int, description="Number of the version"),
]


class OfVersion(Rows):
    """Rows about a version; `?model=&version=` narrows them."""

    path = "version"

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        model, version = (self.request.query_params.get(name, "") for name in ("model", "version"))
        if model:
            rows = rows.filter(**{f"{self.path}__model__key": model})
        if version.isdigit():
            rows = rows.filter(**{f"{self.path}__number": version})
        return rows


@extend_schema(parameters=ABOUT)
class Plans(OfVersion):
    """Validation plans; POST writes a draft."""

    model = Plan
    related = ("organization", "version__model", "test_data", "train_data", "champion", "written_by", "locked_by")
    serializer_class = PlanOut
    filterset_fields = ["state", "tier", "kind"]

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("checks")

    @extend_schema(request=PlanIn, responses={201: PlanOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Write the plan for a version, as a draft."""
        given = self.given(PlanIn)
        if "lines" in given:
            given["lines"] = [dict(line) for line in given["lines"]]
        plan = actions.write_plan(version=version_of(self, given), by=request.user, **given)
        return self.answer(self.get_queryset().get(pk=plan.pk), status=201)

    @extend_schema(request=LinesIn, responses=PlanOut)
    @verb("change")
    def change(self, request: Any, **_: Any) -> Response:
        """Exchange the checks of a draft."""
        lines = [dict(line) for line in self.given(LinesIn)["lines"]]
        actions.change_plan(plan=self.get_object(), lines=lines, by=request.user)
        return self.answer(self.get_object())

    @extend_schema(request=None, responses=PlanOut)
    @verb("lock")
    def lock(self, request: Any, **_: Any) -> Response:
        """Lock a plan: from now on nothing in it changes."""
        actions.lock_plan(plan=self.get_object(), by=request.user)
        return self.answer(self.get_object())

    @extend_schema(request=None, responses={201: RunOut})
    @verb("run")
    def run(self, request: Any, **_: Any) -> Response:
        """Run a locked plan."""
        run = actions.start_run(plan=self.get_object(), by=request.user)
        return Response(RunOut(run, context=self.get_serializer_context()).data, status=201)


class ConcludeIn(serializers.Serializer):
    """The validator's word."""

    outcome = serializers.ChoiceField(choices=[choice for choice in Outcome.choices if choice[0]])
    statement = serializers.CharField()
    conditions = serializers.CharField(required=False, allow_blank=True, default="")


@extend_schema(parameters=ABOUT)
class Runs(OfVersion):
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
        actions.conclude(run=self.get_object(), by=request.user, **self.given(ConcludeIn))
        return self.answer(self.get_object())


class ResultOut(serializers.ModelSerializer):
    """One check's answer with its evidence."""

    version = VersionOut(source="run.version")
    run = serializers.IntegerField(source="run.number")

    class Meta:
        model = CheckResult
        fields = [
            "id", "version", "run", "name", "key", "family", "required", "verdict", "value", "low", "high",
            "interval_level", "interval_method", "fail", "warn", "sense", "judged", "sentence", "reason", "parameters",
            "evidence", "rows_used", "rows_total", "seed", "seconds", "layer", "created_at",
        ]  # fmt: skip


@extend_schema(parameters=[*ABOUT, OpenApiParameter("run", str, description="Id of the run")])
class Results(OfVersion):
    """Results of checks, `?run=` of one run."""

    model = CheckResult
    related = ("run__version__model",)
    path = "run__version"
    serializer_class = ResultOut
    filterset_fields = ["verdict", "key", "family", "run"]


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
            "id", "version", "number", "title", "description", "severity", "state", "owner", "due_on", "is_overdue",
            "action_plan", "remedy", "run", "result", "retest", "raised_by", "closed_by", "closed_at", "closing_note",
            "created_at", "url",
        ]  # fmt: skip


class PersonField(serializers.EmailField):
    """A member by address."""

    def to_internal_value(self, data: Any) -> User:  # type: ignore[override]
        """The member with this address."""
        person = access.members().filter(email__iexact=super().to_internal_value(data)).first()
        if person is None:
            raise serializers.ValidationError("There is no member with this address.")
        return person


class FindingIn(serializers.Serializer):
    """What is wrong, beyond what the checks say."""

    model = serializers.CharField()
    version = serializers.IntegerField(min_value=1)
    title = serializers.CharField(max_length=200)
    description = serializers.CharField()
    severity = serializers.ChoiceField(choices=Severity.choices)
    owner = PersonField(required=False)
    due_on = serializers.DateField(required=False)


class AssignIn(serializers.Serializer):
    """Another owner, day or weight."""

    owner = PersonField(required=False)
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
        given = self.given(FindingIn)
        finding = actions.raise_finding(version=version_of(self, given), by=request.user, **given)
        return self.answer(finding, status=201)

    @extend_schema(request=AssignIn, responses=FindingOut)
    @verb("assign")
    def assign(self, request: Any, **_: Any) -> Response:
        """Give it another owner, day or weight."""
        return self.answer(actions.assign_finding(finding=self.get_object(), by=request.user, **self.given(AssignIn)))

    @extend_schema(request=PlanWorkIn, responses=FindingOut)
    @verb("plan-work")
    def plan_work(self, request: Any, **_: Any) -> Response:
        """Its owner begins."""
        return self.answer(actions.plan_work(finding=self.get_object(), by=request.user, **self.given(PlanWorkIn)))

    @extend_schema(request=ReadyIn, responses=FindingOut)
    @verb("mark-ready")
    def mark_ready(self, request: Any, **_: Any) -> Response:
        """Its owner is done."""
        return self.answer(actions.mark_ready(finding=self.get_object(), by=request.user, **self.given(ReadyIn)))

    @extend_schema(request=RetestIn, responses=FindingOut)
    @verb("retest")
    def retest(self, request: Any, **_: Any) -> Response:
        """Link the same check's result in a later run."""
        run = fetch(ValidationRun.objects.select_related("version"), request.user, pk=self.given(RetestIn)["run"])
        return self.answer(actions.retest(finding=self.get_object(), run=run, by=request.user))

    @extend_schema(request=CloseIn, responses=FindingOut)
    @verb("close")
    def close(self, request: Any, **_: Any) -> Response:
        """Close it with what was seen."""
        return self.answer(actions.close_finding(finding=self.get_object(), by=request.user, **self.given(CloseIn)))

    @extend_schema(request=WaiverIn, responses={201: WaiverOut})
    @verb("request-waiver")
    def request_waiver(self, request: Any, **_: Any) -> Response:
        """Ask for permission to live with it until a day."""
        waiver = actions.request_waiver(finding=self.get_object(), by=request.user, **self.given(WaiverIn))
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
        return self.answer(actions.revoke_waiver(waiver=self.get_object(), by=request.user, **self.given(ReasonIn)))


class TemplateOut(serializers.ModelSerializer):
    """A version of a template."""

    written_by = serializers.CharField(source="written_by.email")

    class Meta:
        model = Template
        fields = [
            "id", "tier", "kind", "version", "lines", "content_hash", "reason", "is_current", "written_by",
            "created_at",
        ]  # fmt: skip


class TemplateIn(serializers.Serializer):
    """A new version of a template."""

    tier = serializers.ChoiceField(choices=TIERS)
    kind = serializers.ChoiceField(choices=KINDS)
    lines = LineIn(many=True)
    reason = serializers.CharField()


class Templates(Rows):
    """Templates of plans; POST puts a new version in force."""

    model = Template
    related = ("organization", "written_by")
    serializer_class = TemplateOut
    filterset_fields = ["tier", "kind", "is_current"]

    @extend_schema(request=TemplateIn, responses={201: TemplateOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Put a new version in force."""
        given = self.given(TemplateIn)
        given["lines"] = [dict(line) for line in given["lines"]]
        return self.answer(actions.write_template(by=request.user, **given), status=201)


class CheckOut(serializers.Serializer):
    """A check that can be put into a plan."""

    key = serializers.CharField()
    family = serializers.CharField()
    title = serializers.CharField()
    question = serializers.CharField()
    metric = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    sense = serializers.CharField()
    judged = serializers.CharField()
    kinds = serializers.ListField(child=serializers.CharField())
    limits = serializers.DictField()
    parameters = serializers.DictField()


class Checks(viewsets.ViewSet):
    """The checks there are: built in, and brought by other packages."""

    serializer_class = CheckOut

    @extend_schema(responses=CheckOut(many=True))
    def list(self, request: Any, **_: Any) -> Response:
        """All of them, in the order of the report."""
        from apps.validation.engine.registry import registry

        if access.membership(request.user) is None:
            raise NotVisible()
        return Response({"next": None, "previous": None, "results": [_described(check) for check in registry().all()]})

    @extend_schema(responses=CheckOut, parameters=[OpenApiParameter("id", str, OpenApiParameter.PATH)])
    def retrieve(self, request: Any, pk: str = "", **_: Any) -> Response:
        """One by its key."""
        from apps.validation.engine.registry import registry

        if access.membership(request.user) is None:
            raise NotVisible()
        try:
            return Response(_described(registry().get(pk)))
        except KeyError:
            raise NotVisible() from None


def _described(check: Any) -> dict[str, Any]:
    texts = {name: getattr(check, name) for name in ("key", "title", "question", "metric", "source")}
    return {
        **texts,
        "family": check.family.value,
        "sense": check.sense.value,
        "judged": check.judged.value,
        "kinds": sorted(kind.value for kind in check.kinds),
        "limits": {tier: {"fail": one.fail, "warn": one.warn} for tier, one in check.limits.items()},
        "parameters": {name: {"default": one.default, "help": one.help} for name, one in check.parameters.items()},
    }
