"""The rules by which failures are weighed and validations done again."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from apps.core.errors import NotVisible
from apps.organizations import access
from apps.organizations.bases import Rows
from apps.validation import actions, judging, policies
from apps.validation.models import JudgingRules


class RulesOut(serializers.ModelSerializer):
    """A version of the rules."""

    written_by = serializers.CharField(source="written_by.email")

    class Meta:
        model = JudgingRules
        fields = ["id", "version", "content", "content_hash", "reason", "is_current", "written_by", "created_at"]


class ContentOut(serializers.Serializer):
    """The rules as they are applied; version 0 are those every organization begins with."""

    version = serializers.IntegerField()
    content = serializers.DictField()


class RulesIn(serializers.Serializer):
    """New rules; parts that are left out are as every organization begins."""

    content = serializers.DictField()
    reason = serializers.CharField()


class Rules(Rows):
    """The versions of the rules; POST puts a new one in force, `current/` shows what is applied."""

    model = JudgingRules
    related = ("organization", "written_by")
    serializer_class = RulesOut

    @extend_schema(request=RulesIn, responses={201: RulesOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Put a new version in force."""
        policies.check_write_template(request.user)
        return self.answer(actions.write_rules(by=request.user, **self.given(RulesIn)), status=201)

    @extend_schema(responses=ContentOut)
    @action(detail=False)
    def current(self, request: Any, **_: Any) -> Response:
        """The rules as they are applied now."""
        if access.membership(request.user) is None:
            raise NotVisible()
        row = judging.current_row()
        return Response({"version": row.version if row else 0, "content": judging.current().as_json()})
