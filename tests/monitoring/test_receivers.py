"""What monitoring hears: served predictions, registered versions, endpoints turned off; what it tells validation."""

import datetime as dt
import uuid

from apps.deployments import actions as deployments
from apps.deployments.recording import Recorded
from apps.deployments.signals import predictions_recorded
from apps.models.models import ModelVersion
from apps.monitoring import actions, calls
from apps.monitoring.models import Baseline, Batch, Monitor, MonitorKind, Prediction, ServiceReading, State
from apps.monitoring.periods import Period
from apps.validation.signals import gathering_objectives, gathering_watch
from apps.work.models import Schedule
from tests.monitoring.field import INPUTS, START, Field
from tests.projects.factories import project_at
from tests.support import deliver

NOW = dt.datetime(2026, 11, 20, 10, 30, tzinfo=dt.UTC)


def recorded(field, rows, call=None, **more):
    """Predictions as the recorder announces them."""
    call = call or uuid.uuid4()
    return [
        Recorded(
            id=uuid.uuid4(),
            endpoint_id=field.endpoint.pk,
            version_id=field.version.pk,
            prediction_id=row["prediction_id"],
            call=call,
            row=number,
            request_id="",
            at=NOW,
            event_at=dt.datetime.fromisoformat(row["event_time"]),
            seconds=0.02,
            inputs={name: row[name] for name in INPUTS},
            outputs={"score": row["score"], "label": row["score"] >= 0.5},
            **({"status": "ok"} | more),
        )
        for number, row in enumerate(rows, start=1)
    ]


def announce(field, predictions):
    predictions_recorded.send(
        sender=None, endpoint_id=field.endpoint.pk, version_id=field.version.pk, predictions=predictions
    )
    deliver(field.cast.meridian)


def states():
    return {row.start_at: bytes(row.data) for row in State.objects.filter(kind="predictions")}


def test_served_predictions_end_in_the_same_states_as_sent_ones(field):
    rows, _ = field.rows(60)
    field.send("predictions", rows)
    sent = states()
    State.objects.all().delete()
    Prediction.objects.all().delete()
    announce(field, recorded(field, rows[:25]) + recorded(field, rows[25:]))
    assert states() == sent
    batch = Batch.objects.get(source="served")
    assert (batch.state, batch.rows, batch.refused) == ("reduced", 60, 0)


def test_served_and_sent_predictions_of_one_id_count_once(field):
    rows, outcomes = field.rows(20)
    announce(field, recorded(field, rows))
    batch = field.send("predictions", rows)
    assert batch.repeated == 20
    field.send("outcomes", outcomes)
    assert sum(State.objects.filter(kind="outcomes").values_list("rows", flat=True)) == 20


def test_served_predictions_without_values_or_repeated_are_not_counted(field):
    rows, _ = field.rows(6)
    announce(
        field,
        recorded(field, rows[:2])
        + recorded(field, rows[2:4], is_repeat=True)
        + recorded(field, rows[4:], status="failed", error="broken"),
    )
    assert Prediction.objects.count() == 2


def test_calls_are_counted_by_the_hour_they_were_answered_in(field):
    rows, _ = field.rows(7)
    announce(field, recorded(field, rows[:5]) + recorded(field, rows[5:6], status="refused"))
    announce(field, recorded(field, rows[6:], status="failed"))
    hour = ServiceReading.objects.get()
    assert (hour.start_at, hour.calls, hour.refused, hour.failed, hour.predictions) == (
        NOW.replace(minute=0), 3, 1, 1, 5,
    )  # fmt: skip
    assert sum(hour.latencies) == 1


def test_served_predictions_with_missing_inputs_are_counted_as_missing(field):
    rows, _ = field.rows(10)
    for row in rows:
        row["dep_delay"] = None
    announce(field, recorded(field, rows))
    assert Prediction.objects.count() == 10


def test_endpoint_turned_off_stops_its_monitors_and_their_schedules(field):
    actions.set_up_usual(endpoint=field.endpoint, by=field.cast.otto)
    deployments.turn_off(endpoint=field.endpoint, reason="Replaced", by=field.cast.otto)
    assert not Monitor.objects.filter(is_active=True).exists()
    planned = Schedule.objects.filter(task__startswith="monitoring.", is_active=True)
    assert not planned.exclude(subject_id=field.cast.meridian.pk).exists()


