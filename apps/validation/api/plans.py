"""Plans, templates and the checks there are."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from apps.core.errors import NotVisible
from apps.core.uploads import refuse_too_large
from apps.datasets.models import DatasetVersion
from apps.organizations import access
from apps.organizations.bases import Rows, fetch, verb
from apps.validation import actions, policies, texts
from apps.validation.api.plain import TEXT_IN, TEXT_OUT, WRITTEN, Plain, schema_of, text_of
from apps.validation.api.runs import RunIn, RunOut
from apps.validation.api.shared import ABOUT, LineIn, OfVersion, VersionOut, version_of
from apps.validation.models import AskedSignature, EvidenceDocument, Plan, PlanCheck, Template
from apps.validation.models.plans import DATA_ROLES, KINDS, TIERS


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
    reference_data = serializers.CharField(source="reference_data.sha256", default=None)
    stress_data = serializers.CharField(source="stress_data.sha256", default=None)
    champion = serializers.IntegerField(source="champion.number", default=None)
    written_by = serializers.CharField(source="written_by.email")
    locked_by = serializers.CharField(source="locked_by.email", default=None)
    checks = LineOut(many=True, read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Plan
        fields = [
            "id", "version", "number", "state", "tier", "kind", "content_hash", "test_data", "train_data", "champion",
            "reference_data", "stress_data", "time_column", "series_column", "horizon_column", "group_column",
            "attributes", "favourable", "slices", "evidence", "seed", "max_rows", "reason", "written_by", "locked_by",
            "locked_at", "created_at", "url", "checks",
        ]  # fmt: skip


class SignatureIn(serializers.Serializer):
    """A signature as the plan asks for it."""

    asked = serializers.CharField(help_text="Its text among the plan's evidence.")


class AskedOut(serializers.ModelSerializer):
    """A signature that was asked for, with the request that decides on it."""

    class Meta:
        model = AskedSignature
        fields = ["id", "role", "statement", "request", "created_at"]


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
    kind = serializers.ChoiceField(choices=KINDS, required=False)
    time_column = serializers.CharField(required=False, allow_blank=True, max_length=200)
    series_column = serializers.CharField(required=False, allow_blank=True, max_length=200)
    horizon_column = serializers.CharField(required=False, allow_blank=True, max_length=200)
    group_column = serializers.CharField(required=False, allow_blank=True, max_length=200)
    test_data = DataIn(required=False)
    train_data = DataIn(required=False)
    reference_data = DataIn(required=False)
    stress_data = DataIn(required=False)
    slices = serializers.DictField(child=serializers.CharField(), required=False)
    evidence = serializers.ListField(child=serializers.CharField(), required=False)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    max_rows = serializers.IntegerField(required=False, min_value=1_000, max_value=5_000_000)
    reason = serializers.CharField(required=False, allow_blank=True)


@extend_schema(parameters=ABOUT)
class Plans(OfVersion):
    """Validation plans; POST writes a draft."""

    model = Plan
    related = (
        "organization", "version__model", "champion", "written_by", "locked_by",
        *(f"{role}_data__dataset" for role in DATA_ROLES),
    )  # fmt: skip
    serializer_class = PlanOut
    filterset_fields = ["state", "tier", "kind"]

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("checks")

    @extend_schema(request=PlanIn, responses={201: PlanOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Write the plan for a version, as a draft."""
        policies.check_validate_any(request.user)
        given = self.given(PlanIn)
        if "lines" in given:
            given["lines"] = [dict(line) for line in given["lines"]]
        plan = actions.write_plan(version=version_of(self, given), by=request.user, **given)
        return self.answer(self.get_queryset().get(pk=plan.pk), status=201)

    @extend_schema(request=TEXT_IN, responses={201: PlanOut})
    @action(detail=False, methods=["post"], url_path="from-text", parser_classes=[Plain])
    def from_text(self, request: Any, **_: Any) -> Response:
        """Write the plan for a version from YAML or JSON, as a draft; what is wrong is told by field and line."""
        policies.check_validate_any(request.user)
        plan = texts.write_plan(text=text_of(request), by=request.user)
        return self.answer(self.get_queryset().get(pk=plan.pk), status=201)

    @extend_schema(responses=TEXT_OUT)
    @action(detail=True, renderer_classes=WRITTEN)
    def text(self, request: Any, **_: Any) -> Response:
        """The plan as YAML or JSON; posted again it gives the same plan."""
        return Response(texts.of_plan(self.get_object()))

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    @action(detail=False, url_path="schema", pagination_class=None, filter_backends=[])
    def json_schema(self, request: Any, **_: Any) -> Response:
        """The JSON schema that a plan as text is held against."""
        return schema_of("plan", request.user)

    @extend_schema(request=LinesIn, responses=PlanOut)
    @verb("change")
    def change(self, request: Any, **_: Any) -> Response:
        """Exchange the checks of a draft."""
        plan, given = self.get_object(policies.check_change_plan), self.given(LinesIn)
        actions.change_plan(plan=plan, lines=[dict(line) for line in given["lines"]], by=request.user)
        return self.answer(self.get_object())

    @extend_schema(request=None, responses=PlanOut)
    @verb("lock")
    def lock(self, request: Any, **_: Any) -> Response:
        """Lock a plan: from now on nothing in it changes."""
        actions.lock_plan(plan=self.get_object(), by=request.user)
        return self.answer(self.get_object())

    @extend_schema(request=SignatureIn, responses={201: AskedOut})
    @verb("ask-signature")
    def ask_signature(self, request: Any, **_: Any) -> Response:
        """Ask for a signature that the plan demands; approvals/ tells what became of it."""
        plan = self.get_object(policies.check_ask_signatures)
        asked = actions.ask_signature(plan=plan, by=request.user, **self.given(SignatureIn))
        return Response(AskedOut(asked).data, status=201)

    @extend_schema(request=RunIn, responses={201: RunOut})
    @verb("run")
    def run(self, request: Any, **_: Any) -> Response:
        """Run a locked plan; what an earlier run measured on the same inputs is taken over, unless `anew`."""
        run = actions.start_run(plan=self.get_object(policies.check_start_run), by=request.user, **self.given(RunIn))
        return Response(RunOut(run, context=self.get_serializer_context()).data, status=201)


