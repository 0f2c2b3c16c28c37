"""Tenants, people, teams, roles held, invitations, tokens."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser, Group
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from apps.core.ids import uuid7
from apps.core.models import History, TenantForeignKey, TenantManager, TenantModel
from apps.organizations.roles import OrganizationRole, Permission, ProjectRole

KEY = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$",
    "Use small letters, digits and hyphens, at most 50, beginning and ending with a letter or digit.",
)


class Organization(models.Model):
    """A tenant. Seen only from inside itself; found by key through a door."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=50, unique=True, validators=[KEY])
    name = models.CharField(max_length=120)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class UserKind(models.TextChoices):
    PERSON = "person", "Person"
    SERVICE = "service", "Service account"
    SYSTEM = "system", "Tenure itself"


class UserManager(BaseUserManager["User"]):
    """People are found by e-mail address, however it is capitalised."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        if password is None:
            user.set_unusable_password()
        else:
            user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A person, a service account, or Tenure itself. Global: one person may belong to several organizations."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=16, choices=UserKind.choices, default=UserKind.PERSON)
    time_zone = models.CharField(max_length=64, default="UTC")

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = []
    objects: ClassVar = UserManager()  # type: ignore[assignment]

    # Set where an API token brought the person in: the token's permissions bound theirs.
    token_scopes: frozenset[str] | None = None

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="organizations_user_email")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)


class Membership(TenantModel):
    """A person in an organization. Who leaves is deactivated, never deleted."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=16, choices=OrganizationRole.choices, default=OrganizationRole.MEMBER)
    is_active = models.BooleanField(default=True)
    history = History()

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "user"], name="organizations_membership_one")
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class Team(TenantModel):
    """People who hold roles together. `group` is its shadow for django-guardian's tables."""

    key = models.CharField(max_length=50, validators=[KEY])
    name = models.CharField(max_length=120)
    group = models.OneToOneField(Group, on_delete=models.PROTECT, related_name="team", editable=False)
    history = History()

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["organization", "key"], name="organizations_team_key")]

    def __str__(self) -> str:
        return self.name


class TeamMembership(TenantModel):
    """A person in a team."""

    team = TenantForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    history = History()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "team", "user"], name="organizations_team_member")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class Scope(TenantModel):
    """What roles are held on. A project is one (same key), so that roles need not know projects."""

    label = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.label


class RoleAssignment(TenantModel):
    """A project role, held by a person or a team."""

    scope = TenantForeignKey(Scope, on_delete=models.CASCADE, related_name="assignments")
    role = models.CharField(max_length=32, choices=ProjectRole.choices)
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    team = TenantForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="assignments")
    history = History()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, team__isnull=True)
                | models.Q(user__isnull=True, team__isnull=False),
                name="organizations_role_holder",
            ),
            models.UniqueConstraint(
                fields=["organization", "scope", "role", "user", "team"],
                name="organizations_role_one",
                nulls_distinct=False,
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "user", "scope"], name="organizations_role_user"),
            models.Index(fields=["organization", "team", "scope"], name="organizations_role_team"),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()}: {self.user or self.team}"


class Grant(TenantModel):
    """Base of django-guardian's direct tables here: one permission on one thing, until a date."""

    until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)
    granted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    objects = TenantManager()  # type: ignore[misc]

    # The attribute of tenant models that leads to the granted thing: "project_path" or "model_path".
    grant_path = ""

    class Meta(TenantModel.Meta):
        abstract = True

    @property
    def is_current(self) -> bool:
        """Whether it counts now."""
        return self.until is None or self.until > timezone.now()


class PersonGrant(Grant, UserObjectPermissionBase):  # type: ignore[misc]
    """A permission for a person. Subclasses add `content_object` and set `grant_path`."""

    class Meta(TenantModel.Meta):
        abstract = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _register(cls)

    def __str__(self) -> str:
        return f"{self.permission.codename} for {self.user}"


class TeamGrant(Grant, GroupObjectPermissionBase):  # type: ignore[misc]
    """A permission for a team, through its group. Subclasses add `content_object` and set `grant_path`."""

    class Meta(TenantModel.Meta):
        abstract = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _register(cls)

    def __str__(self) -> str:
        return f"{self.permission.codename} for {self.group}"


GRANT_TABLES: list[Any] = []


def _register(table: type[Grant]) -> None:
    # Migrations make look-alikes of the tables; only the real ones are asked.
    if table.__module__ != "__fake__" and "Historical" not in table.__name__:
        GRANT_TABLES.append(table)


def grantable() -> list[tuple[str, str]]:
    """Meta.permissions of a model whose rows can be granted one by one."""
    return [(str(permission.value), str(permission.label)) for permission in Permission]


class Invitation(TenantModel):
    """A place in the organization, offered by mail. The token is stored hashed; it opens a page, nothing more."""

    email = models.EmailField()
    role = models.CharField(max_length=16, choices=OrganizationRole.choices, default=OrganizationRole.MEMBER)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    history = History(excluded_fields=["token_hash"])

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"invitation of {self.email}"

    @property
    def is_open(self) -> bool:
        """Whether it can still be accepted."""
        return self.accepted_at is None and self.revoked_at is None and self.expires_at > timezone.now()


class ServiceAccount(TenantModel):
    """An account of a pipeline, not of a person. It signs in by token only."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="service_account")
    name = models.CharField(max_length=120)
    purpose = models.TextField(blank=True)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    history = History()

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "name"], name="organizations_service_name")
        ]

    def __str__(self) -> str:
        return self.name


class ApiToken(TenantModel):
    """A token for the API, stored hashed; its scopes bound what its person may do."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False)
    scopes = models.JSONField(default=list)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    history = History(excluded_fields=["token_hash", "last_used_at"])

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @property
    def is_valid(self) -> bool:
        """Whether it still opens the door."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())
