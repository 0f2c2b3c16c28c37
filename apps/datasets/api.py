"""API of data: sources, datasets, versions with their verbs and files, rules, preparations, splits."""

import json
from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action as drf_action
from rest_framework.response import Response

from apps.core.parsers import Files, Json
from apps.core.text import unkeepable
from apps.core.uploads import refuse_too_large
from apps.datasets import actions, policies
from apps.datasets.actions.sources import DATASET_FIELDS, SOURCE_FIELDS
from apps.datasets.downloads import download
from apps.datasets.models import (
    Classification,
    Dataset,
    DatasetVersion,
    DataSource,
    LawfulBasis,
    PreparationRun,
    Purpose,
    QualityCheck,
    QualityResult,
    QualityRule,
    Split,
    SplitPart,
)
from apps.organizations import access
from apps.organizations.api import MemberField
from apps.organizations.bases import Rows, fetch, verb
from apps.projects.models import PersonalData, Project, SourceKind


class ByKey(serializers.CharField):
    """A thing named by its key, among those one may see."""

    def __init__(self, model: Any, **kwargs: Any) -> None:
        self.model = model
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        key = super().to_internal_value(data)
        found = access.visible(self.model.objects.filter(key=key), self.context["request"].user).first()
        if found is None:
            raise serializers.ValidationError(f"There is none with the key “{key}”, or you may not see it.")
        return found


# Sources


class SourceOut(serializers.ModelSerializer):
    """A source with its terms."""

    project = serializers.CharField(source="project.key")
    owner = serializers.CharField(source="owner.email")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = DataSource
        fields = [
            "id", "key", "name", "project", "kind", "description", "origin", "owner", "licence", "classification",
            "personal_data", "lawful_basis", "retain_until", "population", "collection", "known_biases", "is_active",
            "created_at", "url",
        ]  # fmt: skip


class SourceChanges(serializers.Serializer):
    """What can be changed of a source."""

    name = serializers.CharField(max_length=200, required=False)
    kind = serializers.ChoiceField(choices=SourceKind.choices, required=False)
    description = serializers.CharField(required=False, allow_blank=True)
    origin = serializers.CharField(max_length=300, required=False, allow_blank=True)
    owner = MemberField(required=False)
    licence = serializers.CharField(max_length=120, required=False, allow_blank=True)
    classification = serializers.ChoiceField(choices=Classification.choices, required=False)
    personal_data = serializers.ChoiceField(choices=PersonalData.choices, required=False)
    lawful_basis = serializers.ChoiceField(choices=LawfulBasis.choices, required=False)
    retain_until = serializers.DateField(required=False, allow_null=True)
    population = serializers.CharField(required=False, allow_blank=True)
    collection = serializers.CharField(required=False, allow_blank=True)
    known_biases = serializers.CharField(required=False, allow_blank=True)


class SourceIn(SourceChanges):
    """A new source."""

    project = ByKey(Project)
    key = serializers.CharField(max_length=50)
    name = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(choices=SourceKind.choices)


class SourceChangeIn(SourceChanges):
    """Changes of a source, with a reason."""

    is_active = serializers.BooleanField(required=False)
    reason = serializers.CharField(required=False, allow_blank=True, default="")


