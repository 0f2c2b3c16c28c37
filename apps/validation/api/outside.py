"""Tools outside of Tenure, what runs wait for from them, and the one address that needs no account: their answers."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action as drf_action
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import channel, files, tenancy
from apps.core.errors import NotVisible
from apps.core.parsers import Files, Json
from apps.core.uploads import refuse_too_large
from apps.organizations import doors
from apps.organizations.bases import Rows, verb
from apps.organizations.people import system
from apps.validation import actions, policies
from apps.validation.api.runs import ResultOut
from apps.validation.api.shared import ABOUT, OfVersion, VersionOut
from apps.validation.models import OutsideAnswer, OutsideTool
from apps.work import deliveries


class ToolOut(serializers.ModelSerializer):
    """A service that plans may call."""

    to = serializers.CharField(source="destination.shown")
    added_by = serializers.CharField(source="added_by.email")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = OutsideTool
        fields = ["id", "key", "name", "to", "is_active", "added_by", "created_at", "url"]


class ToolIn(serializers.Serializer):
    """Its key in plans, its name, and where it is called."""

    key = serializers.SlugField(max_length=50)
    name = serializers.CharField(max_length=120)
    address = serializers.CharField(max_length=1000)


class SecretOut(serializers.Serializer):
    """What signs the calls, as Standard Webhooks has it."""

    secret = serializers.CharField()


class OutsideTools(Rows):
    """Services outside of Tenure; POST adds one."""

    model = OutsideTool
    related = ("organization", "destination", "added_by")
    serializer_class = ToolOut
    lookup_field = "key"
    filterset_fields = ["is_active"]

    @extend_schema(request=ToolIn, responses={201: ToolOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Name a service that plans may call; `change-secret` gives a secret to check its calls with."""
        policies.check_manage_tools(request.user)
        return self.answer(actions.add_tool(by=request.user, **self.given(ToolIn)), status=201)

    @extend_schema(request=None, responses=SecretOut)
    @verb("secret")
    def secret(self, request: Any, **_: Any) -> Response:
        """The signing secret, for who may manage tools."""
        policies.check_manage_tools(request.user)
        return Response({"secret": deliveries.secret_of(self.get_object().destination)})

    @extend_schema(request=None, responses=SecretOut)
    @verb("change-secret")
    def change_secret(self, request: Any, **_: Any) -> Response:
        """A new signing secret; the former one signs beside it for a day."""
        policies.check_manage_tools(request.user)
        return Response({"secret": actions.change_tool_secret(tool=self.get_object(), by=request.user)})

    @extend_schema(request=None, responses=ToolOut)
    @verb("retire")
    def retire(self, request: Any, **_: Any) -> Response:
        """Have no new plan call it."""
        actions.retire_tool(tool=self.get_object(), by=request.user)
        return self.answer(self.get_object())


class AnswerOut(serializers.ModelSerializer):
    """A line of a run that is answered from outside, with what came."""

    version = VersionOut(source="run.version")
    run = serializers.IntegerField(source="run.number")
    line = serializers.CharField(source="check_line.name")
    called = serializers.CharField(source="called.key", default=None)
    answered_by = serializers.CharField(source="answered_by.email", default=None)

    class Meta:
        model = OutsideAnswer
        fields = [
            "id", "version", "run", "line", "state", "due_at", "called", "tool", "tool_version", "file_name", "sha256",
            "size", "answered_by", "answered_at", "result", "created_at",
        ]  # fmt: skip


class AnswerIn(serializers.Serializer):
    """What a tool found, with the file it wrote: a figure and a sentence, or the reason why there is none."""

    tool = serializers.CharField(max_length=120)
    tool_version = serializers.CharField(max_length=60)
    value = serializers.FloatField(required=False, allow_null=True)
    low = serializers.FloatField(required=False, allow_null=True)
    high = serializers.FloatField(required=False, allow_null=True)
    sentence = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    sha256 = serializers.RegexField(r"^[0-9a-fA-F]{64}$", required=False)
    file = serializers.FileField()


def kept(request: Any, given: dict[str, Any], keep: Any) -> Response:
    """The answer to a result with its evidence, which `keep` takes."""
    file = given.pop("file")
    return Response(ResultOut(keep(said=given, file=file)).data, status=201)


@extend_schema(parameters=[*ABOUT, OpenApiParameter("run", str, description="Id of the run")])
class OutsideAnswers(OfVersion):
    """What runs wait for from outside, and what came."""

    model = OutsideAnswer
    related = ("run__version__model", "check_line", "called", "answered_by")
    path = "run__version"
    serializer_class = AnswerOut
    filterset_fields = ["state", "run"]
    lookup_value_converter = "uuid"
    parser_classes = [Files, Json]

    @extend_schema(request={"multipart/form-data": AnswerIn}, responses={201: ResultOut})
    @verb("report")
    def report(self, request: Any, **_: Any) -> Response:
        """Bring the result of another tool; it is judged by the plan, and marked as reported, not measured."""
        awaited = self.get_object(policies.check_report)
        refuse_too_large(request)

        def keep(**said: Any) -> Any:
            return actions.report_result(awaited=awaited, by=request.user, **said)

        return kept(request, self.given(AnswerIn), keep)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @drf_action(detail=True, methods=["get"])
    def file(self, request: Any, **_: Any) -> Any:
        """The file that the tool wrote."""
        answer = self.get_object()
        return files.attachment(answer, answer.file, answer.sha256, answer.file_name)


class Answer(APIView):
    """Where a tool that was called brings its answer. It needs no account: the one-time token of the call opens it."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    parser_classes = [Files]

    @extend_schema(request={"multipart/form-data": AnswerIn}, responses={201: ResultOut}, auth=[])
    def post(self, request: Any, organization: str, pk: Any) -> Response:
        """Bring the answer, with `Authorization: Bearer` and the token of the call, once and in time."""
        organization_id = doors.organization_by_key(organization)
        if organization_id is None:
            raise NotVisible()
        with channel.through("api", address=request.META.get("REMOTE_ADDR", "")), tenancy.tenant(organization_id):
            awaited = OutsideAnswer.objects.select_related("run__version", "check_line").filter(pk=pk).first()
            if awaited is None:
                raise NotVisible()
            token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
            policies.check_token(awaited, token)  # before the body is read
            refuse_too_large(request)
            serializer = AnswerIn(data=request.data)
            serializer.is_valid(raise_exception=True)

            def keep(**said: Any) -> Any:
                return actions.answer(awaited=awaited, token=token, by=system(), **said)

            return kept(request, dict(serializer.validated_data), keep)