def test_registered_version_gets_its_baseline_from_its_training(cast):
    from apps.core.tenancy import tenant
    from tests.models import factories

    with tenant(cast.meridian.pk):
        project = project_at(cast, "approved", key="other")
        version = factories.draft(cast, factories.model_of(cast, project, key="other"))
    deliver(cast.meridian)
    with tenant(cast.meridian.pk):
        baseline = Baseline.objects.get(version=version)
        assert (baseline.number, baseline.source, baseline.dataset_version) == (1, "training", version.dataset_version)
        assert baseline.rows == version.dataset_version.rows
        assert baseline.has_labels
        assert baseline.reason == ""


def test_later_checks_use_the_schedule(field):
    monitor = field.monitor()
    field.fly(300, labelled=False)
    field.fly(1, START + dt.timedelta(days=1), labelled=False)
    from apps.monitoring.tasks import run_monitor

    run_monitor.run(str(field.cast.meridian.pk), str(monitor.pk))
    deliver(field.cast.meridian)
    assert monitor.checks.count() == 1
    assert Schedule.objects.get(subject_id=monitor.pk).task == "monitoring.run_monitor"


def objectives(version):
    """What the endpoints of the version's model have to answer within, as a validation asks for it."""
    found = []
    gathering_objectives.send(sender=ModelVersion, version=version, objectives=found)
    return sorted(found, key=lambda one: one["endpoint"])


def test_objectives_are_the_limits_of_latency_at_the_endpoints_of_the_model_alone(field):
    assert objectives(field.version) == []
    field.monitor(MonitorKind.SERVICE, limits={"latency": 0.25})
    field.monitor(MonitorKind.DRIFT)
    second = field.shop.endpoint(key="second", environment=field.shop.staging)
    other = Field(field.cast, with_baseline=False, key="other")
    for endpoint, limits in [(second, {}), (other.endpoint, {"latency": 3.0})]:
        actions.create_monitor(endpoint=endpoint, kind=MonitorKind.SERVICE, limits=limits, by=field.cast.otto)
    assert objectives(field.version) == [
        {"endpoint": "late-arrivals", "ms": 250},
        {"endpoint": "second", "ms": 500},
    ]
    assert objectives(other.version) == [{"endpoint": "other", "ms": 3000}]


def test_objectives_of_an_endpoint_that_is_off_are_none(field):
    field.monitor(MonitorKind.SERVICE)
    assert objectives(field.version) == [{"endpoint": "late-arrivals", "ms": 500}]
    deployments.turn_off(endpoint=field.endpoint, reason="Replaced", by=field.cast.otto)
    assert objectives(field.version) == []


def test_a_paused_monitor_of_the_service_is_no_objective_and_draws_no_limit(field):
    monitor = field.monitor(MonitorKind.SERVICE, limits={"latency": 0.25})
    stretches = [calls.Calls(START, 10, 0, 0, 10, {50: 0.1, 95: 0.2, 99: 0.3})]
    day = Period(START, START + dt.timedelta(days=1))
    assert "limit 250 ms" in str(calls.drawn(stretches, day, [monitor], [])[0].svg)
    paused = actions.pause_monitor(monitor=monitor, reason="Being moved.", by=field.cast.otto)
    assert objectives(field.version) == []
    assert "limit" not in str(calls.drawn(stretches, day, [paused], [])[0].svg)


def test_watch_counts_the_active_monitors_where_the_model_answers(field):
    def watched():
        found = []
        gathering_watch.send(sender=ModelVersion, version=field.version, watched=found)
        return found

    assert watched() == [{"endpoint": "late-arrivals", "monitors": 0}]
    monitor = field.monitor(MonitorKind.DRIFT)
    assert watched() == [{"endpoint": "late-arrivals", "monitors": 1}]
    monitor.is_active = False
    monitor.save()
    assert watched() == [{"endpoint": "late-arrivals", "monitors": 0}]
    deployments.turn_off(endpoint=field.endpoint, reason="Replaced", by=field.cast.otto)
    assert watched() == []
