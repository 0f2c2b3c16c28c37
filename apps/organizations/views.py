"""Pages about people: members, invitations, teams, tokens, service accounts, roles and grants on a project."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.core.errors import DomainError, NotVisible
from apps.core.pages import Action, Crumb, refusal
from apps.core.web import see_other
from apps.organizations import access, actions, policies
from apps.organizations.bases import ActionPage, FormPage, ListPage, ObjectFormPage, ObjectPage, TenantPage, fetch
from apps.organizations.forms import (
    GrantForm,
    InviteForm,
    JoinForm,
    LetGoForm,
    MemberForm,
    ProfileForm,
    RoleForm,
    ServiceAccountForm,
    TeamForm,
    TeamMemberForm,
    TokenForm,
)
from apps.organizations.models import (
    GRANT_TABLES,
    ApiToken,
    Invitation,
    Membership,
    RoleAssignment,
    Scope,
    ServiceAccount,
    Team,
    TeamMembership,
    User,
)
from apps.organizations.roles import ROLES, OrganizationRole, Permission, ProjectRole

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class Here:
    """Addresses of this app's pages."""

    organization: Any
    request: Any

    def url(self, name: str, *args: Any) -> str:
        """A page of this app."""
        return reverse(f"organizations:{name}", args=[self.organization.key, *args])

    def administer(self, label: str, name: str) -> Action:
        """A link for administrators, refused with the reason for others."""
        return Action(
            label, self.url(name), method="get", refused=refusal(policies.check_administer, self.request.user)
        )


class MemberList(Here, ListPage):
    """Who is here, as what."""

    template_name = "organizations/member_list.html"
    title = "People"
    model = Membership
    orderings = {"name": "user__name", "role": "role", "since": "created_at"}
    columns = {
        "Name": "user__name",
        "Address": "user__email",
        "Role": "role",
        "Active": "is_active",
        "Since": "created_at",
    }

    def get_queryset(self) -> Any:
        return Membership.objects.select_related("user")

    def context(self, **more: Any) -> dict[str, Any]:
        invitations = Invitation.objects.filter(accepted_at=None, revoked_at=None).select_related("invited_by")
        return super().context(primary=self.administer("Invite somebody", "invite"), invitations=invitations, **more)


class Invite(Here, FormPage):
    """Offer a place by mail."""

    title, submit, form_class, done = (
        "Invite somebody",
        "Send the invitation",
        InviteForm,
        "The invitation is on its way.",
    )

    def check(self) -> None:
        policies.check_administer(self.request.user)

    def perform(self, form: Any) -> str:
        actions.invite(**form.cleaned_data, by=self.request.user)
        return self.url("members")

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(crumbs=[Crumb("People", self.url("members")), Crumb(self.title)], **more)


class RevokeInvitation(Here, ActionPage):
    """Take an invitation back."""

    model, done = Invitation, "The invitation no longer counts."

    def perform(self) -> str:
        actions.revoke_invitation(invitation=self.object, by=self.request.user)
        return self.url("members")


class _MemberForm(Here, ObjectFormPage):
    model = Membership

    def get_queryset(self) -> Any:
        return Membership.objects.select_related("user")

    def check(self) -> None:
        policies.check_administer(self.request.user)

    def cancel_url(self) -> str:
        return self.url("members")

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(crumbs=[Crumb("People", self.url("members")), Crumb(str(self.object.user))], **more)


class ChangeRole(_MemberForm):
    """Another role in the organization."""

    title, form_class, done = "Change the role", MemberForm, "The role has changed."

    def initial(self) -> dict:
        return {"role": self.object.role}

    def perform(self, form: Any) -> str:
        actions.change_role(member=self.object, role=form.cleaned_data["role"], by=self.request.user)
        return self.url("members")


class LetGo(_MemberForm):
    """Deactivate a member."""

    template_name = "generic/confirm.html"
    title, submit, form_class, done = "Deactivate", "Deactivate", LetGoForm, "Deactivated. What they did stays theirs."

    def perform(self, form: Any) -> str:
        actions.deactivate_member(member=self.object, reason=form.cleaned_data["reason"], by=self.request.user)
        return self.url("members")

    def context(self, **more: Any) -> dict[str, Any]:
        said = [
            f"{self.object.user} can no longer open this organization.",
            "Their API tokens end now.",
            "Nothing they did is deleted.",
        ]
        return super().context(consequences=said, danger=True, **more)