class Sources(Rows):
    """Where data come from."""

    model = DataSource
    related = ("project", "owner", "organization")
    serializer_class = SourceOut
    lookup_field = "key"
    filterset_fields = ["kind", "classification", "personal_data", "is_active"]

    @extend_schema(request=SourceIn, responses={201: SourceOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Register a source."""
        policies.check_prepare_any(request.user)
        return self.answer(actions.register_source(**self.given(SourceIn), by=request.user), status=201)

    @extend_schema(request=SourceChangeIn, responses=SourceOut)
    @verb("change")
    def change(self, request: Any, **_: Any) -> Response:
        """Change what is said of it; sign-offs given on other terms become invalid."""
        source, given = self.get_object(policies.check_change_source), self.given(SourceChangeIn)
        reason = given.pop("reason")
        changes = {name: value for name, value in given.items() if name in SOURCE_FIELDS}
        return self.answer(actions.change_source(source=source, changes=changes, reason=reason, by=request.user))


# Datasets


class DatasetOut(serializers.ModelSerializer):
    """A dataset."""

    project = serializers.CharField(source="project.key")
    source = serializers.CharField(source="source.key", default=None)  # type: ignore[assignment]
    created_by = serializers.CharField(source="created_by.email")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Dataset
        fields = [
            "id", "key", "name", "description", "purpose", "project", "source", "created_by", "created_at", "url",
        ]  # fmt: skip


class DatasetChangeIn(serializers.Serializer):
    """What can be changed of a dataset."""

    name = serializers.CharField(max_length=200, required=False)
    description = serializers.CharField(required=False, allow_blank=True)
    purpose = serializers.ChoiceField(choices=Purpose.choices, required=False)
    source = ByKey(DataSource, required=False, allow_null=True)  # type: ignore[assignment]


class DatasetIn(DatasetChangeIn):
    """A new dataset."""

    project = ByKey(Project)
    key = serializers.CharField(max_length=50)
    name = serializers.CharField(max_length=200)


class Datasets(Rows):
    """Tables under one name."""

    model = Dataset
    related = ("project", "source", "created_by", "organization")
    serializer_class = DatasetOut
    lookup_field = "key"
    filterset_fields = {"purpose": ["exact"], "project__key": ["exact"]}

    @extend_schema(request=DatasetIn, responses={201: DatasetOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Add a dataset."""
        policies.check_prepare_any(request.user)
        return self.answer(actions.create_dataset(**self.given(DatasetIn), by=request.user), status=201)

    @extend_schema(request=DatasetChangeIn, responses=DatasetOut)
    @verb("change")
    def change(self, request: Any, **_: Any) -> Response:
        """Change name, description, purpose or source."""
        dataset, given = self.get_object(policies.check_change_dataset), self.given(DatasetChangeIn)
        changes = {name: value for name, value in given.items() if name in DATASET_FIELDS}
        return self.answer(actions.change_dataset(dataset=dataset, changes=changes, by=request.user))


# Versions


class VersionOut(serializers.ModelSerializer):
    """A version; its profile is at `profile/`, its rows at `file/`."""

    dataset = serializers.CharField(source="dataset.key")
    source = serializers.CharField(source="source.key", default=None)  # type: ignore[assignment]
    parent = serializers.SerializerMethodField()  # type: ignore[assignment]
    created_by = serializers.CharField(source="created_by.email")
    sign_off_request = serializers.UUIDField(source="sign_off_request_id", read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = DatasetVersion
        fields = [
            "id", "dataset", "number", "state", "origin", "format", "raw_name", "raw_sha256", "raw_size", "sha256",
            "size", "rows", "schema", "options", "failure", "failure_details", "note", "source", "parent", "fit_for",
            "sign_off_request", "signed_off_at", "rejected_because", "created_by", "created_at", "url",
        ]  # fmt: skip

    def get_parent(self, version: DatasetVersion) -> str | None:
        """The version it was made from, as dataset@number."""
        return version.parent.address if version.parent is not None else None


class ProfileOut(serializers.Serializer):
    """What was measured of a version, and what was odd when it was read."""

    profile = serializers.JSONField()
    reading = serializers.JSONField()


class OptionsField(serializers.JSONField):
    """Options as an object, or as JSON text beside a file."""

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError) as error:
                raise serializers.ValidationError("Options are a JSON object.") from error
        if not isinstance(value, dict):
            raise serializers.ValidationError("Options are a JSON object.")
        if sentence := unkeepable(value):
            raise serializers.ValidationError(sentence)
        return value


class VersionIn(serializers.Serializer):
    """A file (multipart), or the path of one in the organization's folder on the server."""

    file = serializers.FileField(required=False)
    path = serializers.CharField(required=False, max_length=500)
    sha256 = serializers.CharField(required=False, max_length=64, default="", allow_blank=True)
    options = OptionsField(required=False, default=dict)
    note = serializers.CharField(required=False, allow_blank=True, default="")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """Either the one or the other."""
        if ("file" in given) == ("path" in given):
            raise serializers.ValidationError({"file": "Send a file (multipart/form-data) or a path, one of them."})
        return given


class OptionsIn(serializers.Serializer):
    """How to read a file."""

    options = OptionsField()


class PrepareIn(serializers.Serializer):
    """A recipe as a list of steps, or as YAML text."""

    recipe = serializers.JSONField()
    into = ByKey(Dataset, required=False)
    note = serializers.CharField(required=False, allow_blank=True, default="")
    learned_from = serializers.IntegerField(
        required=False, help_text="Number of an earlier preparation of the same recipe into the same dataset."
    )


class UseIn(serializers.Serializer):
    """What a version is to be fit for."""

    use = serializers.CharField(max_length=200)
    message = serializers.CharField(required=False, allow_blank=True, default="")


class ReasonIn(serializers.Serializer):
    """A reason."""

    reason = serializers.CharField()


class PlanIn(serializers.Serializer):
    """How to divide: {"method": "random", "seed": 1, "parts": [{"name": "train", "share": 0.7}, …]}, or by time."""

    plan = serializers.JSONField()


class PreparationOut(serializers.ModelSerializer):
    """A preparation with its report."""

    source = serializers.CharField(source="source.address")  # type: ignore[assignment]
    into = serializers.CharField(source="into.key")
    result = serializers.CharField(source="result.address", default=None)
    started_by = serializers.CharField(source="started_by.email")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = PreparationRun
        fields = [
            "id", "number", "source", "into", "recipe", "state", "report", "learned", "result", "failure",
            "failure_details", "note", "started_by", "created_at", "ended_at", "url",
        ]  # fmt: skip


class PartOut(serializers.ModelSerializer):
    """A part of a split."""

    version = serializers.IntegerField(source="version.number")
    rows = serializers.IntegerField(source="version.rows")
    sha256 = serializers.CharField(source="version.sha256")

    class Meta:
        model = SplitPart
        fields = ["name", "version", "rows", "sha256"]


class SplitOut(serializers.ModelSerializer):
    """A split with its parts."""

    source = serializers.CharField(source="source.address")  # type: ignore[assignment]
    parts = PartOut(many=True, read_only=True)
    created_by = serializers.CharField(source="created_by.email")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Split
        fields = [
            "id", "number", "source", "plan", "sentence", "state", "report", "failure", "parts", "created_by",
            "created_at", "ended_at", "url",
        ]  # fmt: skip


class ResultOut(serializers.ModelSerializer):
    """What one rule found."""

    rule = serializers.IntegerField(source="rule.number")
    sentence = serializers.CharField(source="rule.sentence")
    verdict = serializers.CharField()

    class Meta:
        model = QualityResult
        fields = [
            "rule", "sentence", "severity", "verdict", "passed", "value", "limit", "offending", "checked", "finding",
            "sample",
        ]  # fmt: skip


class CheckOut(serializers.ModelSerializer):
    """One measuring of the rules."""

    checked_by = serializers.CharField(source="checked_by.email")
    results = ResultOut(many=True, read_only=True)

    class Meta:
        model = QualityCheck
        fields = ["id", "passed", "must_failed", "should_failed", "checked_by", "created_at", "results"]


class JobOut(serializers.Serializer):
    """Work that was started; its progress is at `jobs/<id>/`."""

    job = serializers.UUIDField()


class RequestedOut(serializers.Serializer):
    """The approval request that was opened."""

    request = serializers.UUIDField()
    content_hash = serializers.CharField()


UPLOADED = {"multipart/form-data": VersionIn, "application/json": VersionIn}


class Versions(Rows):
    """Immutable tables of a dataset."""

    model = DatasetVersion
    related = (
        "dataset__project", "source", "parent__dataset", "created_by", "organization", "sign_off_request",
    )  # fmt: skip
    serializer_class = VersionOut
    lookups = {"key": "dataset__key"}
    lookup_field = "number"
    lookup_value_regex = r"\d{1,9}"
    filterset_fields = ["state", "origin"]
    parser_classes = [Json, Files]

    @extend_schema(request=UPLOADED, responses={201: VersionOut})
    def create(self, request: Any, **kwargs: Any) -> Response:
        """Bring a file, or name one on the server, as the next version; a worker reads and profiles it."""
        rows = Dataset.objects.select_related("project__approval", "source")
        dataset = fetch(rows, request.user, policies.check_add_version, key=self.kwargs["key"])
        refuse_too_large(request)
        given = self.given(VersionIn)
        file, path = given.pop("file", None), given.pop("path", "")
        if file is None:
            return self.answer(
                actions.reference_version(dataset=dataset, path=path, **given, by=request.user), status=201
            )
        given.pop("sha256")
        version = actions.upload_version(dataset=dataset, file=file, name=file.name, **given, by=request.user)
        return self.answer(version, status=201)

    @extend_schema(request=OptionsIn, responses=VersionOut)
    @verb("read-again")
    def read_again(self, request: Any, **_: Any) -> Response:
        """Read a file that could not be read, with other options."""
        version = self.get_object(policies.check_read_again)
        return self.answer(actions.read_again(version=version, **self.given(OptionsIn), by=request.user))

    @extend_schema(request=PrepareIn, responses={201: PreparationOut})
    @verb("prepare")
    def prepare(self, request: Any, **_: Any) -> Response:
        """Have a recipe applied; the result is a new version."""
        version, given = self.get_object(policies.check_prepare_from), self.given(PrepareIn)
        number = given.pop("learned_from", None)
        if number is not None:
            rows = PreparationRun.objects.filter(into=given.get("into") or version.dataset)
            given["learned_from"] = fetch(rows, request.user, number=number)
        run = actions.prepare(version=version, **given, by=request.user)
        return Response(PreparationOut(run).data, status=201)

    @extend_schema(request=None, responses={202: JobOut})
    @verb("check-quality")
    def check_quality(self, request: Any, **_: Any) -> Response:
        """Have the rules measured."""
        job = actions.check_quality(version=self.get_object(), by=request.user)
        return Response({"job": job.pk}, status=202)

    @extend_schema(request=UseIn, responses={201: RequestedOut})
    @verb("request-sign-off")
    def request_sign_off(self, request: Any, **_: Any) -> Response:
        """Ask for it to be found fit for a use."""
        version = self.get_object(policies.check_request_sign_off)
        asked = actions.request_sign_off(version=version, **self.given(UseIn), by=request.user)
        return Response({"request": asked.pk, "content_hash": asked.content_hash}, status=201)

    @extend_schema(request=ReasonIn, responses=VersionOut)
    @verb("reject")
    def reject(self, request: Any, **_: Any) -> Response:
        """Take it out of use for good."""
        version = self.get_object(policies.check_reject)
        return self.answer(actions.reject_version(version=version, **self.given(ReasonIn), by=request.user))

    @extend_schema(request=PlanIn, responses={201: SplitOut})
    @verb("split")
    def split(self, request: Any, **_: Any) -> Response:
        """Divide it into parts, each a version of its own."""
        version = self.get_object(policies.check_split)
        row = actions.split(version=version, **self.given(PlanIn), by=request.user)
        return Response(SplitOut(row).data, status=201)

    @extend_schema(responses=ProfileOut)
    @drf_action(detail=True, methods=["get"])
    def profile(self, request: Any, **_: Any) -> Response:
        """What was measured of it."""
        version = self.get_object()
        return Response({"profile": version.profile, "reading": version.reading})

    @extend_schema(responses=CheckOut)
    @drf_action(detail=True, methods=["get"])
    def quality(self, request: Any, **_: Any) -> Response:
        """The last measuring of the rules."""
        check = policies.newest_check(self.get_object())
        if check is None:
            return Response({"passed": None, "results": []})
        return Response(CheckOut(check).data)

    @extend_schema(responses={(200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY})
    @drf_action(detail=True, methods=["get"])
    def file(self, request: Any, **_: Any) -> FileResponse:
        """The rows as Parquet."""
        return download(self.get_object(), "table", request.user)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @drf_action(detail=True, methods=["get"])
    def original(self, request: Any, **_: Any) -> FileResponse:
        """The file as it came."""
        return download(self.get_object(), "original", request.user)


class RuleOut(serializers.ModelSerializer):
    """A quality rule."""

    created_by = serializers.CharField(source="created_by.email")

    class Meta:
        model = QualityRule
        fields = ["id", "number", "rule", "sentence", "severity", "is_active", "created_by", "created_at"]


class RuleIn(serializers.Serializer):
    """A demand, such as {"rule": "not_null", "columns": ["origin"]}."""

    rule = serializers.DictField()


class EndIn(serializers.Serializer):
    """Why it ends."""

    reason = serializers.CharField(required=False, allow_blank=True, default="")


class Rules(Rows):
    """What every version of a dataset must meet."""

    model = QualityRule
    related = ("created_by", "dataset__project")
    serializer_class = RuleOut
    lookups = {"key": "dataset__key"}
    lookup_field = "number"
    lookup_value_regex = r"\d{1,9}"
    filterset_fields = ["severity", "is_active"]

    @extend_schema(request=RuleIn, responses={201: RuleOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Demand something of every version from now on."""
        rows = Dataset.objects.select_related("project")
        dataset = fetch(rows, request.user, policies.check_write_rules, key=self.kwargs["key"])
        return self.answer(actions.add_rule(dataset=dataset, **self.given(RuleIn), by=request.user), status=201)

    @extend_schema(request=EndIn, responses=RuleOut)
    @verb("end")
    def end(self, request: Any, **_: Any) -> Response:
        """End it; what it found before stays."""
        rule = self.get_object(policies.check_end_rule)
        return self.answer(actions.retire_rule(rule=rule, **self.given(EndIn), by=request.user))


class Preparations(Rows):
    """Recipes applied, with their reports."""

    model = PreparationRun
    related = ("source__dataset", "into", "result__dataset", "started_by", "organization")
    serializer_class = PreparationOut
    lookups = {"key": "into__key"}
    lookup_field = "number"
    lookup_value_regex = r"\d{1,9}"
    filterset_fields = ["state"]


class Splits(Rows):
    """Divisions of a version into parts."""

    model = Split
    related = ("source__dataset", "created_by", "organization")
    serializer_class = SplitOut
    lookups = {"key": "source__dataset__key", "version": "source__number"}
    lookup_field = "number"
    lookup_value_regex = r"\d{1,9}"
    filterset_fields = ["state"]

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("parts__version")
