"""Everything that changes who is here and what they may do."""

import datetime as dt
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.models import Permission as DjangoPermission
from django.contrib.auth.password_validation import validate_password
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, models, transaction
from django.urls import reverse
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Conflict, Invalid, NotVisible, Refused
from apps.core.ids import uuid7
from apps.core.secrets import new_token, token_hash
from apps.core.tenancy import tenant
from apps.organizations import access, policies
from apps.organizations.models import (
    GRANT_TABLES,
    KEY,
    ApiToken,
    Grant,
    Invitation,
    Membership,
    Organization,
    PersonGrant,
    RoleAssignment,
    Scope,
    ServiceAccount,
    Team,
    TeamMembership,
    User,
    UserKind,
)
from apps.organizations.roles import OrganizationRole, Permission, ProjectRole
from apps.organizations.signals import organization_created
from apps.work import mail, schedules

INVITATION_DAYS = 7


def create_organization(*, key: str, name: str, by: User, is_demo: bool = False) -> Organization:
    """Make a tenant with `by` as its owner, and everything it begins with. Runs in the new tenant's own scope."""
    _check_key(key)
    organization = Organization(id=uuid7(), key=key, name=name.strip() or key, is_demo=is_demo)
    with tenant(organization.pk):
        _create_organization(organization=organization, by=by)
    return organization


@action
def _create_organization(*, organization: Organization, by: User) -> Organization:
    try:
        with transaction.atomic():
            organization.save(force_insert=True)
    except IntegrityError as error:
        sentence = f"The key “{organization.key}” is taken. Choose another."
        raise Conflict(sentence) from error
    Membership(user=by, role=OrganizationRole.OWNER).save(force_insert=True)
    record(
        by=by,
        action="organization.created",
        subject=organization,
        details={"key": organization.key, "name": organization.name},
    )
    day = dt.timedelta(days=1)
    schedules.plan(
        name="Sign the audit chain",
        task="work.checkpoint",
        subject_id=organization.pk,
        every=day,
        first_at=timezone.now() + dt.timedelta(hours=1),
    )
    organization_created.send(sender=Organization, organization=organization, by=by)
    return organization


def _check_key(key: str) -> None:
    try:
        KEY(key)
    except ValidationError as error:
        raise Invalid(error.messages[0], {"key": error.messages}) from error


def create_person(*, email: str, password: str | None = None, name: str = "") -> User:
    """An account for a person, of no organization yet. The password must pass the validators."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise Invalid("This is no e-mail address.", {"email": error.messages}) from error
    if User.objects.filter(email__iexact=email).exists():
        raise Conflict(f"There is already an account for {email}.")
    user = User(email=email, name=name.strip())
    if password is not None:
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise Invalid(" ".join(error.messages), {"password": error.messages}) from error
    return User.objects.create_user(email, password, name=name.strip())


@action
def add_member(*, user: User, role: str, by: User) -> Membership:
    """Make a person a member; one who left comes back."""
    member = Membership.objects.filter(user=user).first() or Membership(user=user)
    policies.check_change_member(by, member, role)
    member.role, member.is_active = role, True
    member.save()
    record(by=by, action="member.added", subject=member, details={"person": str(user), "role": role})
    return member


@action
def change_role(*, member: Membership, role: str, by: User) -> Membership:
    """Give a member another organization role."""
    policies.check_change_member(by, member, role)
    before, member.role = member.role, role
    member.save()
    record(by=by, action="member.role_changed", subject=member, details={"before": before, "after": role})
    return member


@action
def deactivate_member(*, member: Membership, by: User, reason: str = "") -> Membership:
    """Let a person go: their roles rest, their tokens end; what they did stays theirs."""
    policies.check_change_member(by, member, "")
    member.is_active = False
    member.save()
    for token in ApiToken.objects.filter(user_id=member.user_id, revoked_at=None):
        token.revoked_at = timezone.now()
        token.save()
    record(by=by, action="member.deactivated", subject=member, reason=reason)
    return member


@action
def invite(*, email: str, role: str, by: User) -> tuple[Invitation, str]:
    """Offer a person a place by mail. Returns the invitation and the token that only the mail carries."""
    policies.check_change_member(by, Membership(role=OrganizationRole.MEMBER), role)
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise Invalid("This is no e-mail address.", {"email": error.messages}) from error
    if Membership.objects.filter(user__email__iexact=email, is_active=True).exists():
        raise Conflict(f"{email} is a member already.")
    for earlier in Invitation.objects.filter(email=email, accepted_at=None, revoked_at=None):
        earlier.revoked_at = timezone.now()
        earlier.save()
    token = new_token("join")
    until = timezone.now() + dt.timedelta(days=INVITATION_DAYS)
    invitation = Invitation(email=email, role=role, token_hash=token_hash(token), invited_by=by, expires_at=until)
    invitation.save(force_insert=True)
    record(by=by, action="invitation.sent", subject=invitation, details={"email": email, "role": role})
    organization = Organization.objects.get(pk=invitation.organization_id)
    mail.send(
        to=email,
        subject=f"Join {organization.name} on Tenure by {until:%-d %B}",
        template="organizations/invitation",
        context={
            "invitation": invitation,
            "organization": organization,
            "url": reverse("organizations:join", args=[organization.key, token]),
        },
        secret_until=until,
    )
    return invitation, token


def invitation_for(token: str) -> Invitation:
    """The open invitation behind a link's token."""
    invitation = Invitation.objects.filter(token_hash=token_hash(token)).first()
    if invitation is None or not invitation.is_open:
        raise NotVisible("This invitation is unknown, was used, or has expired. Ask for a new one.")
    return invitation


