"""The access door: the same answer row by row and for whole lists; grants end; tokens narrow."""

import datetime as dt

import pytest
from django.utils import timezone

from apps.core.errors import NotVisible, Refused
from apps.core.ids import uuid7
from apps.core.tenancy import tenant
from apps.organizations import access, actions
from apps.organizations.models import Membership
from apps.organizations.roles import Permission


@pytest.fixture
def scope(inside):
    made = actions.open_scope(pk=uuid7(), label="Late arrivals")
    inside.staff(made)
    return made


def test_can_follows_the_roles_on_the_project(inside, scope):
    held = actions.held(scope)
    may_train = {name for name, user in inside.everyone.items() if access.can(user, Permission.TRAIN, held)}
    may_see = {name for name, user in inside.everyone.items() if access.can(user, Permission.VIEW, held)}
    assert may_train == {"dario"}
    assert may_see == set(inside.everyone) - {"mina"}


def test_check_hides_what_may_not_be_seen_and_explains_what_may_not_be_done(inside, scope):
    with pytest.raises(NotVisible):
        access.check(inside.mina, Permission.TRAIN, actions.held(scope))
    with pytest.raises(Refused, match="data scientist"):
        access.check(inside.vera, Permission.TRAIN, actions.held(scope))


def test_a_role_of_a_team_counts_for_its_members_until_they_leave(inside, scope):
    team = actions.create_team(key="modelling", name="Modelling", by=inside.adam)
    actions.assign_role(scope=scope, role="data_scientist", team=team, by=inside.odile)
    entry = actions.add_to_team(team=team, user=inside.mina, by=inside.adam)
    assert access.can(inside.mina, Permission.TRAIN, actions.held(scope))
    actions.remove_from_team(entry=entry, by=inside.adam)
    assert not access.can(inside.mina, Permission.VIEW, actions.held(scope))


def test_a_deactivated_member_may_nothing(inside, scope):
    actions.deactivate_member(member=Membership.objects.get(user=inside.dario), by=inside.odile)
    assert not access.can(inside.dario, Permission.VIEW, actions.held(scope))


def test_a_token_narrows_what_its_person_may(inside, scope):
    inside.dario.token_scopes = frozenset({"prepare_data"})
    assert access.can(inside.dario, Permission.PREPARE_DATA, actions.held(scope))
    assert not access.can(inside.dario, Permission.TRAIN, actions.held(scope))
    with pytest.raises(Refused, match="token"):
        access.check(inside.dario, Permission.TRAIN, actions.held(scope))


def test_an_owner_may_nothing_in_another_organization(inside, scope):
    with tenant(inside.harbor.pk):
        assert not access.can(inside.odile, Permission.VIEW)
        assert not access.can(inside.mallory, Permission.VIEW, actions.held(scope))


def test_the_last_owner_stays(inside):
    with pytest.raises(Refused, match="last owner"):
        actions.change_role(member=Membership.objects.get(user=inside.odile), role="member", by=inside.odile)


def test_only_an_owner_makes_an_owner(inside):
    with pytest.raises(Refused, match="Only an owner"):
        actions.change_role(member=Membership.objects.get(user=inside.mina), role="owner", by=inside.adam)


def test_an_invitation_is_taken_once_and_by_its_address_only(inside):
    from apps.organizations.models import User

    _, token = actions.invite(email="nora@meridian.example", role="member", by=inside.adam)
    other = User.objects.create_user("other@x.example", "correct horse battery")
    with pytest.raises(Exception, match="This invitation is for"):
        actions.accept_invitation(token=token, by=other)
    nora = User.objects.create_user("nora@meridian.example", "correct horse battery")
    actions.accept_invitation(token=token, by=nora)
    assert access.can(nora, Permission.VIEW)
    with pytest.raises(NotVisible, match="was used"):
        actions.accept_invitation(token=token, by=nora)


def test_an_expired_token_opens_nothing(inside):
    from apps.organizations import tokens

    _, value = actions.create_token(
        user=inside.dario, name="pipeline", by=inside.dario, expires_at=timezone.now() + dt.timedelta(hours=1)
    )
    assert tokens.holder(f"Bearer {value}") == inside.dario
    assert tokens.holder(f"Bearer {value}x") is None
    token, value = actions.create_token(user=inside.dario, name="old", by=inside.dario)
    actions.revoke_token(token=token, by=inside.dario)
    assert tokens.holder(f"Bearer {value}") is None
