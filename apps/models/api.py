"""API of models: models, training runs, artifacts, versions with card and verbs, names."""

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action as drf_action
from rest_framework.response import Response

from apps.core.errors import Invalid, NotVisible
from apps.core.parsers import Files, Json
from apps.core.text import unkeepable
from apps.core.uploads import refuse_too_large
from apps.datasets.models import DatasetVersion
from apps.models import actions, policies, records
from apps.models.engine import cards
from apps.models.models import Alias, Artifact, ModelCard, ModelKind, ModelVersion, RegisteredModel, TrainingRun
from apps.models.related import MODEL, RUN, VERSION
from apps.organizations import access
from apps.organizations.bases import Check, Rows, fetch, verb
from apps.projects.models import Project


class ModelOut(serializers.ModelSerializer):
    """A registered model."""

    project = serializers.CharField(source="project.key")
    owner = serializers.CharField(source="owner.email")
    champion = serializers.SerializerMethodField()
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = RegisteredModel
        fields = [
            "key", "name", "description", "project", "kind", "target", "owner", "champion", "retired_at", "created_at",
            "url",
        ]  # fmt: skip

    def get_champion(self, model: RegisteredModel) -> int | None:
        """Number of the version in office."""
        return next((alias.version.number for alias in model.aliases.all() if alias.name == "champion"), None)


class ModelIn(serializers.Serializer):
    """A model to register."""

    project = serializers.CharField(help_text="Key of an approved project.")
    key = serializers.CharField(max_length=50)
    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(choices=ModelKind.choices)
    target = serializers.CharField(max_length=120)
    description = serializers.CharField(required=False, allow_blank=True, default="")


