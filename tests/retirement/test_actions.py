"""Retirement: refused while somebody would be left without an answer, proven quiet, put away with its hash."""

import copy
import datetime as dt
import io
import json
import zipfile

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.approvals import actions as approvals
from apps.audit.chain import faults
from apps.audit.models import Record
from apps.core import files
from apps.core.errors import Conflict, DomainError, IllegalMove, Invalid, NotVisible, Refused
from apps.deployments import actions as deployments
from apps.deployments.models import EndpointState
from apps.discussions.models import Notice
from apps.models import actions as models
from apps.models.models import VersionState
from apps.monitoring import actions as monitoring
from apps.projects import actions as projects
from apps.retirement import actions, measuring
from apps.retirement.models import PLAN_STATES, Disposition, DrainReading, PlanState, RetirementPlan
from apps.work.models import Job, Message, Schedule
from tests.retirement.office import QUIET
from tests.support import deliver


@pytest.fixture
def office(inside, office_once):
    return copy.deepcopy(office_once)


def last_record(plan):
    return Record.objects.filter(subject_id=str(plan.pk)).first()


# --- planning


def test_plan_is_numbered_and_recorded(office):
    plan = office.plan()
    assert (plan.number, plan.state, str(plan)) == (1, PlanState.PLANNED, "Retirement of Late arrivals version 1")
    actions_ = Record.objects.filter(subject_id=str(plan.pk)).values_list("action", flat=True)
    assert list(actions_) == ["retirement.consumer_added", "retirement.planned"]
    assert plan.hold_until > timezone.localdate() + dt.timedelta(days=3650)


@pytest.mark.parametrize(
    ("name", "error"),
    [("dario", Refused), ("vera", Refused), ("wim", Refused), ("audrey", Refused), ("mina", NotVisible)],
)
def test_plan_is_for_who_may_retire(office, name, error):
    with pytest.raises(error):
        office.plan(by=getattr(office.cast, name))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"quiet_for": dt.timedelta()}, "quiet_for"),
        ({"quiet_for": dt.timedelta(days=91)}, "quiet_for"),
        ({"notice_days": 731}, "notice_days"),
        ({"hold_until": dt.date(2020, 1, 1)}, "hold_until"),
    ],
)
def test_plan_names_the_terms_that_do_not_fit(office, given, field):
    with pytest.raises(Invalid) as caught:
        office.plan(**given)
    assert list(caught.value.fields) == [field]


def test_plan_refuses_a_successor_that_cannot_follow(office):
    tried = office.shop.version(3, state="validated")
    for given, field in (
        ({"successor_version": office.old}, "successor_version"),
        ({"successor_version": tried}, "successor_version"),
        ({"successor_version": None, "successor_model": office.model}, "successor_model"),
        ({"version": None}, "successor_version"),
    ):
        with pytest.raises(Invalid) as caught:
            office.plan(**given)
        assert list(caught.value.fields) == [field]


def test_plan_twice_is_refused_by_policy_and_database(office):
    plan = office.plan()
    with pytest.raises(Conflict, match="under way already: plan 1"):
        office.plan()
    twin = RetirementPlan(
        number=2,
        model=plan.model,
        version=plan.version,
        reason="x",
        hold_until=plan.hold_until,
        planned_by=plan.planned_by,
    )
    with pytest.raises(IntegrityError, match="retirement_plan_open"), transaction.atomic():
        twin.save(force_insert=True)
    with pytest.raises(Conflict, match="under way already"):
        office.plan(version=office.new, successor_version=None) and office.whole() and office.plan(version=office.new)


def test_change_ends_the_approval(office):
    plan = office.at(PlanState.APPROVED)
    changed = actions.change(plan=plan, changes={"notice_days": 5}, by=office.cast.otto)
    assert (changed.state, changed.approval.state) == (PlanState.PLANNED, "invalidated")
    with pytest.raises(Invalid, match="Nothing was changed"):
        actions.change(plan=plan, changes={"notice_days": 5}, by=office.cast.otto)
    with pytest.raises(Invalid, match="cannot be changed"):
        actions.change(plan=plan, changes={"state": "off"}, by=office.cast.otto)


