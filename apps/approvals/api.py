"""API of approvals: requests with their verbs, policies, delegations."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.approvals import actions, policies
from apps.approvals.kinds import Independence, Kind
from apps.approvals.models import Delegation, Policy, PolicyStep, Request, Signature
from apps.organizations import access
from apps.organizations.bases import Rows, verb
from apps.organizations.models import User


class SignatureOut(serializers.ModelSerializer):
    """One decision at one step."""

    user = serializers.CharField(source="user.email")
    on_behalf_of = serializers.CharField(source="on_behalf_of.email", default=None)

    class Meta:
        model = Signature
        fields = [
            "step",
            "verdict",
            "role",
            "user",
            "on_behalf_of",
            "comment",
            "content_hash",
            "confirmed_identity",
            "created_at",
        ]


class RequestOut(serializers.ModelSerializer):
    """A request with its frozen snapshot."""

    requested_by = serializers.CharField(source="requested_by.email")
    signatures = SignatureOut(many=True, read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Request
        fields = [
            "id", "kind", "title", "link", "url", "snapshot", "content_hash", "message", "state", "step", "due_at",
            "requested_by", "created_at", "decided_at", "outcome", "signatures",
        ]  # fmt: skip


class CommentIn(serializers.Serializer):
    """A word with the signature."""

    comment = serializers.CharField(required=False, allow_blank=True, default="")


class ReasonIn(serializers.Serializer):
    """A reason that who asked will read."""

    reason = serializers.CharField()


class OptionalReasonIn(serializers.Serializer):
    """A reason, if there is one."""

    reason = serializers.CharField(required=False, allow_blank=True, default="")


class Requests(Rows):
    """Requests one may see; `?waiting=me` is one's own queue. High-risk decisions are signed in the page, not here."""

    model = Request
    related = ("requested_by", "organization")
    serializer_class = RequestOut
    filterset_fields = ["state", "kind"]

    def get_queryset(self) -> Any:
        rows = super().get_queryset().prefetch_related("signatures__user", "signatures__on_behalf_of")
        if self.request.query_params.get("waiting") == "me":
            rows = rows.filter(pk__in=policies.waiting_for(self.request.user).values("pk"))
        return rows

    def _decided(self) -> Response:
        return self.answer(self.get_object())

    @extend_schema(request=CommentIn, responses=RequestOut)
    @verb("sign")
    def sign(self, request: Any, **_: Any) -> Response:
        """Sign the current step."""
        actions.sign(request=self.get_object(policies.check_sign), by=request.user, **self.given(CommentIn))
        return self._decided()

    @extend_schema(request=ReasonIn, responses=RequestOut)
    @verb("decline")
    def decline(self, request: Any, **_: Any) -> Response:
        """Say no, with the reason."""
        actions.decline(request=self.get_object(policies.check_sign), by=request.user, **self.given(ReasonIn))
        return self._decided()

    @extend_schema(request=ReasonIn, responses=RequestOut)
    @verb("ask-for-changes")
    def ask_for_changes(self, request: Any, **_: Any) -> Response:
        """Send it back with what has to change."""
        asked = self.get_object(policies.check_sign)
        actions.ask_for_changes(request=asked, by=request.user, **self.given(ReasonIn))
        return self._decided()

    @extend_schema(request=OptionalReasonIn, responses=RequestOut)
    @verb("withdraw")
    def withdraw(self, request: Any, **_: Any) -> Response:
        """Take back what one asked for."""
        asked = self.get_object(policies.check_withdraw)
        actions.withdraw(request=asked, by=request.user, **self.given(OptionalReasonIn))
        return self._decided()


class StepOut(serializers.ModelSerializer):
    """One step of a policy."""

    class Meta:
        model = PolicyStep
        fields = ["order", "role", "quorum", "days", "escalate_to"]


class PolicyOut(serializers.ModelSerializer):
    """A version of a policy."""

    steps = StepOut(many=True, read_only=True)

    class Meta:
        model = Policy
        fields = [
            "id",
            "kind",
            "tiers",
            "version",
            "independence",
            "is_high_risk",
            "is_current",
            "reason",
            "created_at",
            "steps",
        ]


class StepIn(serializers.Serializer):
    """One step to be asked for."""

    role = serializers.CharField()
    quorum = serializers.IntegerField(min_value=1, max_value=9, default=1)
    days = serializers.IntegerField(min_value=1, max_value=90, default=5)
    escalate_to = serializers.CharField(required=False, allow_blank=True, default="")


class PolicyIn(serializers.Serializer):
    """A new version of a policy."""

    kind = serializers.ChoiceField(choices=Kind.choices)
    tiers = serializers.ListField(child=serializers.CharField(), required=False, default=list)
    independence = serializers.ChoiceField(choices=Independence.choices, default=Independence.PERSON)
    is_high_risk = serializers.BooleanField(default=False)
    reason = serializers.CharField()
    steps = StepIn(many=True)


class Policies(Rows):
    """Policies and their versions; POST puts a new version in force."""

    model = Policy
    serializer_class = PolicyOut
    filterset_fields = ["kind", "is_current"]

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("steps")

    @extend_schema(request=PolicyIn, responses={201: PolicyOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Put a new version in force."""
        policies.check_write_policy(request.user)
        given = self.given(PolicyIn)
        given["steps"] = [dict(step) for step in given["steps"]]
        return self.answer(actions.write_policy(**given, by=request.user), status=201)


class DelegationOut(serializers.ModelSerializer):
    """Who signs for whom."""

    absent = serializers.CharField(source="absent.email")
    substitute = serializers.CharField(source="substitute.email")

    class Meta:
        model = Delegation
        fields = ["id", "absent", "substitute", "starts_at", "ends_at", "reason", "revoked_at"]


class DelegationIn(serializers.Serializer):
    """A substitute for a while."""

    substitute = serializers.EmailField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField(required=False, allow_blank=True, default="")

    def validate_substitute(self, email: str) -> User:
        """The member with this address."""
        person = access.members().filter(email__iexact=email).first()
        if person is None:
            raise serializers.ValidationError("There is no member with this address.")
        return person


class Delegations(Rows):
    """Delegations; POST lets somebody sign for oneself."""

    model = Delegation
    related = ("absent", "substitute")
    serializer_class = DelegationOut

    @extend_schema(request=DelegationIn, responses={201: DelegationOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Let somebody sign in one's place."""
        return self.answer(
            actions.delegate(absent=request.user, by=request.user, **self.given(DelegationIn)), status=201
        )

    @extend_schema(request=None, responses=DelegationOut)
    @verb("revoke")
    def revoke(self, request: Any, **_: Any) -> Response:
        """End it now."""
        return self.answer(actions.revoke_delegation(delegation=self.get_object(), by=request.user))
