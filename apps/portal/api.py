"""API of the portal: jobs, one's inbox, the board, search, the audit trail, what was in production at a moment."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.audit import chain
from apps.audit.models import Record
from apps.discussions.actions import mark_read
from apps.discussions.models import Notice
from apps.organizations.bases import Rows, verb
from apps.portal import actions, jobs, lives, policies, production, search
from apps.work.models import Job


class JobOut(serializers.ModelSerializer):
    """Long work with its progress."""

    started_by = serializers.CharField(source="started_by.email")
    seconds_left = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Job
        fields = [
            "id", "kind", "title", "subject_url", "state", "done", "total", "message", "error", "attempts",
            "queued_at", "started_at", "finished_at", "started_by", "seconds_left",
        ]  # fmt: skip


class Jobs(Rows):
    """The jobs one may see."""

    model = Job
    serializer_class = JobOut
    filterset_fields = ["state", "kind"]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return jobs.visible(self.request.user).select_related("started_by")

    @extend_schema(request=None, responses=JobOut)
    @verb("cancel")
    def cancel(self, request: Request, **_: Any) -> Response:
        """Ask it to stop."""
        job = self.get_object()
        actions.cancel_job(job=job, by=request.user)
        job.refresh_from_db()
        return self.answer(job)


class NoticeOut(serializers.ModelSerializer):
    """One line of the inbox."""

    class Meta:
        model = Notice
        fields = ["id", "text", "url", "created_at", "read_at"]


class Notices(Rows):
    """One's own inbox."""

    model = Notice
    serializer_class = NoticeOut

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return Notice.objects.filter(user=self.request.user)

    @extend_schema(request=None, responses=NoticeOut)
    @verb("read")
    def read(self, request: Request, **_: Any) -> Response:
        """Mark it as read."""
        notice = self.get_object()
        mark_read(user=request.user, notices=[notice.pk])
        notice.refresh_from_db()
        return self.answer(notice)

    @extend_schema(
        operation_id="inbox_read_all_create",
        request=None,
        responses={200: {"type": "object", "properties": {"read": {"type": "integer"}}}},
    )
    @action(detail=False, methods=["post"], url_path="read")
    def read_all(self, request: Request, **_: Any) -> Response:
        """Mark all as read; answers how many were new."""
        return Response({"read": mark_read(user=request.user)})


class RecordOut(serializers.ModelSerializer):
    """One decision of the chain, as it was hashed."""

    class Meta:
        model = Record
        fields = [
            "sequence", "occurred_at", "actor_label", "channel", "request_id", "action", "subject_type", "subject_id",
            "subject_label", "reason", "body", "previous", "hash",
        ]  # fmt: skip


class Records(Rows):
    """The audit trail, newest first; `verify/` holds the whole chain against itself."""

    model = Record
    serializer_class = RecordOut
    lookup_field = "sequence"
    filterset_fields = ["action", "subject_type", "subject_id"]

    def get_queryset(self) -> Any:
        if not getattr(self, "swagger_fake_view", False):
            policies.check_audit(self.request.user)
        return super().get_queryset()

    @extend_schema(
        responses={
            200: {
                "type": "object",
                "properties": {
                    "holds": {"type": "boolean"},
                    "count": {"type": "integer"},
                    "faults": {"type": "array", "items": {"type": "string"}},
                },
            }
        }
    )
    @action(detail=False, methods=["get"])
    def verify(self, request: Request, **_: Any) -> Response:
        """Whether the chain holds, with every fault as a sentence."""
        policies.check_audit(request.user)
        faults = chain.faults()
        return Response({"holds": not faults, "count": Record.objects.count(), "faults": faults})


class SignedOut(serializers.Serializer):
    """A signature under an approval."""

    who = serializers.CharField()
    on_behalf_of = serializers.CharField()
    role = serializers.CharField()
    verdict = serializers.CharField()
    comment = serializers.CharField()
    at = serializers.DateTimeField()
    confirmed = serializers.BooleanField()


