"""The walls: managers that refuse, policies that hide, keys that cannot leave, settings that come back."""

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.db.utils import DataError, ProgrammingError

from apps.core.checks import check_walls
from apps.core.ids import uuid7
from apps.core.tenancy import OutsideTenant, current_or_none, nobody, tenant
from apps.organizations.models import Membership, RoleAssignment, Scope, Team


def setting():
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(current_setting('app.organization', true), '')")
        return cursor.fetchone()[0]


def count(table):
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {table}")
        return cursor.fetchone()[0]


def test_a_query_outside_a_tenant_raises(cast):
    with pytest.raises(OutsideTenant):
        Membership.objects.count()
    with pytest.raises(OutsideTenant):
        Team(key="x", name="x").save()


def test_raw_sql_sees_only_the_tenant_and_without_one_nothing(cast):
    assert count("organizations_membership") == 0
    assert count("organizations_organization") == 0
    with tenant(cast.harbor.pk):
        assert count("organizations_membership") == 1
        assert count("organizations_historicalmembership") == 1


def test_nested_tenants_come_back_also_after_a_failed_one(cast):
    with tenant(cast.meridian.pk):
        with tenant(cast.harbor.pk):
            assert Membership.objects.get().user == cast.mallory
        assert setting() == str(cast.meridian.pk)
        with pytest.raises(ZeroDivisionError), tenant(cast.harbor.pk):
            1 / 0  # noqa: B018
        assert (setting(), current_or_none()) == (str(cast.meridian.pk), cast.meridian.pk)
        with nobody():
            assert setting() == ""
        assert Membership.objects.count() > 1
    assert (setting(), current_or_none()) == ("", None)


def test_a_row_cannot_be_written_for_another_tenant(cast):
    with tenant(cast.meridian.pk), pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        Scope(id=uuid7(), label="x", organization_id=cast.harbor.pk).save(force_insert=True)


def test_a_key_cannot_point_into_another_tenant(cast):
    with tenant(cast.harbor.pk):
        theirs = Scope(id=uuid7(), label="theirs")
        theirs.save(force_insert=True)
    with tenant(cast.meridian.pk), pytest.raises(IntegrityError), transaction.atomic():
        RoleAssignment(scope_id=theirs.pk, role="viewer", user=cast.wim).save(force_insert=True)


def test_update_on_a_tracked_model_is_refused(inside):
    with pytest.raises(TypeError, match="no history"):
        Membership.objects.update(role="owner")


def test_history_cannot_be_rewritten(inside):
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("update organizations_historicalmembership set role = 'owner'")
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("truncate organizations_historicalmembership")


@pytest.mark.django_db(databases=["default", "owner"])
def test_the_check_finds_every_wall_closed_and_an_open_one():
    assert check_walls(databases=["default"]) == []
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("create table leaky (organization_id uuid)")
        found = check_walls(databases=["owner"])
        transaction.set_rollback(True, using="owner")
    assert [error.id for error in found] == ["tenancy.E002"]


def test_error_of_the_database_inside_a_tenant_comes_out_as_it_is(cast):
    with pytest.raises(DataError), tenant(cast.meridian.pk), connection.cursor() as cursor:
        cursor.execute("select 1 / 0")