@action
def accept_invitation(*, token: str, by: User) -> Membership:
    """Take the place offered. The address must be the one that was invited."""
    invitation = Invitation.objects.select_for_update().get(pk=invitation_for(token).pk)
    if by.email.lower() != invitation.email:
        raise Invalid(f"This invitation is for {invitation.email}. Sign in with that address.")
    invitation.accepted_at = timezone.now()
    invitation.save()
    member = Membership.objects.filter(user=by).first() or Membership(user=by)
    member.role, member.is_active = invitation.role, True
    member.save()
    record(by=by, action="invitation.accepted", subject=invitation, details={"role": invitation.role})
    return member


@action
def revoke_invitation(*, invitation: Invitation, by: User) -> Invitation:
    """Take an invitation back."""
    policies.check_administer(by)
    invitation.revoked_at = timezone.now()
    invitation.save()
    record(by=by, action="invitation.revoked", subject=invitation)
    return invitation


@action
def create_team(*, key: str, name: str, by: User) -> Team:
    """A team that can hold roles."""
    policies.check_administer(by)
    _check_key(key)
    if Team.objects.filter(key=key).exists():
        raise Conflict(f"There is already a team “{key}”.")
    team_id = uuid7()
    team = Team(id=team_id, key=key, name=name.strip() or key, group=Group.objects.create(name=str(team_id)))
    team.save(force_insert=True)
    record(by=by, action="team.created", subject=team, details={"key": key})
    return team


@action
def add_to_team(*, team: Team, user: User, by: User) -> TeamMembership:
    """Put a member into a team."""
    policies.check_administer(by)
    if access.membership(user) is None:
        raise Invalid(f"{user} is no member of the organization.", {"user": "Choose a member."})
    entry = TeamMembership.objects.filter(team=team, user=user).first()
    if entry is None:
        entry = TeamMembership(team=team, user=user)
        entry.save(force_insert=True)
    record(by=by, action="team.member_added", subject=team, details={"person": str(user)})
    return entry


@action
def remove_from_team(*, entry: TeamMembership, by: User) -> Team:
    """Take a member out of a team."""
    policies.check_administer(by)
    team, person = entry.team, str(entry.user)
    entry.delete()
    record(by=by, action="team.member_removed", subject=team, details={"person": person})
    return team


def open_scope(*, pk: Any, label: str) -> Scope:
    """What roles are held on; called by the action that makes the project with the same key."""
    scope = Scope(id=pk, label=label)
    scope.save(force_insert=True)
    return scope


@action
def assign_role(
    *, scope: Any, role: str, by: User, user: User | None = None, team: Team | None = None
) -> RoleAssignment:
    """Give a person or a team a role on a project. `scope` is the project or its scope."""
    scope = Scope.objects.get(pk=scope.pk)
    policies.check_staff(by, held(scope))
    if role not in ProjectRole.values:
        raise Invalid(f"There is no role “{role}”.", {"role": f"Choose one of {', '.join(ProjectRole.values)}."})
    if (user is None) == (team is None):
        raise Invalid("Choose a person or a team.", {"user": "Choose a person or a team, not both."})
    if user is not None and access.membership(user) is None:
        raise Invalid(f"{user} is no member of the organization. Invite them first.", {"user": "Choose a member."})
    return _assign(scope, role, user, team, by)


def _assign(scope: Scope, role: str, user: User | None, team: Team | None, by: User) -> RoleAssignment:
    held = RoleAssignment.objects.filter(scope=scope, role=role, user=user, team=team).first()
    if held is None:
        held = RoleAssignment(scope=scope, role=role, user=user, team=team)
        held.save(force_insert=True)
    record(
        by=by, action="role.given", subject=scope, project_id=scope.pk, details={"role": role, "to": str(user or team)}
    )
    return held


@action
def assign_first_role(*, scope: Scope, role: str, user: User, by: User) -> RoleAssignment:
    """The role a project's opener holds from the start; called by the action that opens the project."""
    return _assign(scope, role, user, None, by)


@action
def revoke_role(*, assignment: RoleAssignment, by: User) -> Scope:
    """Take a role away."""
    policies.check_staff(by, held(assignment.scope))
    scope, said = assignment.scope, str(assignment)
    assignment.delete()
    record(by=by, action="role.taken", subject=scope, project_id=scope.pk, details={"role": said})
    return scope