class Join(Here, FormPage):
    """Take the place an invitation offers: with a new account, or with the one signed in."""

    template_name = "organizations/join.html"
    title, submit, form_class = "Join", "Join", JoinForm

    def check(self) -> None:
        self.invitation = actions.invitation_for(self.kwargs["token"])

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.check()
        known = User.objects.filter(email__iexact=self.invitation.email).exists()
        if known and not request.user.is_authenticated:
            messages.info(request, f"Sign in as {self.invitation.email} to join {self.organization}.")
            return redirect(f"{reverse('account_login')}?next={request.path}")
        return self.render(form=None if known else self.get_form(), known=known)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return super().post(request, **kwargs)
        self.check()
        try:
            actions.accept_invitation(token=self.kwargs["token"], by=self.request.user)
        except NotVisible:
            raise
        except DomainError as error:
            messages.error(request, error.sentence)
            return see_other(request.path)
        return see_other(f"/o/{self.organization.key}/")

    def perform(self, form: Any) -> str:
        user = actions.create_person(email=self.invitation.email, **form.cleaned_data)
        actions.accept_invitation(token=self.kwargs["token"], by=user)
        login(self.request, user, backend=BACKEND)
        return f"/o/{self.organization.key}/"

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(invitation=self.invitation, **more)


class TeamList(Here, ListPage):
    """The teams and how many are in each."""

    template_name = "organizations/team_list.html"
    title = "Teams"
    model = Team
    orderings = {"name": "name"}
    default_ordering = "name"

    def get_queryset(self) -> Any:
        from django.db.models import Count

        return Team.objects.select_related("organization").annotate(people=Count("memberships"))

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(primary=self.administer("New team", "create-team"), **more)


class CreateTeam(Here, FormPage):
    """A new team."""

    title, submit, form_class, done = "New team", "Create the team", TeamForm, "The team is there. Add its people."

    def check(self) -> None:
        policies.check_administer(self.request.user)

    def perform(self, form: Any) -> str:
        return self.url("team", actions.create_team(**form.cleaned_data, by=self.request.user).key)


class TeamPage(Here, ObjectPage):
    """A team, its people and the roles it holds."""

    template_name = "organizations/team.html"
    model = Team
    lookups = {"key": "key"}

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(
            crumbs=[Crumb("Teams", self.url("teams")), Crumb(str(self.object))],
            members=self.object.memberships.select_related("user"),
            held=self.object.assignments.select_related("scope"),
            primary=Action(
                "Add a person",
                self.url("add-to-team", self.object.key),
                method="get",
                refused=refusal(policies.check_administer, self.request.user),
            ),
            **more,
        )


class AddToTeam(Here, ObjectFormPage):
    """Put a member into a team."""

    model, lookups = Team, {"key": "key"}
    title, submit, form_class, done = "Add a person", "Add", TeamMemberForm, "Added."

    def check(self) -> None:
        policies.check_administer(self.request.user)

    def cancel_url(self) -> str:
        return self.url("team", self.object.key)

    def perform(self, form: Any) -> str:
        actions.add_to_team(team=self.object, user=form.cleaned_data["user"], by=self.request.user)
        return self.url("team", self.object.key)


class RemoveFromTeam(Here, ActionPage):
    """Take a member out of a team."""

    model, done = TeamMembership, "Removed."

    def perform(self) -> str:
        return self.url("team", actions.remove_from_team(entry=self.object, by=self.request.user).key)


class Tokens(Here, FormPage):
    """One's own API tokens; a new one is shown once."""

    template_name = "organizations/tokens.html"
    title, submit, form_class = "API tokens", "Create the token", TokenForm

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = self.get_form(data=request.POST)
        if not form.is_valid():
            return self.render(form=form, status=422)
        try:
            token, value = actions.create_token(
                user=self.request.user,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at(),
                by=self.request.user,
            )
        except DomainError as error:
            form.add_error(None, error.sentence)
            return self.render(form=form, status=error.status)
        # Shown once, in the answer itself: neither stored nor logged in clear.
        return self.render(form=self.get_form(), created=token, value=value)

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"tokens": ApiToken.objects.filter(user=self.request.user)} | more))


class RevokeToken(Here, ActionPage):
    """End a token."""

    model, done = ApiToken, "The token no longer works."

    def get_queryset(self) -> Any:
        rows = ApiToken.objects.all()
        return rows if access.can(self.request.user, Permission.ADMINISTER) else rows.filter(user=self.request.user)

    def perform(self) -> str:
        actions.revoke_token(token=self.object, by=self.request.user)
        return self.url("tokens" if self.object.user_id == self.request.user.pk else "service-accounts")


class ServiceAccounts(Here, FormPage):
    """Accounts of pipelines."""

    template_name = "organizations/service_accounts.html"
    title, submit, form_class, done = (
        "Service accounts",
        "Create the account",
        ServiceAccountForm,
        "The account is there. Make it a token.",
    )

    def check(self) -> None:
        policies.check_administer(self.request.user)

    def perform(self, form: Any) -> str:
        actions.create_service_account(**form.cleaned_data, by=self.request.user)
        return self.url("service-accounts")

    def context(self, **more: Any) -> dict[str, Any]:
        accounts = ServiceAccount.objects.select_related("user", "owner")
        tokens = ApiToken.objects.filter(user__in=[account.user_id for account in accounts])
        return super().context(**({"accounts": accounts, "account_tokens": tokens} | more))