def test_added_consumer_ends_an_open_request(office):
    plan = office.plan()
    request = actions.request_approval(plan=plan, by=office.cast.otto)
    actions.add_consumer(plan=plan, name="Crew planning", email="crew@partner.example", by=office.cast.otto)
    request.refresh_from_db()
    assert request.state == "invalidated"


@pytest.mark.parametrize(
    "given", [{}, {"contact": "mina", "email": "a@b.example"}, {"name": " "}, {"contact": "mallory"}]
)
def test_consumer_is_reached_in_one_way(office, given):
    plan = office.plan()
    if "contact" in given:
        given = {**given, "contact": getattr(office.cast, given["contact"])}
    with pytest.raises(Invalid):
        actions.add_consumer(**({"plan": plan, "name": "Crew", "by": office.cast.otto} | given))


# --- refused while somebody would be left without an answer


def test_only_champion_of_a_live_endpoint_without_successor_is_refused(office):
    plan = office.plan(version=office.new, successor_version=None)
    with pytest.raises(Refused) as caught:
        actions.request_approval(plan=plan, by=office.cast.otto)
    assert "is the only champion of the live endpoint late-arrivals, and nothing follows it." in caught.value.sentence
    assert "Name the version that follows." in caught.value.sentence


def test_whole_model_without_successor_needs_a_reason(office):
    plan = office.whole(without_successor="")
    with pytest.raises(Refused, match="say why nothing follows"):
        actions.request_approval(plan=plan, by=office.cast.otto)
    actions.change(plan=plan, changes={"without_successor": "The route is closed."}, by=office.cast.otto)
    assert actions.request_approval(plan=plan, by=office.cast.otto).is_open


def test_version_that_still_answers_is_not_drained(office):
    deployments.roll_back(endpoint=office.endpoint, reason="Worse.", by=office.cast.otto)
    plan = office.walk(office.plan(version=office.new, successor_version=office.old), PlanState.NOTIFIED)
    actions.acknowledge(consumer=plan.consumers.get(), by=office.cast.mina)
    with pytest.raises(Refused, match="still answers at late-arrivals"):
        actions.start_draining(plan=plan, by=office.cast.otto)


def test_recent_traffic_without_a_named_consumer_is_refused(office):
    plan = office.plan()
    office.ask(office.old)
    actions.remove_consumer(consumer=plan.consumers.get(), reason="No.", by=office.cast.otto)
    with pytest.raises(Refused, match="but no consumer is named"):
        actions.request_approval(plan=plan, by=office.cast.otto)


def test_signing_is_refused_when_nothing_would_answer_by_now(office):
    plan = office.plan(successor_version=None)
    request = actions.request_approval(plan=plan, by=office.cast.otto)
    deployments.roll_back(endpoint=office.endpoint, reason="Worse.", by=office.cast.otto)
    with pytest.raises(DomainError):
        approvals.sign(request=request, by=office.cast.bianca, confirmed=True)


def test_unacknowledged_consumer_stops_the_drain(office):
    plan = office.at(PlanState.NOTIFIED)
    with pytest.raises(Refused, match=r"Not every consumer has acknowledged: Gate planning \(Mina\)"):
        actions.start_draining(plan=plan, by=office.cast.otto)
    actions.acknowledge(consumer=plan.consumers.get(), note="We use version 2.", by=office.cast.mina)
    assert actions.start_draining(plan=plan, by=office.cast.otto).state == PlanState.DRAINING


def test_consumer_added_while_it_drains_is_told_and_stops_the_end(office):
    plan = office.at(PlanState.DRAINED)
    consumer = actions.add_consumer(plan=plan, name="Crew", contact=office.cast.wim, by=office.cast.otto)
    assert consumer.notified_at is not None
    with pytest.raises(Refused, match="Not every consumer"):
        actions.turn_off(plan=plan, by=office.cast.otto)


def test_notice_must_have_passed(office):
    plan = office.at(PlanState.NOTIFIED, notice_days=10)
    actions.acknowledge(consumer=plan.consumers.get(), by=office.cast.mina)
    with pytest.raises(Refused, match="The notice runs until"):
        actions.start_draining(plan=plan, by=office.cast.otto)


# --- notice and acknowledgement