class TemplateOut(serializers.ModelSerializer):
    """A version of a template."""

    written_by = serializers.CharField(source="written_by.email")

    class Meta:
        model = Template
        fields = [
            "id", "tier", "kind", "version", "lines", "setup", "content_hash", "reason", "is_current", "written_by",
            "created_at",
        ]  # fmt: skip


class SetupIn(serializers.Serializer):
    """What plans take from a template beside its checks, as far as their data have the columns."""

    columns = serializers.DictField(child=serializers.CharField(max_length=200), required=False)
    attributes = serializers.ListField(child=serializers.CharField(max_length=200), required=False)
    slices = serializers.DictField(child=serializers.CharField(), required=False)
    evidence = serializers.ListField(child=serializers.CharField(), required=False)


class TemplateIn(serializers.Serializer):
    """A new version of a template."""

    tier = serializers.ChoiceField(choices=TIERS)
    kind = serializers.ChoiceField(choices=KINDS)
    lines = LineIn(many=True)
    setup = SetupIn(required=False)
    reason = serializers.CharField()


class ToldOut(serializers.Serializer):
    """What a template would say of a version, from the results of its newest finished run."""

    version = VersionOut()
    run = serializers.IntegerField(source="run.number", default=None)
    now = serializers.CharField()
    verdict = serializers.ChoiceField(choices=["failed", "warned", "passed", "unknown"])
    failed = serializers.ListField(child=serializers.CharField())
    warned = serializers.ListField(child=serializers.CharField())
    without = serializers.ListField(child=serializers.CharField(), help_text="Needed, and without a result to judge.")


class DryRunOut(serializers.Serializer):
    """How many versions a template would fail, warn and pass, and which."""

    counts = serializers.DictField(child=serializers.IntegerField())
    versions = ToldOut(many=True, source="told")


