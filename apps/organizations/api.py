"""API of organizations: people, invitations, teams, roles, tokens, service accounts."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.core.errors import NotVisible
from apps.organizations import access, actions, policies
from apps.organizations.bases import Rows, fetch, verb
from apps.organizations.models import (
    ApiToken,
    Invitation,
    Membership,
    RoleAssignment,
    Scope,
    ServiceAccount,
    Team,
    User,
)
from apps.organizations.roles import OrganizationRole, Permission, ProjectRole


class MemberField(serializers.CharField):
    """The address of a member, read as the person."""

    def to_internal_value(self, data: Any) -> User:  # type: ignore[override]
        email = super().to_internal_value(data)  # no EmailField: its validators would get the person
        person = access.members().filter(email__iexact=email).first()
        if person is None:
            raise serializers.ValidationError("There is no member with this address.")
        return person


class MembershipOut(serializers.ModelSerializer):
    """A person in the organization."""

    email = serializers.CharField(source="user.email")
    name = serializers.CharField(source="user.name")

    class Meta:
        model = Membership
        fields = ["id", "email", "name", "role", "is_active", "created_at"]


class RoleIn(serializers.Serializer):
    """A role in the organization."""

    role = serializers.ChoiceField(choices=OrganizationRole.choices)


class ReasonIn(serializers.Serializer):
    """A reason, if there is one."""

    reason = serializers.CharField(required=False, allow_blank=True, default="")


class Members(Rows):
    """Who is here, as what."""

    model = Membership
    related = ("user",)
    serializer_class = MembershipOut
    filterset_fields = ["role", "is_active"]

    @extend_schema(request=RoleIn, responses=MembershipOut)
    @verb("change-role")
    def change_role(self, request: Any, **_: Any) -> Response:
        """Give another role in the organization."""
        policies.check_administer(request.user)
        return self.answer(actions.change_role(member=self.get_object(), by=request.user, **self.given(RoleIn)))

    @extend_schema(request=ReasonIn, responses=MembershipOut)
    @verb("deactivate")
    def deactivate(self, request: Any, **_: Any) -> Response:
        """Let a member go."""
        policies.check_administer(request.user)
        return self.answer(actions.deactivate_member(member=self.get_object(), by=request.user, **self.given(ReasonIn)))


class InvitationOut(serializers.ModelSerializer):
    """An invitation; its token is only in the mail."""

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "expires_at", "accepted_at", "revoked_at", "created_at"]


class InvitationIn(RoleIn):
    """Whom to invite."""

    email = serializers.EmailField(max_length=254)


class Invitations(Rows):
    """Invitations; POST sends one."""

    model = Invitation
    serializer_class = InvitationOut

    @extend_schema(request=InvitationIn, responses={201: InvitationOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Offer a place by mail."""
        policies.check_administer(request.user)
        invitation, _token = actions.invite(by=request.user, **self.given(InvitationIn))
        return self.answer(invitation, status=201)

    @extend_schema(request=None, responses=InvitationOut)
    @verb("revoke")
    def revoke(self, request: Any, **_: Any) -> Response:
        """Take it back."""
        return self.answer(actions.revoke_invitation(invitation=self.get_object(), by=request.user))


class TeamOut(serializers.ModelSerializer):
    """A team and the addresses of its people."""

    members = serializers.SerializerMethodField()

    class Meta:
        model = Team
        fields = ["id", "key", "name", "members", "created_at"]

    def get_members(self, team: Team) -> list[str]:
        return [entry.user.email for entry in team.memberships.all()]


class TeamIn(serializers.Serializer):
    """A new team."""

    key = serializers.SlugField(max_length=50)
    name = serializers.CharField(max_length=120)


class PersonIn(serializers.Serializer):
    """A member, by address."""

    user = MemberField()


class Teams(Rows):
    """Teams; POST makes one."""

    model = Team
    serializer_class = TeamOut
    lookup_field = "key"

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("memberships__user")

    @extend_schema(request=TeamIn, responses={201: TeamOut})
    def create(self, request: Any, **_: Any) -> Response:
        """A team that can hold roles."""
        policies.check_administer(request.user)
        return self.answer(actions.create_team(by=request.user, **self.given(TeamIn)), status=201)

    @extend_schema(request=PersonIn, responses=TeamOut)
    @verb("add")
    def add(self, request: Any, **_: Any) -> Response:
        """Put a member into the team."""
        policies.check_administer(request.user)
        actions.add_to_team(team=self.get_object(), by=request.user, **self.given(PersonIn))
        return self.answer(self.get_object())

    @extend_schema(request=PersonIn, responses=TeamOut)
    @verb("remove")
    def remove(self, request: Any, **_: Any) -> Response:
        """Take a member out of the team."""
        policies.check_administer(request.user)
        entry = self.get_object().memberships.filter(user=self.given(PersonIn)["user"]).first()
        if entry is None:
            raise NotVisible("This person is not in the team.")
        actions.remove_from_team(entry=entry, by=request.user)
        return self.answer(self.get_object())