class ServiceToken(Here, ActionPage):
    """A token for a service account, shown once."""

    model = ServiceAccount

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        account = self.get_object()
        token, value = actions.create_token(user=account.user, name=f"{account.name} token", by=self.request.user)
        page = ServiceAccounts()
        page.setup(request, organization=self.organization.key)
        return page.render(form=page.get_form(), created=token, value=value)


class ProjectPeople(Here, ObjectPage):
    """Who holds which role on a project, and who was granted what until when."""

    template_name = "organizations/project_people.html"
    model = Scope

    def get_object(self) -> Any:
        return scope_for(self.request.user, self.kwargs["pk"])

    def context(self, **more: Any) -> dict[str, Any]:
        scope = self.object
        staff = refusal(policies.check_staff, self.request.user, actions.held(scope))
        return super().context(
            title=f"People on {scope}",
            assignments=RoleAssignment.objects.filter(scope=scope).select_related("user", "team", "team__organization"),
            grants=[
                given
                for table in GRANT_TABLES
                if table.grant_path == "project_path"
                for given in grants_on(table, scope.pk)
            ],
            primary=Action("Give a role", self.url("assign-role", scope.pk), method="get", refused=staff),
            actions=[Action("Grant one permission", self.url("grant", scope.pk), method="get", refused=staff)],
            sentences=[(ProjectRole(role).label, ROLES[role].sentence) for role in ProjectRole.values],
            may_staff=not staff,
            **more,
        )


def scope_for(user: Any, pk: Any) -> Scope:
    """The scope, if the person may see the project it stands for."""
    scope = Scope.objects.filter(pk=pk).first()
    if scope is None or not access.can(user, Permission.VIEW, actions.held(scope)):
        raise NotVisible()
    return scope


def grants_on(table: Any, key: Any) -> list[Any]:
    """The grants of one table on one thing, with their people."""
    holder = "user" if hasattr(table, "user") else "group__team"
    return list(table.objects.filter(content_object_id=key).select_related("permission", "granted_by", holder))


class _ScopeForm(Here, FormPage):
    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.scope = scope_for(request.user, self.kwargs["pk"])

    def check(self) -> None:
        policies.check_staff(self.request.user, actions.held(self.scope))

    def cancel_url(self) -> str:
        return self.url("project-people", self.scope.pk)


class AssignRole(_ScopeForm):
    """Give a project role."""

    title, submit, form_class, done = "Give a role", "Give the role", RoleForm, "The role is given."

    def perform(self, form: Any) -> str:
        actions.assign_role(scope=self.scope, **form.cleaned_data, by=self.request.user)
        return self.url("project-people", self.scope.pk)


class RevokeRole(Here, ActionPage):
    """Take a project role away."""

    model, done = RoleAssignment, "The role is taken."

    def get_object(self) -> Any:
        assignment = fetch(
            RoleAssignment.objects.select_related("scope", "user", "team"), self.request.user, pk=self.kwargs["pk"]
        )
        scope_for(self.request.user, assignment.scope_id)
        return assignment

    def perform(self) -> str:
        return self.url("project-people", actions.revoke_role(assignment=self.object, by=self.request.user).pk)


class GrantPermission(_ScopeForm):
    """Grant one permission on a project until a date."""

    title, submit, form_class, done = "Grant one permission", "Grant", GrantForm, "Granted."

    def perform(self, form: Any) -> str:
        table: Any = next(table for table in GRANT_TABLES if table.grant_path == "project_path")
        thing = table._meta.get_field("content_object").related_model._default_manager.get(pk=self.scope.pk)
        actions.grant(thing=thing, by=self.request.user, **form.cleaned_data)
        return self.url("project-people", self.scope.pk)


class RevokeGrant(Here, ActionPage):
    """Take a grant back."""

    done = "The grant is taken back."

    def get_object(self) -> Any:
        for table in GRANT_TABLES:
            given = table.objects.filter(pk=self.kwargs["pk"]).first()
            if given is not None and access.can(self.request.user, Permission.VIEW, given.content_object):
                return given
        raise NotVisible()

    def perform(self) -> str | None:
        actions.revoke_grant(given=self.object, by=self.request.user)
        return None


class RoleMatrix(Here, TenantPage):
    """Which role may do what."""

    template_name = "organizations/roles.html"
    title = "Roles"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        labels = dict(OrganizationRole.choices) | dict(ProjectRole.choices)
        roles = [(labels[name], role) for name, role in ROLES.items()]
        rows = [(permission, [permission in role.permissions for _, role in roles]) for permission in Permission]
        return self.render(roles=roles, rows=rows)


class Profile(Here, FormPage):
    """One's own name and time zone."""

    title, form_class, done = "Your profile", ProfileForm, "Saved."

    def initial(self) -> dict:
        return {"name": self.request.user.name, "time_zone": self.request.user.time_zone}

    def perform(self, form: Any) -> str:
        actions.change_profile(user=self.request.user, **form.cleaned_data, by=self.request.user)
        return self.url("profile")
