"""The audit chain inside the portal: written with the decision, refused afterwards, verified."""

import pytest
from django.db import connection, connections, transaction
from django.db.utils import ProgrammingError

from apps.audit.actions import NoRecord, action, record
from apps.audit.chain import faults, write_checkpoint
from apps.audit.models import Checkpoint, Head, Record
from apps.core.tenancy import tenant
from apps.organizations import actions
from apps.organizations.models import Team


def test_a_record_carries_the_hash_of_the_one_before(inside):
    actions.create_team(key="one", name="One", by=inside.adam)
    actions.create_team(key="two", name="Two", by=inside.adam)
    second, first = Record.objects.all()[:2]
    assert (second.sequence, second.previous) == (first.sequence + 1, first.hash)
    assert (second.actor, second.action, second.subject_label) == (inside.adam, "team.created", "Two")
    assert Head.objects.get().hash == second.hash


def test_an_action_that_fails_leaves_neither_row_nor_record(inside):
    before = Record.objects.count()

    @action
    def fail(*, by):
        Team(key="x", name="x", group_id=1).save()
        record(by=by, action="team.created", subject=inside.meridian)
        raise ZeroDivisionError

    with pytest.raises(Exception):  # noqa: B017
        fail(by=inside.adam)
    assert Record.objects.count() == before


def test_an_action_without_a_record_is_a_defect(inside):
    @action
    def silent(*, by):
        """Decides without saying so."""

    with pytest.raises(NoRecord):
        silent(by=inside.adam)


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_record set reason = 'x'",
        "delete from audit_record",
        "truncate audit_record",
        "update audit_head set sequence = 0",
    ],
)
def test_the_application_can_change_nothing(inside, statement):
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_the_application_can_choose_neither_sequence_nor_hash(inside):
    entry = Record.objects.first()
    forged = Record(actor=inside.adam, occurred_at=entry.occurred_at, body=entry.body)
    forged.sequence, forged.hash, forged.previous = 9999, "f" * 64, "e" * 64
    forged.save(force_insert=True)
    forged.refresh_from_db()
    assert (forged.sequence, forged.previous) == (entry.sequence + 1, entry.hash)
    assert faults() == []


def test_a_record_that_speaks_of_another_organization_is_refused(inside):
    entry = Record.objects.first()
    body = entry.body.replace(str(inside.meridian.pk), str(inside.harbor.pk))
    with pytest.raises(ProgrammingError, match="another organization"), transaction.atomic():
        Record(actor=inside.adam, occurred_at=entry.occurred_at, body=body).save(force_insert=True)


def test_each_organization_has_its_own_chain(cast):
    for organization in (cast.meridian, cast.harbor):
        with tenant(organization.pk):
            assert Record.objects.order_by("sequence").first().sequence == 1
            assert faults() == []


def test_a_checkpoint_is_signed_and_not_repeated(inside):
    first = write_checkpoint()
    assert write_checkpoint() == first
    actions.create_team(key="one", name="One", by=inside.adam)
    assert write_checkpoint().sequence == Record.objects.first().sequence
    assert Checkpoint.objects.count() == 2
    assert faults() == []


@pytest.mark.django_db(databases=["default", "owner"], transaction=False)
def test_the_owner_of_the_tables_is_refused_too_and_tampering_is_found(inside):
    with connections["owner"].cursor() as cursor:
        cursor.execute("select tgname from pg_trigger where tgname like 'audit\\_%' and tgenabled = 'O'")
        assert sorted(name for (name,) in cursor.fetchall()) == ["audit_chain", "audit_refuse", "audit_refuse"]