class Models(Rows):
    """Registered models; POST registers one."""

    model = RegisteredModel
    related = MODEL
    serializer_class = ModelOut
    lookup_field = "key"
    lookup_value_converter = "slug"
    filterset_fields = ["kind", "project__key"]

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("aliases__version")

    @extend_schema(request=ModelIn, responses={201: ModelOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Register a model of an approved project."""
        policies.check_register_any(request.user)
        given = self.given(ModelIn)
        given["project"] = fetch(Project.objects.select_related("approval"), request.user, key=given["project"])
        return self.answer(actions.register_model(**given, by=request.user), status=201)


class OfModel(Rows):
    """Base of what belongs to one model: models/<key>/…"""

    lookups = {"key": "model__key"}

    def find_model(self, check: Check | None = None) -> RegisteredModel:
        """The model of the address, if the person may see it and `check` lets them."""
        return fetch(RegisteredModel.objects.select_related(*MODEL), self.request.user, check, key=self.kwargs["key"])

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """The rows of one model; 404 when there is no such model."""
        self.find_model()
        return super().list(request, *args, **kwargs)

    def find_data(self, wanted: str) -> DatasetVersion:
        """A dataset version by its address, "key@number"."""
        key, _, number = wanted.partition("@")
        if not number.isdecimal():
            raise Invalid('Name the data as "key@number".', {"dataset_version": 'As "flights@3".'})
        rows = DatasetVersion.objects.select_related("dataset__project")
        try:
            return fetch(rows, self.request.user, dataset__key=key, number=int(number))
        except NotVisible as error:
            raise Invalid(
                f"There are no data “{wanted}”.", {"dataset_version": "There are none, or you may not see them."}
            ) from error


class RunOut(serializers.ModelSerializer):
    """A training run with everything it gave."""

    model = serializers.CharField(source="model.key")
    dataset_version = serializers.SerializerMethodField()
    started_by = serializers.CharField(source="started_by.email")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = TrainingRun
        fields = [
            "model", "number", "state", "error", "reason", "dataset_version", "recipe", "recipe_hash", "result",
            "isolation", "seconds", "peak_memory", "started_by", "created_at", "finished_at", "url",
        ]  # fmt: skip

    def get_dataset_version(self, run: TrainingRun) -> str:
        """As "key@number"."""
        return str(run.dataset_version.address)


class RunIn(serializers.Serializer):
    """A training to start."""

    dataset_version = serializers.CharField(help_text='As "key@number", signed off as fit.')
    split = serializers.IntegerField(required=False, allow_null=True, default=None, help_text="Number of its split.")
    recipe = serializers.JSONField(help_text="A recipe as an object, or as YAML text.")
    reason = serializers.CharField(required=False, allow_blank=True, default="")


class LogOut(serializers.Serializer):
    """The log of a run, whole after its end and line by line before."""

    log = serializers.CharField()


class Runs(OfModel):
    """Training runs of one model; POST starts one."""

    model = TrainingRun
    related = RUN
    serializer_class = RunOut
    lookup_field = "number"
    lookup_value_converter = "int"
    filterset_fields = ["state"]

    @extend_schema(request=RunIn, responses={201: RunOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Queue a training."""
        model, given = self.find_model(policies.check_develop), self.given(RunIn)
        given["dataset_version"] = self.find_data(given["dataset_version"])
        if given["split"] is not None:
            splits = given["dataset_version"].splits.select_related("source__dataset")
            given["split"] = fetch(splits, request.user, number=given["split"])
        return self.answer(actions.start_training(model=model, by=request.user, **given), status=201)

    @extend_schema(request=None, responses=RunOut)
    @verb("cancel")
    def cancel(self, request: Any, **_: Any) -> Response:
        """Ask it to stop."""
        actions.cancel_training(run=self.get_object(), by=request.user)
        return self.answer(self.get_object())

    @extend_schema(responses=LogOut)
    @drf_action(detail=True, methods=["get"], url_path="log")
    def log(self, request: Any, **_: Any) -> Response:
        """What it said."""
        run = self.get_object()
        return Response({"log": run.log or "\n".join(run.lines.values_list("text", flat=True))})


class ArtifactOut(serializers.ModelSerializer):
    """A model file and what the gate said."""

    model = serializers.CharField(source="model.key")
    added_by = serializers.CharField(source="added_by.email")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Artifact
        fields = [
            "id", "model", "name", "sha256", "size", "format", "state", "findings", "signature", "isolation",
            "added_by", "created_at", "url",
        ]  # fmt: skip


class ArtifactIn(serializers.Serializer):
    """A file with its signature as JSON text."""

    file = serializers.FileField()
    signature = serializers.CharField()

    def validate_signature(self, text: str) -> Any:
        """The signature as plain values."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise serializers.ValidationError("This is not valid JSON.") from error
        if sentence := unkeepable(found):
            raise serializers.ValidationError(sentence)
        return found


class Artifacts(OfModel):
    """Model files of one model; POST (multipart) uploads one, which the gate then looks at."""

    model = Artifact
    related = ("organization", "model__organization", "added_by")
    serializer_class = ArtifactOut
    lookup_value_converter = "uuid"
    filterset_fields = ["state", "format"]
    parser_classes = [Files, Json]

    @extend_schema(request={"multipart/form-data": ArtifactIn}, responses={201: ArtifactOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Upload a file."""
        model = self.find_model(policies.check_upload)
        request.data  # noqa: B018 - reads the files, which tells whether one was dropped
        refuse_too_large(request)
        given = self.given(ArtifactIn)
        artifact = actions.upload_artifact(
            model=model, file=given["file"], name=given["file"].name, signature=given["signature"], by=request.user
        )
        return self.answer(artifact, status=201)


class VersionOut(serializers.ModelSerializer):
    """A version."""

    model = serializers.CharField(source="model.key")
    run = serializers.IntegerField(source="run.number", default=None)
    dataset_version = serializers.SerializerMethodField()
    artifact = ArtifactOut()
    aliases: Any = serializers.SlugRelatedField(many=True, read_only=True, slug_field="name")
    approval = serializers.UUIDField(source="approval_id", default=None)
    registered_by = serializers.CharField(source="registered_by.email")
    validated_by = serializers.CharField(source="validated_by.email", default=None)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = ModelVersion
        fields = [
            "model", "number", "state", "note", "artifact", "signature", "run", "dataset_version", "aliases",
            "approval", "registered_by", "validated_by", "created_at", "validated_at", "approved_at", "archived_at",
            "url",
        ]  # fmt: skip

    def get_dataset_version(self, version: ModelVersion) -> str | None:
        """As "key@number"."""
        data = version.dataset_version
        return str(data.address) if data is not None else None


class VersionIn(serializers.Serializer):
    """What to register: a run or an artifact."""

    run = serializers.IntegerField(required=False, allow_null=True, default=None)
    artifact = serializers.UUIDField(required=False, allow_null=True, default=None)
    dataset_version = serializers.CharField(required=False, allow_null=True, default=None)
    note = serializers.CharField(required=False, allow_blank=True, default="")


class MessageIn(serializers.Serializer):
    """A word to the signers."""

    message = serializers.CharField(required=False, allow_blank=True, default="")


class ReasonIn(serializers.Serializer):
    """A reason."""

    reason = serializers.CharField()


class OptionalReasonIn(serializers.Serializer):
    """A reason, if there is one."""

    reason = serializers.CharField(required=False, allow_blank=True, default="")


class CardIn(serializers.Serializer):
    """Parts of a card to write."""

    written = serializers.DictField(
        child=serializers.CharField(allow_blank=True), help_text=f"Any of {', '.join(cards.KEYS)}."
    )
    reason = serializers.CharField(required=False, allow_blank=True, default="")


class CardOut(serializers.ModelSerializer):
    """A revision of the written parts."""

    written_by = serializers.CharField(source="written_by.email")

    class Meta:
        model = ModelCard
        fields = ["revision", "written", "content_hash", "reason", "written_by", "created_at"]


class Versions(OfModel):
    """Versions of one model; POST registers one from a run or an artifact."""

    model = ModelVersion
    related = VERSION
    serializer_class = VersionOut
    lookup_field = "number"
    lookup_value_converter = "int"
    filterset_fields = ["state"]

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("aliases")

    def _again(self) -> Response:
        return self.answer(self.get_object())

    @extend_schema(request=VersionIn, responses={201: VersionOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Register a version: a draft."""
        model, given = self.find_model(policies.check_develop), self.given(VersionIn)
        if given["run"] is not None:
            given["run"] = fetch(model.runs.select_related(*RUN), request.user, number=given["run"])
        if given["artifact"] is not None:
            given["artifact"] = fetch(
                model.artifacts.select_related("model", "run"), request.user, pk=given["artifact"]
            )
        if given["dataset_version"] is not None:
            given["dataset_version"] = self.find_data(given["dataset_version"])
        return self.answer(actions.register_version(model=model, by=request.user, **given), status=201)

    @extend_schema(request=None, responses=VersionOut)
    @verb("submit")
    def submit(self, request: Any, **_: Any) -> Response:
        """Hand it over for validation."""
        actions.submit_version(version=self.get_object(), by=request.user)
        return self._again()

    @extend_schema(request=MessageIn, responses=VersionOut)
    @verb("request-approval")
    def request_approval(self, request: Any, **_: Any) -> Response:
        """Ask for its approval."""
        version = self.get_object(policies.check_request_approval)
        actions.request_approval(version=version, by=request.user, **self.given(MessageIn))
        return self._again()

    @extend_schema(request=ReasonIn, responses=VersionOut)
    @verb("return")
    def return_to_candidate(self, request: Any, **_: Any) -> Response:
        """Take its validation back."""
        version = self.get_object(policies.check_return)
        actions.return_to_candidate(version=version, by=request.user, **self.given(ReasonIn))
        return self._again()

    @extend_schema(request=ReasonIn, responses=VersionOut)
    @verb("reject")
    def reject(self, request: Any, **_: Any) -> Response:
        """Say no for good."""
        version = self.get_object(policies.check_reject)
        actions.reject_version(version=version, by=request.user, **self.given(ReasonIn))
        return self._again()

    @extend_schema(request=OptionalReasonIn, responses=VersionOut)
    @verb("archive")
    def archive(self, request: Any, **_: Any) -> Response:
        """Put it away."""
        version = self.get_object(policies.check_archive)
        actions.archive_version(version=version, by=request.user, **self.given(OptionalReasonIn))
        return self._again()

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @drf_action(detail=True, methods=["get"], url_path="card")
    def card(self, request: Any, **_: Any) -> Response:
        """The whole card: facts from the records beside the written parts."""
        return Response(records.card_of(self.get_object()))

    @extend_schema(request=CardIn, responses=CardOut)
    @verb("write-card")
    def write_card(self, request: Any, **_: Any) -> Response:
        """Write parts of its card; gives the new revision."""
        version = self.get_object(policies.check_write_card)
        card = actions.write_card(version=version, by=request.user, **self.given(CardIn))
        return Response(CardOut(card).data)


class AliasOut(serializers.ModelSerializer):
    """A name and where it points."""

    version = serializers.IntegerField(source="version.number")
    set_by = serializers.CharField(source="set_by.email")

    class Meta:
        model = Alias
        fields = ["name", "version", "reason", "set_by", "set_at"]


class AliasIn(serializers.Serializer):
    """A name to point at a version."""

    name = serializers.CharField(max_length=40)
    version = serializers.IntegerField()
    reason = serializers.CharField(required=False, allow_blank=True, default="")


class Aliases(OfModel):
    """Names of one model; POST points one at a version."""

    model = Alias
    related = ("version", "model__project", "set_by")
    serializer_class = AliasOut
    lookup_field = "name"
    lookup_value_converter = "slug"

    @extend_schema(request=AliasIn, responses=AliasOut)
    def create(self, request: Any, **_: Any) -> Response:
        """Point a name at a version, from wherever it pointed before."""
        model, given = self.find_model(policies.check_name), self.given(AliasIn)
        given["version"] = fetch(model.versions.select_related(*VERSION), request.user, number=given["version"])
        return self.answer(actions.set_alias(model=model, by=request.user, **given))

    @extend_schema(request=OptionalReasonIn, responses=ModelOut)
    @verb("drop")
    def drop(self, request: Any, **_: Any) -> Response:
        """Take the name away."""
        alias = self.get_object(policies.check_drop_alias)
        model = actions.drop_alias(alias=alias, by=request.user, **self.given(OptionalReasonIn))
        return Response(ModelOut(access.visible(RegisteredModel.objects.filter(pk=model.pk), request.user).get()).data)
