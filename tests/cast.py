"""The cast: one named account per role in Meridian Air, and one outsider in Harbor Bank."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from apps.core.tenancy import tenant
from apps.organizations import actions
from apps.organizations.models import Organization, User
from apps.organizations.roles import ProjectRole

PASSWORD = "correct horse battery"


@dataclass
class Cast:
    """Who acts in a test. `odile` owns the organization, `mallory` is an outsider with everything at home."""

    meridian: Organization
    harbor: Organization
    odile: User  # owner
    adam: User  # administrator
    audrey: User  # auditor
    mina: User  # member without a role on any project
    bianca: User  # business owner
    dario: User  # data scientist
    vera: User  # validator
    rhea: User  # risk approver
    carlo: User  # compliance approver
    sigrid: User  # security approver
    otto: User  # operator
    wim: User  # viewer
    mallory: User  # owner of another organization

    @property
    def project_roles(self) -> dict[str, User]:
        """Who holds which project role where a test puts the cast to work."""
        return {
            ProjectRole.BUSINESS_OWNER: self.bianca,
            ProjectRole.DATA_SCIENTIST: self.dario,
            ProjectRole.VALIDATOR: self.vera,
            ProjectRole.RISK: self.rhea,
            ProjectRole.COMPLIANCE: self.carlo,
            ProjectRole.SECURITY: self.sigrid,
            ProjectRole.OPERATOR: self.otto,
            ProjectRole.VIEWER: self.wim,
        }

    @property
    def everyone(self) -> dict[str, User]:
        """Every insider by name, for access tables."""
        return {name: value for name, value in vars(self).items() if isinstance(value, User) and name != "mallory"}

    def staff(self, scope: Any) -> None:
        """Give the cast their roles on a project."""
        for role, user in self.project_roles.items():
            actions.assign_role(scope=scope, role=role, user=user, by=self.odile)


def make_cast() -> Cast:
    """Both organizations with their people, made by the real actions."""
    names = {field: None for field in Cast.__dataclass_fields__ if field not in {"meridian", "harbor"}}
    people = {
        name: User.objects.create_user(
            f"{name}@{'harbor' if name == 'mallory' else 'meridian'}.example", PASSWORD, name=name.title()
        )
        for name in names
    }
    meridian = actions.create_organization(key="meridian", name="Meridian Air", by=people["odile"])
    harbor = actions.create_organization(key="harbor", name="Harbor Bank", by=people["mallory"])
    with tenant(meridian.pk):
        for name, user in people.items():
            if name not in {"odile", "mallory"}:
                role = {"adam": "administrator", "audrey": "auditor"}.get(name, "member")
                actions.add_member(user=user, role=role, by=people["odile"])
    return Cast(meridian=meridian, harbor=harbor, **people)


@pytest.fixture(scope="module")
def cast_once(made_once: Any) -> Cast:
    """The cast of a module, for what its fixtures of module scope make; a test asks for `cast`."""
    return make_cast()


@pytest.fixture
def cast(db: None, cast_once: Cast) -> Cast:
    """Both organizations and their people, as they were made; no tenant is open."""
    return copy.deepcopy(cast_once)


@pytest.fixture
def inside(cast: Cast) -> Iterator[Cast]:
    """The cast, with Meridian Air's tenant open."""
    with tenant(cast.meridian.pk):
        yield cast