def test_notice_goes_to_every_consumer_by_mail(office):
    plan = office.plan()
    actions.add_consumer(plan=plan, name="Partner", email="crew@partner.example", by=office.cast.otto)
    office.walk(plan, PlanState.NOTIFIED)
    told = Message.objects.filter(subject__contains="will be turned off")
    assert {message.to for message in told} == {office.cast.mina.email, "crew@partner.example"}
    assert (
        f"/retirement/1/consumers/{plan.consumers.get(name='Gate planning').pk}/"
        in told.get(to=office.cast.mina.email).text
    )
    assert "write to Otto" in told.get(to="crew@partner.example").text


def test_acknowledge_is_for_the_contact_alone(office):
    consumer = office.at(PlanState.NOTIFIED).consumers.get()
    with pytest.raises(Refused, match="Only Mina can acknowledge"):
        actions.acknowledge(consumer=consumer, by=office.cast.otto, note="She said so.")
    with pytest.raises(NotVisible):
        actions.acknowledge(consumer=consumer, by=office.cast.mallory)
    assert actions.acknowledge(consumer=consumer, by=office.cast.mina).acknowledged_by == office.cast.mina
    with pytest.raises(Conflict, match="already"):
        actions.acknowledge(consumer=consumer, by=office.cast.mina)
    text = "Every consumer of Late arrivals version 1 has acknowledged its end"
    assert Notice.objects.filter(user=office.cast.otto, text=text).exists()


def test_acknowledge_for_somebody_outside_says_how_they_did(office):
    plan = office.plan()
    consumer = actions.add_consumer(plan=plan, name="Partner", email="crew@partner.example", by=office.cast.otto)
    office.walk(plan, PlanState.NOTIFIED)
    with pytest.raises(Invalid, match="Say how they acknowledged"):
        actions.acknowledge(consumer=consumer, by=office.cast.otto)
    kept = actions.acknowledge(consumer=consumer, note="Mail of 3 March.", by=office.cast.otto)
    assert (kept.acknowledged_by, kept.note) == (office.cast.otto, "Mail of 3 March.")
    kept.note = ""
    with pytest.raises(IntegrityError, match="retirement_consumer_evidence"), transaction.atomic():
        kept.save()


def test_acknowledge_before_notice_is_refused(office):
    with pytest.raises(IllegalMove, match="no notice"):
        actions.acknowledge(consumer=office.plan().consumers.get(), by=office.cast.mina)


# --- the proof


def test_traffic_is_counted_until_a_whole_window_is_quiet(office):
    plan = office.at(PlanState.DRAINING, quiet_for=dt.timedelta(minutes=10))
    deliver(office.cast.meridian)
    assert DrainReading.objects.get().is_quiet is False  # version 2 took over just now: no window is whole yet

    office.an_hour_later(plan)
    office.ask(office.old, timezone.now() - dt.timedelta(minutes=1))
    office.ask(office.new, timezone.now() - dt.timedelta(minutes=1))
    actions.measure(plan=plan, by=office.cast.otto)
    deliver(office.cast.meridian)
    busy = DrainReading.objects.first()
    assert (busy.predictions, busy.is_quiet) == (1, False)
    plan.refresh_from_db()
    assert plan.state == PlanState.DRAINING


def test_quiet_window_proves_it_and_tells_who_may_turn_it_off(office):
    plan = office.at(PlanState.DRAINED)
    reading = DrainReading.objects.get(is_quiet=True)
    assert (reading.predictions, reading.waiting, plan.drained_at) == (0, 0, reading.until)
    assert reading.until - reading.since == QUIET
    assert Notice.objects.filter(user=office.cast.otto, text__startswith="Turn it off now").exists()


def test_waiting_records_prove_nothing(office):
    from apps.deployments.models import ServerCounter

    plan = office.walk(office.whole(), PlanState.DRAINING)
    ServerCounter(server="host", endpoint=office.endpoint, kept=5, recorded=3, updated_at=timezone.now()).save()
    office.an_hour_later(plan)
    deliver(office.cast.meridian)
    reading = DrainReading.objects.get()
    assert (reading.waiting, reading.is_quiet) == (2, False)


def test_traffic_that_comes_back_undoes_the_proof(office):
    plan = office.at(PlanState.DRAINED)
    office.ask(office.old)
    with pytest.raises(Refused, match="1 predictions came since it was quiet"):
        actions.turn_off(plan=plan, by=office.cast.otto)
    actions.measure(plan=plan, by=office.cast.otto)
    deliver(office.cast.meridian)
    plan.refresh_from_db()
    assert (plan.state, plan.drained_at) == (PlanState.DRAINING, None)


