"""The sweep: many monitors at once give what each alone would, in a number of queries that does not grow with them."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.audit.models import Record
from apps.monitoring import actions, results
from apps.monitoring.actions import sweeping
from apps.monitoring.models import Alert, Check, FeatureTable, Incident, Monitor
from apps.monitoring.tasks import run_monitor
from apps.organizations.people import system
from apps.work import schedules
from apps.work.models import Job, OutboxMessage, Schedule
from tests.monitoring.field import START
from tests.support import deliver

DAY = dt.timedelta(days=1)
pytestmark = pytest.mark.django_db


class Older:
    """Tables of checks from before their indexes were kept beside them."""

    objects = FeatureTable.objects

    def __new__(cls, **kept):
        return FeatureTable(**kept | {"indexes": None})


def swept(field, *monitors):
    """How many windows a sweep checks by itself."""
    fresh = Monitor.objects.filter(pk__in=[one.pk for one in monitors]).select_related("endpoint__model__project")
    return actions.sweep(monitors=list(fresh), by=system())


def test_sweep_finds_what_a_job_finds(field):
    swiftly, slowly = field.monitor(name="Swiftly"), field.monitor(name="Slowly")
    for day in range(3):
        field.fly(300, START + day * DAY, labelled=False)
    field.fly(1, START + 3 * DAY, labelled=False)
    assert swept(field, swiftly) == 3
    field.run(slowly)
    kept = [Check.objects.filter(monitor=one).order_by("start_at") for one in (swiftly, slowly)]
    told = [
        [(one.start_at, one.level, one.rows, one.signals, one.result, one.changes) for one in some] for some in kept
    ]
    assert len(told[0]) == 3
    assert told[0] == told[1]
    for one, other in zip(*kept, strict=True):
        assert results.of_check(one) == results.of_check(other)
    seen = [Monitor.objects.get(pk=one.pk) for one in (swiftly, slowly)]
    assert (seen[0].level, seen[0].checked_until) == (seen[1].level, seen[1].checked_until)
    assert Record.objects.filter(body__contains='"monitors.checked"').count() == 1
    assert swept(field, swiftly) == 0


def test_indexes_kept_beside_the_tables_are_those_in_them(field, monkeypatch):
    monitor, alike = field.monitor(), field.monitor(name="Alike")
    field.fly(300, labelled=False)
    field.fly(1, START + DAY, labelled=False)
    assert swept(field, monitor) == 1
    check = Check.objects.get(monitor=monitor)
    found = {(check.pk, one.feature): one.psi for one in results.of_check(check)}
    assert results.indexes([check.pk]) == found
    monkeypatch.setattr(sweeping, "FeatureTable", Older)
    assert swept(field, alike) == 1
    older = Check.objects.get(monitor=alike)
    assert FeatureTable.objects.get(check_run=older).indexes is None
    both = results.indexes([check.pk, older.pk])
    assert both == found | {(older.pk, feature): psi for (_, feature), psi in found.items()}


def test_sweep_opens_and_calms_incidents(field):
    monitor = field.monitor(limits={"open_after": 1, "among": 1, "close_after": 1})
    field.fly(300, labelled=False)
    field.fly(300, START + DAY, labelled=False, later=8)
    field.fly(1, START + 2 * DAY, labelled=False)
    assert swept(field, monitor) == 2
    incident = Incident.objects.get()
    assert (incident.cause, Alert.objects.count(), incident.calm_since) == ("drift", 1, None)
    field.fly(300, START + 2 * DAY, labelled=False)
    field.fly(1, START + 3 * DAY, labelled=False)
    assert swept(field, monitor) == 1
    incident.refresh_from_db()
    assert incident.calm_since == START + 3 * DAY


def test_sweep_of_a_window_that_changed_is_a_new_revision(field):
    monitor = field.monitor()
    field.fly(300, labelled=False)
    field.fly(1, START + DAY, labelled=False)
    swept(field, monitor)
    field.fly(50, START, labelled=False)
    assert swept(field, monitor) == 1
    found = Check.objects.filter(monitor=monitor).order_by("revision")
    assert [(one.revision, one.is_current, one.rows) for one in found] == [(1, False, 300), (2, True, 350)]


def test_sweep_leaves_what_is_not_plain_to_a_job(field):
    few = field.monitor(name="Few rows")
    trailing = field.monitor(name="Trailing", reference="trailing", trailing=2)
    field.fly(40, labelled=False)
    field.fly(1, START + DAY, labelled=False)
    assert swept(field, few, trailing) == 0
    assert Job.objects.count() == 2
    assert swept(field, few, trailing) == 0
    assert Job.objects.count() == 2
    deliver(field.cast.meridian)
    assert sorted(Check.objects.values_list("monitor__name", flat=True)) == ["Few rows", "Trailing"]


def test_sweep_of_muted_features_raises_nothing(field):
    monitor = field.monitor(limits={"open_after": 1, "among": 1})
    until = timezone.now() + DAY
    actions.mute(monitor=monitor, signal="drift", until=until, reason="Known.", by=field.cast.otto)
    field.fly(300, labelled=False, later=8)
    field.fly(1, START + DAY, labelled=False)
    assert swept(field, monitor) == 1
    assert not Incident.objects.exists()
    assert Check.objects.get(monitor=monitor).result["muted"] == [["", "drift"]]


def test_sweep_asks_the_database_as_often_for_many_as_for_one(field):
    field.fly(300, labelled=False)
    field.fly(1, START + DAY, labelled=False)
    counts = []
    for size in (1, 8):
        monitors = [field.monitor(name=f"Monitor {size} {place}") for place in range(size)]
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert swept(field, *monitors) == size
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert FeatureTable.objects.count() == 9


def test_schedules_of_monitors_are_started_together(field):
    monitors = [field.monitor(name=f"Monitor {place}") for place in range(3)]
    field.fly(300, labelled=False)
    field.fly(1, START + DAY, labelled=False)
    due = Schedule.objects.filter(task="monitoring.run_monitor")
    for schedule in due:
        schedule.next_at = timezone.now() - dt.timedelta(hours=5)
        schedule.save()
    histories = Schedule.history.count()
    assert schedules.start_due() >= 3
    message = OutboxMessage.objects.get(task="monitoring.run_monitor")
    assert sorted(message.arguments) == sorted(str(one.pk) for one in monitors)
    now = timezone.now()
    assert all(now < one.next_at <= now + one.every and one.last_at <= now for one in due.all())
    assert Schedule.history.count() == histories
    run_monitor.run(str(field.cast.meridian.pk), *message.arguments)
    assert Check.objects.count() == 3
