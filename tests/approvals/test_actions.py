"""Approvals: who may sign, what a signature binds, how a request ends."""

import pytest
from django.db import IntegrityError, connection, transaction

from apps.approvals import actions, policies
from apps.approvals.models import Conflict, Policy, Request, RequestState, Signature
from apps.approvals.signals import decided
from apps.audit.chain import faults
from apps.audit.models import Record
from apps.core.errors import IllegalMove, Invalid, NotVisible, ReauthenticationNeeded, Refused
from apps.core.ids import uuid7
from apps.organizations.actions import open_scope


@pytest.fixture
def project(inside):
    scope = open_scope(pk=uuid7(), label="Late arrivals")
    inside.staff(scope)
    return scope


def ask(cast, project, kind="charter", **more):
    given = {
        "kind": kind,
        "scope": project,
        "title": "Charter of Late arrivals",
        "link": "/x",
        "snapshot": {"title": "Late arrivals"},
        "by": cast.bianca,
    }
    return actions.request(**(given | more))


def test_sign_by_every_step_approves_and_announces(inside, project):
    heard = []
    decided.connect(lambda request, **_: heard.append(request.state), weak=False, dispatch_uid="test")
    request = ask(inside, project)
    actions.sign(request=request, by=inside.rhea)
    request.refresh_from_db()
    assert (request.state, request.step) == (RequestState.OPEN, 2)
    actions.sign(request=request, by=inside.carlo)
    request.refresh_from_db()
    decided.disconnect(dispatch_uid="test")
    assert (request.state, heard) == (RequestState.APPROVED, [RequestState.APPROVED])
    assert faults() == []


def test_organization_from_before_a_kind_gets_its_default_policy_when_it_is_first_asked_for(inside, project):
    former = Policy.objects.get(kind="deferral")
    former.is_current = False
    former.save()

    first, second = (ask(inside, project, kind="deferral") for _ in range(2))

    assert first.policy == second.policy == Policy.objects.get(kind="deferral", is_current=True)
    assert [step.role for step in first.policy.steps.all()] == ["risk_approver"] and first.policy.is_high_risk
    written = Record.objects.filter(action="policy.written", subject_id=str(first.policy.pk))
    assert [one.actor_label for one in written] == ["Tenure"]


def test_request_that_nobody_could_sign_is_refused(inside, project):
    with pytest.raises(Refused, match="there are 0"):
        ask(inside, project, by=inside.rhea)


def test_sign_by_a_conflicted_person_is_refused_by_policy_and_by_the_database(inside, project):
    from apps.organizations.actions import assign_role

    assign_role(scope=project, role="risk_approver", user=inside.mina, by=inside.odile)
    request = ask(inside, project, conflicts={inside.mina: "trained the model"})
    with pytest.raises(Refused, match="trained the model"):
        actions.sign(request=request, by=inside.mina)
    forged = Signature(
        request=request,
        step=1,
        verdict="signed",
        role="risk_approver",
        user=inside.mina,
        content_hash=request.content_hash,
    )
    with pytest.raises(IntegrityError, match="may not sign"), transaction.atomic():
        forged.save(force_insert=True)


def test_sign_of_high_risk_needs_confirmation(inside, project):
    request = ask(inside, project, kind="model_approval", by=inside.dario)
    with pytest.raises(ReauthenticationNeeded):
        actions.sign(request=request, by=inside.rhea)
    assert actions.sign(request=request, by=inside.rhea, confirmed=True).confirmed_identity


def test_decline_needs_a_reason_and_ends_the_request(inside, project):
    request = ask(inside, project)
    with pytest.raises(Invalid, match="Say why"):
        actions.decline(request=request, by=inside.rhea, reason=" ")
    actions.decline(request=request, by=inside.rhea, reason="No metric.")
    request.refresh_from_db()
    assert request.state == RequestState.DECLINED
    with pytest.raises(IllegalMove):
        actions.sign(request=request, by=inside.carlo)


def test_invalidate_if_changed_ends_an_approved_request(inside, project):
    request = ask(inside, project)
    actions.sign(request=request, by=inside.rhea)
    actions.sign(request=request, by=inside.carlo)
    request.refresh_from_db()
    assert not actions.invalidate_if_changed(request=request, snapshot={"title": "Late arrivals"}, by=inside.bianca)
    assert actions.invalidate_if_changed(request=request, snapshot={"title": "Early arrivals"}, by=inside.bianca)
    request.refresh_from_db()
    assert request.state == RequestState.INVALIDATED


def test_waiting_for_shows_the_queue_of_the_step_and_of_who_is_away(inside, project):
    import datetime as dt

    from django.utils import timezone

    request = ask(inside, project)
    assert list(policies.waiting_for(inside.rhea)) == [request]
    assert list(policies.waiting_for(inside.carlo)) == []
    now = timezone.now()
    actions.delegate(
        absent=inside.rhea, substitute=inside.mina, starts_at=now, ends_at=now + dt.timedelta(days=1), by=inside.rhea
    )
    assert list(policies.waiting_for(inside.mina)) == [request]


def test_another_tenant_sees_and_signs_nothing(inside, project):
    from apps.core.tenancy import tenant

    request = ask(inside, project)
    with tenant(inside.harbor.pk):
        assert not Request.objects.filter(pk=request.pk).exists()
        with pytest.raises(NotVisible):
            policies.check_sign(inside.mallory, request)
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from approvals_request")
            assert cursor.fetchone() == (0,)
        with pytest.raises(IntegrityError), transaction.atomic():
            Conflict(request_id=request.pk, user=inside.mallory, why="x").save(force_insert=True)


def test_request_writes_one_record_and_one_mail_each(inside, project):
    from apps.work.models import Message

    before = Message.objects.count()
    ask(inside, project)
    assert Record.objects.filter(action="request.opened").count() == 1
    assert [message.to for message in Message.objects.all()[: Message.objects.count() - before]] == [inside.rhea.email]