def test_turn_off_without_proof_is_refused(office):
    with pytest.raises(Refused, match="Zero traffic is not proven yet"):
        actions.turn_off(plan=office.at(PlanState.DRAINING), by=office.cast.otto)


def test_reading_that_says_quiet_with_calls_is_refused_by_the_database(office):
    plan = office.at(PlanState.DRAINING)
    now = timezone.now()
    forged = DrainReading(plan=plan, since=now - QUIET, until=now, predictions=1, is_quiet=True)
    with pytest.raises(IntegrityError, match="retirement_reading_quiet"), transaction.atomic():
        forged.save(force_insert=True)


def test_schedule_counts_while_it_drains_and_stops_with_it(office):
    plan = office.at(PlanState.DRAINING)
    assert Schedule.objects.get(subject_id=plan.pk).is_active
    jobs = Job.objects.filter(kind="retirement.measure")
    assert jobs.count() == 1
    from apps.retirement.tasks import watch

    watch.run(str(office.cast.meridian.pk), str(plan.pk))
    assert jobs.count() == 1  # one is open already
    office._count(plan)
    watch.run(str(office.cast.meridian.pk), str(plan.pk))
    assert jobs.count() == 2
    deliver(office.cast.meridian)
    actions.turn_off(plan=plan, by=office.cast.otto)
    assert not Schedule.objects.get(subject_id=plan.pk).is_active


# --- the end


def test_version_is_sealed_with_its_hash_and_archived(office):
    plan = office.at(PlanState.ARCHIVED)
    held = Disposition.objects.get()
    office.old.refresh_from_db()
    assert (office.old.state, held.version, held.held_until) == (VersionState.ARCHIVED, office.old, plan.hold_until)
    assert held.artifact_sha256 == office.old.artifact.sha256
    with files.open_file(held.path) as stored, zipfile.ZipFile(io.BytesIO(stored.read())) as bundle:
        facts = json.loads(bundle.read("facts.json"))
        assert facts["artifact"]["sha256"] == held.artifact_sha256
        assert bundle.namelist() == ["model.onnx", "facts.json"]
        import hashlib

        assert hashlib.sha256(bundle.read("model.onnx")).hexdigest() == held.artifact_sha256
    assert office.endpoint.current.version == office.new
    assert office.champion == office.new
    assert faults() == []


def test_artifact_that_was_changed_is_not_put_away(office):
    plan = office.at(PlanState.OFF)
    other = files.store(io.BytesIO(b"something else"), folder="models", name="model.onnx")
    with connection.cursor() as cursor:
        cursor.execute("update models_artifact set path = %s where id = %s", [other.path, office.old.artifact_id])
    actions.archive(plan=plan, by=office.cast.otto)
    with pytest.raises(Conflict, match="already"):
        actions.archive(plan=plan, by=office.cast.otto)
    deliver(office.cast.meridian)
    job = Job.objects.get(kind="retirement.archive")
    assert (job.state, "is not what was registered" in job.error) == ("failed", True)
    plan.refresh_from_db()
    assert (plan.state, Disposition.objects.count()) == (PlanState.OFF, 0)


def test_whole_model_ends_with_endpoints_monitors_names_and_versions(office):
    monitor = monitoring.create_monitor(
        endpoint=office.endpoint, kind="silence", owner=office.cast.otto, by=office.cast.otto
    )
    plan = office.whole()
    office.walk(plan, PlanState.DRAINING)
    office.endpoint.refresh_from_db()
    assert office.endpoint.state == EndpointState.DRAINING
    office._count(plan)
    office._turn_off(plan)
    office.endpoint.refresh_from_db()
    monitor.refresh_from_db()
    assert (office.endpoint.state, monitor.is_active) == (EndpointState.OFF, False)
    assert not Schedule.objects.filter(subject_id=monitor.pk, is_active=True).exists()
    office._put_away(plan)
    office.model.refresh_from_db()
    assert office.model.is_retired
    assert set(office.model.versions.values_list("state", flat=True)) == {VersionState.ARCHIVED}
    assert not office.model.aliases.exists()
    assert Disposition.objects.count() == 2
    office._close(plan)
    assert last_record(plan).action == "retirement.closed"
    assert faults() == []


