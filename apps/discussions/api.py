"""API of discussions: comments on things one may see, and one's own notices."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from apps.discussions import actions, policies
from apps.discussions.models import Comment, Notice
from apps.organizations.bases import Rows, verb


class CommentOut(serializers.ModelSerializer):
    """A comment and what it is about."""

    author = serializers.CharField(source="author.email")
    subject = serializers.SerializerMethodField()

    class Meta:
        model = Comment
        fields = ["id", "subject", "subject_label", "subject_url", "author", "text", "created_at"]

    def get_subject(self, comment: Comment) -> str:
        return f"{comment.subject_type}:{comment.subject_id}"


class CommentIn(serializers.Serializer):
    """`subject` is "app.model:key", as comments show it."""

    subject = serializers.CharField()
    text = serializers.CharField()


class Comments(Rows):
    """Comments; POST makes one."""

    model = Comment
    related = ("author",)
    serializer_class = CommentOut
    filterset_fields = ["subject_id"]

    @extend_schema(request=CommentIn, responses={201: CommentOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Say something about a thing."""
        policies.check_comment_any(request.user)
        given = self.given(CommentIn)
        subject = policies.subject_of(given["subject"], request.user)
        return self.answer(actions.comment(subject=subject, text=given["text"], by=request.user), status=201)


class NoticeOut(serializers.ModelSerializer):
    """One line of the inbox."""

    class Meta:
        model = Notice
        fields = ["id", "text", "url", "read_at", "created_at"]


class Notices(Rows):
    """One's own inbox."""

    model = Notice
    serializer_class = NoticeOut

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if getattr(self, "swagger_fake_view", False) else rows.filter(user=self.request.user)

    @extend_schema(request=None, responses=NoticeOut)
    @verb("read")
    def read(self, request: Any, **_: Any) -> Response:
        """Mark one as read."""
        notice = self.get_object()
        actions.mark_read(user=request.user, notices=[notice.pk])
        return self.answer(self.get_object())

    @extend_schema(request=None, responses={200: dict})
    @action(detail=False, methods=["post"], url_path="read-all")
    def read_all(self, request: Any, **_: Any) -> Response:
        """Mark all as read."""
        return Response({"read": actions.mark_read(user=request.user)})