class Templates(Rows):
    """Templates of plans; POST puts a new version in force."""

    model = Template
    related = ("organization", "written_by")
    serializer_class = TemplateOut
    filterset_fields = ["tier", "kind", "is_current"]

    @extend_schema(request=TemplateIn, responses={201: TemplateOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Put a new version in force."""
        policies.check_write_template(request.user)
        given = self.given(TemplateIn)
        given["lines"] = [dict(line) for line in given["lines"]]
        return self.answer(actions.write_template(by=request.user, **given), status=201)

    @extend_schema(request=TEXT_IN, responses={201: TemplateOut})
    @action(detail=False, methods=["post"], url_path="from-text", parser_classes=[Plain])
    def from_text(self, request: Any, **_: Any) -> Response:
        """Put a new version in force from YAML or JSON; what is wrong is told by field and line."""
        policies.check_write_template(request.user)
        return self.answer(texts.write_template(text=text_of(request), by=request.user), status=201)

    @extend_schema(request=TEXT_IN, responses=DryRunOut)
    @action(detail=False, methods=["post"], url_path="dry-run", parser_classes=[Plain])
    def dry_run(self, request: Any, **_: Any) -> Response:
        """Which versions would pass or fail a template as YAML or JSON, by the results there are."""
        policies.check_write_template(request.user)
        found = texts.try_template(text=text_of(request), by=request.user)
        return Response(DryRunOut(found).data)

    @extend_schema(responses=TEXT_OUT)
    @action(detail=True, renderer_classes=WRITTEN)
    def text(self, request: Any, **_: Any) -> Response:
        """The template as YAML or JSON; posted again it is put in force again."""
        found = self.get_object()
        return Response(texts.of_template(found.tier, found.kind, found.lines, found.setup, found.reason))

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    @action(detail=False, url_path="schema", pagination_class=None, filter_backends=[])
    def json_schema(self, request: Any, **_: Any) -> Response:
        """The JSON schema that a template as text is held against."""
        return schema_of("template", request.user)


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
    informs = serializers.BooleanField(help_text="Whether it only tells, so that no verdict of a run looks at it.")
    kinds = serializers.ListField(child=serializers.CharField())
    needs = serializers.ListField(child=serializers.CharField())
    tiers = serializers.ListField(child=serializers.CharField())
    limits = serializers.DictField()
    parameters = serializers.DictField()


class DocumentOut(serializers.ModelSerializer):
    """A document beside a version."""

    version = VersionOut()
    added_by = serializers.CharField(source="added_by.email")
    link = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = EvidenceDocument
        fields = ["id", "version", "title", "link", "name", "sha256", "size", "note", "added_by", "created_at"]


class DocumentIn(serializers.Serializer):
    """A file or a link, put beside a version under a title that plans can ask for."""

    model = serializers.CharField()
    version = serializers.IntegerField(min_value=1)
    title = serializers.CharField(max_length=120)
    file = serializers.FileField(required=False)
    url = serializers.URLField(required=False, max_length=500)
    note = serializers.CharField(required=False, allow_blank=True)


@extend_schema(parameters=ABOUT)
class Documents(OfVersion):
    """Documents beside versions, newest first; POST adds one."""

    model = EvidenceDocument
    related = ("organization", "version__model", "added_by")
    serializer_class = DocumentOut

    @extend_schema(request=DocumentIn, responses={201: DocumentOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Put a document beside a version."""
        policies.check_add_document_any(request.user)
        refuse_too_large(request)
        given = self.given(DocumentIn)
        name = given["file"].name if given.get("file") else ""
        document = actions.add_document(version=version_of(self, given), name=name, by=request.user, **given)
        return self.answer(document, status=201)


class Checks(viewsets.ViewSet):
    """The checks there are: built in, and brought by other packages."""

    serializer_class = CheckOut
    lookup_value_regex = r"[\w.]+"

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
        "informs": check.informs,
        "kinds": sorted(kind.value for kind in check.kinds),
        "needs": sorted(need.value for need in check.needs),
        "tiers": list(check.tiers),
        "limits": {tier: {"fail": one.fail, "warn": one.warn} for tier, one in check.limits.items()},
        "parameters": {
            name: {"default": one.default, "help": one.help, "required": one.required}
            for name, one in check.parameters.items()
        },
    }