def test_whole_model_takes_an_operator(office):
    plan = office.walk(office.whole(), PlanState.NOTIFIED)
    actions.acknowledge(consumer=plan.consumers.get(), by=office.cast.mina)
    with pytest.raises(Refused, match="roles: operator"):
        actions.start_draining(plan=plan, by=office.cast.bianca)


def test_model_in_use_is_not_retired_past_its_plan(office):
    deployments.turn_off(endpoint=office.endpoint, reason="Now.", by=office.cast.otto)
    for endpoint in measuring.endpoints_of(RetirementPlan(model=office.model)):
        if endpoint.state != EndpointState.OFF:
            deployments.turn_off(endpoint=endpoint, reason="Now.", by=office.cast.otto)
    with pytest.raises(Conflict, match="plan its retirement"):
        models.retire_model(model=office.model, by=office.cast.bianca)


def test_project_with_a_model_in_office_is_not_ended(office):
    with pytest.raises(Conflict, match="is in office"):
        projects.retire(project=office.shop.project, reason="Over.", by=office.cast.bianca)


def test_close_needs_words_and_stands(office):
    plan = office.at(PlanState.ARCHIVED)
    with pytest.raises(Invalid, match="Say how it ended"):
        actions.close(plan=plan, summary=" ", by=office.cast.otto)
    closed = actions.close(plan=plan, summary="It went well.", by=office.cast.otto)
    assert (closed.state, closed.closed_by) == (PlanState.CLOSED, office.cast.otto)
    with pytest.raises(IllegalMove):
        actions.cancel(plan=closed, reason="Back.", by=office.cast.otto)


# --- taken back


def test_cancel_resumes_what_drains_and_tells_consumers(office):
    plan = office.walk(office.whole(), PlanState.DRAINING)
    cancelled = actions.cancel(plan=plan, reason="Still needed.", by=office.cast.otto)
    office.endpoint.refresh_from_db()
    assert (cancelled.state, office.endpoint.state) == (PlanState.CANCELLED, EndpointState.LIVE)
    assert Notice.objects.filter(user=office.cast.mina, text="Late arrivals stays in office after all").exists()
    assert office.plan().number == 2


def test_cancel_ends_an_open_request(office):
    plan = office.plan()
    request = actions.request_approval(plan=plan, by=office.cast.otto)
    with pytest.raises(Conflict, match="waits for signatures already"):
        actions.request_approval(plan=plan, by=office.cast.otto)
    actions.cancel(plan=plan, reason="Not now.", by=office.cast.otto)
    request.refresh_from_db()
    plan.refresh_from_db()
    assert (request.state, plan.state) == ("invalidated", PlanState.CANCELLED)


def test_declined_plan_stays_planned_and_can_be_asked_again(office):
    plan = office.plan()
    request = actions.request_approval(plan=plan, by=office.cast.otto)
    approvals.decline(request=request, by=office.cast.bianca, reason="Too early.", confirmed=True)
    plan.refresh_from_db()
    assert plan.state == PlanState.PLANNED
    assert last_record(plan).action == "retirement.approval_declined"
    assert actions.request_approval(plan=plan, by=office.cast.otto).is_open


STEPS = {
    PlanState.APPROVED: lambda office, plan: office._approve(plan),
    PlanState.NOTIFIED: lambda office, plan: office._notify(plan),
    PlanState.DRAINING: lambda office, plan: office._drain(plan),
    PlanState.OFF: lambda office, plan: office._turn_off(plan),
    PlanState.ARCHIVED: lambda office, plan: office._put_away(plan),
    PlanState.CLOSED: lambda office, plan: office._close(plan),
    PlanState.CANCELLED: lambda office, plan: actions.cancel(plan=plan, reason="x", by=office.cast.otto),
}


@pytest.mark.parametrize("state", PlanState)
def test_steps_follow_the_table(office, state):
    plan = office.at(state)
    for to, step in STEPS.items():
        legal = PLAN_STATES.can_move(plan, to) and not (state == PlanState.DRAINED and to == PlanState.DRAINING)
        with transaction.atomic():
            try:
                step(office, plan)
                moved = True
            except DomainError:
                moved = False
            transaction.set_rollback(True)
        assert moved == legal, to