class ApprovalOut(serializers.Serializer):
    """A decision that a deployment rests on."""

    title = serializers.CharField()
    url = serializers.CharField()
    state = serializers.CharField()
    content_hash = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    signatures = SignedOut(many=True)


class AnswerOut(serializers.Serializer):
    """One version that answered on one endpoint."""

    project = serializers.CharField()
    tier = serializers.CharField()
    model = serializers.CharField()
    version = serializers.IntegerField(source="version_number")
    version_url = serializers.CharField()
    endpoint = serializers.CharField()
    environment = serializers.CharField()
    artifact_sha256 = serializers.CharField(source="artifact_hash")
    dataset = serializers.CharField()
    started_at = serializers.DateTimeField()
    deployed_by = serializers.CharField()
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_by = serializers.CharField()
    reason = serializers.CharField()
    gate_allowed = serializers.BooleanField(allow_null=True)
    approvals = ApprovalOut(many=True)


class MomentIn(serializers.Serializer):
    """A moment, perhaps one endpoint, perhaps other environments too."""

    at = serializers.DateTimeField(required=False)
    endpoint = serializers.SlugField(required=False, default="")
    everywhere = serializers.BooleanField(required=False, default=False)


class Production(APIView):
    """What was in production at a moment, who approved it, on what evidence; now, when no moment is given."""

    @extend_schema(parameters=[MomentIn], responses=AnswerOut(many=True))
    def get(self, request: Request, **_: Any) -> Response:
        given = MomentIn(data=request.query_params)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        moment = asked.get("at") or timezone.now()
        found = production.at(moment, request.user, asked["endpoint"], asked["everywhere"])
        return Response(AnswerOut(found, many=True).data)


class StepOut(serializers.Serializer):
    """One stage of one life."""

    stage = serializers.CharField()
    status = serializers.CharField()
    note = serializers.CharField()
    missing = serializers.ListField(child=serializers.CharField())


class LifeOut(serializers.Serializer):
    """A model, or a project without one yet, with the stage it is in."""

    project = serializers.CharField(source="life.project.key")
    model = serializers.CharField(source="life.model.key", default=None, allow_null=True)
    tier = serializers.CharField(source="life.project.tier")
    url = serializers.CharField(source="life.subject.get_absolute_url")
    stage = serializers.CharField(source="stage.key")
    steps = StepOut(many=True)


class BoardOut(serializers.Serializer):
    """One page of the board."""

    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    results = LifeOut(many=True)


class BoardApi(APIView):
    """The lifecycle board, a hundred lives a page, by name."""

    @extend_schema(parameters=[OpenApiParameter("page", int), OpenApiParameter("tier", str)], responses=BoardOut)
    def get(self, request: Request, **_: Any) -> Response:
        lines = lives.index(request.user, request.query_params.get("tier", ""))
        page = Paginator(lines, 100).get_page(request.query_params.get("page"))
        found = lives.load(page.object_list, request.user)  # type: ignore[arg-type]
        answer = {"count": len(lines), "page": page.number, "pages": page.paginator.num_pages, "results": found}
        return Response(BoardOut(answer).data)


class HitOut(serializers.Serializer):
    """One thing found."""

    title = serializers.CharField()
    under = serializers.CharField()
    url = serializers.CharField()


class GroupOut(serializers.Serializer):
    """The hits of one kind."""

    kind = serializers.CharField()
    hits = HitOut(many=True)
    has_more = serializers.BooleanField()


class SearchApi(APIView):
    """Search over everything one may see."""

    @extend_schema(parameters=[OpenApiParameter("q", str, required=True)], responses=GroupOut(many=True))
    def get(self, request: Request, **_: Any) -> Response:
        query = request.query_params.get("q", "").strip()[:200]
        return Response(GroupOut(search.find(query, request.user), many=True).data)