class RoleAssignmentOut(serializers.ModelSerializer):
    """A project role and who holds it."""

    project = serializers.CharField(source="scope.label")
    user = serializers.CharField(source="user.email", default=None)
    team = serializers.CharField(source="team.key", default=None)

    class Meta:
        model = RoleAssignment
        fields = ["id", "project", "scope", "role", "user", "team", "created_at"]


class RoleAssignmentIn(serializers.Serializer):
    """A role on a project (by the project's id) for a person or a team."""

    project = serializers.UUIDField()
    role = serializers.ChoiceField(choices=ProjectRole.choices)
    user = MemberField(required=False)
    team = serializers.SlugField(required=False)


class RoleAssignments(Rows):
    """Project roles of the projects one may see; POST gives one."""

    model = RoleAssignment
    related = ("scope", "user", "team")
    serializer_class = RoleAssignmentOut
    filterset_fields = ["scope", "role"]

    @extend_schema(request=RoleAssignmentIn, responses={201: RoleAssignmentOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Give a project role."""
        policies.check_staff_any(request.user)
        given = self.given(RoleAssignmentIn)
        scope = Scope.objects.filter(pk=given["project"]).first()
        if scope is None or not access.can(request.user, Permission.VIEW, actions.held(scope)):
            raise NotVisible()
        team = fetch(Team.objects.all(), request.user, key=given["team"]) if "team" in given else None
        held = actions.assign_role(scope=scope, role=given["role"], user=given.get("user"), team=team, by=request.user)
        return self.answer(held, status=201)

    @extend_schema(request=None, responses={204: None})
    @verb("revoke")
    def revoke(self, request: Any, **_: Any) -> Response:
        """Take it away."""
        actions.revoke_role(assignment=self.get_object(), by=request.user)
        return Response(status=204)


class TokenOut(serializers.ModelSerializer):
    """A token without its value."""

    class Meta:
        model = ApiToken
        fields = ["id", "name", "hint", "scopes", "expires_at", "last_used_at", "revoked_at", "created_at"]


class TokenIn(serializers.Serializer):
    """A new token for oneself, or by an administrator for a service account."""

    name = serializers.CharField(max_length=120)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Permission.choices), required=False, default=list
    )
    expires_at = serializers.DateTimeField(required=False, default=None)
    service_account = serializers.CharField(required=False)


class TokenMade(TokenOut):
    """A new token with its value, shown this once."""

    token = serializers.CharField()

    class Meta(TokenOut.Meta):
        fields = [*TokenOut.Meta.fields, "token"]


class Tokens(Rows):
    """One's own tokens; POST makes one and shows its value once."""

    model = ApiToken
    serializer_class = TokenOut

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if getattr(self, "swagger_fake_view", False) else rows.filter(user=self.request.user)

    @extend_schema(request=TokenIn, responses={201: TokenMade})
    def create(self, request: Any, **_: Any) -> Response:
        """A token; its value is in this answer and nowhere else."""
        given = self.given(TokenIn)
        name = given.pop("service_account", None)
        user = (
            fetch(ServiceAccount.objects.select_related("user"), request.user, name=name).user if name else request.user
        )
        token, value = actions.create_token(user=user, by=request.user, **given)
        return Response(TokenOut(token).data | {"token": value}, status=201)

    @extend_schema(request=None, responses=TokenOut)
    @verb("revoke")
    def revoke(self, request: Any, **_: Any) -> Response:
        """End it now."""
        return self.answer(actions.revoke_token(token=self.get_object(), by=request.user))


class ServiceAccountOut(serializers.ModelSerializer):
    """An account of a pipeline."""

    owner = serializers.CharField(source="owner.email")

    class Meta:
        model = ServiceAccount
        fields = ["id", "name", "purpose", "owner", "created_at"]


class ServiceAccountIn(serializers.Serializer):
    """A new account of a pipeline."""

    name = serializers.CharField(max_length=120)
    purpose = serializers.CharField(required=False, allow_blank=True, default="")


class ServiceAccounts(Rows):
    """Service accounts; POST makes one."""

    model = ServiceAccount
    related = ("owner",)
    serializer_class = ServiceAccountOut

    @extend_schema(request=ServiceAccountIn, responses={201: ServiceAccountOut})
    def create(self, request: Any, **_: Any) -> Response:
        """An account that cannot sign in, only call the API."""
        policies.check_administer(request.user)
        return self.answer(actions.create_service_account(by=request.user, **self.given(ServiceAccountIn)), status=201)