class Held:
    """A scope as the access door asks for things: it is its own project."""

    project_path = ""

    def __init__(self, scope: Scope) -> None:
        self.pk, self.organization_id = scope.pk, scope.organization_id


def held(scope: Scope) -> Any:
    """The scope in the form the access door takes."""
    return Held(scope)


@action
def change_profile(*, user: User, name: str, time_zone: str, by: User) -> User:
    """One's own name and time zone."""
    if user.pk != by.pk:
        raise Refused("Only you can change your profile.")
    before = {"name": user.name, "time_zone": user.time_zone}
    user.name, user.time_zone = name.strip(), time_zone
    user.save(update_fields=["name", "time_zone"])
    record(
        by=by,
        action="profile.changed",
        subject=user,
        details={"before": before, "after": {"name": user.name, "time_zone": time_zone}},
    )
    return user


@action
def grant(
    *,
    thing: models.Model,
    permission: str,
    by: User,
    user: User | None = None,
    team: Team | None = None,
    until: dt.datetime | None = None,
    reason: str = "",
) -> Grant:
    """Give one permission on one thing to a person or team until a date."""
    policies.check_grant(by, thing)
    if until is not None and until <= timezone.now():
        raise Invalid("The date has passed.", {"until": "Choose a date to come."})
    if (user is None) == (team is None):
        raise Invalid("Choose a person or a team.", {"user": "Choose a person or a team, not both."})
    table: Any = next(
        (
            table
            for table in GRANT_TABLES
            if table._meta.get_field("content_object").remote_field.model is type(thing)
            and issubclass(table, PersonGrant) == (user is not None)
        ),
        None,
    )
    if table is None:
        raise Invalid("Permissions are granted on projects and models, not on this.")
    allowed = DjangoPermission.objects.get(
        content_type=ContentType.objects.get_for_model(thing), codename=Permission(permission).value
    )
    holder = {"user": user} if user is not None else {"group": team.group}  # type: ignore[union-attr]
    given = table(content_object=thing, permission=allowed, until=until, reason=reason, granted_by=by, **holder)
    given.save(force_insert=True)
    record(
        by=by,
        action="grant.given",
        subject=thing,
        reason=reason,
        details={"permission": permission, "to": str(user or team), "until": until},
    )
    return given


@action
def revoke_grant(*, given: Any, by: User) -> models.Model:
    """Take a grant back."""
    policies.check_grant(by, given.content_object)
    thing, said = given.content_object, str(given)
    given.delete()
    record(by=by, action="grant.taken", subject=thing, details={"grant": said})
    return thing


@action
def create_token(
    *, user: User, name: str, by: User, scopes: list[str] | None = None, expires_at: dt.datetime | None = None
) -> tuple[ApiToken, str]:
    """A token for oneself, or by an administrator for a service account. Returned once; stored hashed."""
    if user.pk != by.pk:
        policies.check_administer(by)
        if user.kind != UserKind.SERVICE:
            raise Invalid("A person makes their own tokens; administrators make them for service accounts.")
    if access.membership(user) is None:
        raise Invalid(f"{user} is no member of the organization.")
    unknown = sorted(set(scopes or []) - set(Permission.values))
    if unknown:
        raise Invalid(
            f"There is no scope {', '.join(unknown)}.", {"scopes": f"Choose from {', '.join(Permission.values)}."}
        )
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid("The expiry has passed.", {"expires_at": "Choose a time to come."})
    value = new_token("tenure")
    token = ApiToken(
        user=user,
        name=name.strip() or "token",
        token_hash=token_hash(value),
        hint=value[:11],
        scopes=sorted(scopes or []),
        expires_at=expires_at,
    )
    token.save(force_insert=True)
    record(
        by=by,
        action="token.created",
        subject=token,
        details={"for": str(user), "scopes": token.scopes, "expires": expires_at},
    )
    return token, value


@action
def revoke_token(*, token: ApiToken, by: User) -> ApiToken:
    """End a token now."""
    policies.check_revoke_token(by, token)
    token.revoked_at = timezone.now()
    token.save()
    record(by=by, action="token.revoked", subject=token)
    return token


@action
def create_service_account(*, name: str, purpose: str, by: User) -> ServiceAccount:
    """An account for a pipeline: a member that cannot sign in, only call the API."""
    policies.check_administer(by)
    if ServiceAccount.objects.filter(name=name.strip()).exists():
        raise Conflict(f"There is already a service account “{name}”.")
    account_id = uuid7()
    user = User.objects.create_user(f"{account_id}@service.invalid", None, name=name.strip(), kind=UserKind.SERVICE)
    account = ServiceAccount(id=account_id, user=user, name=name.strip(), purpose=purpose, owner=by)
    account.save(force_insert=True)
    Membership(user=user, role=OrganizationRole.MEMBER).save(force_insert=True)
    record(by=by, action="service_account.created", subject=account, details={"purpose": purpose})
    return account
