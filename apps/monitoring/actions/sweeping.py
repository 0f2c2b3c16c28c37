"""The sweep: what is due of many monitors, checked and kept together. Few of thousands have anything to tell."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.tenancy import current
from apps.monitoring import policies, sweeping
from apps.monitoring.actions.checks import check_of, keep_checks, start_check
from apps.monitoring.checking import Found
from apps.monitoring.models import Check, FeatureTable, Incident, Level, Monitor
from apps.monitoring.models.incidents import STILL_OPEN
from apps.organizations.models import Organization
from apps.work.models import UNDER_WAY, Job

KEPT = ["level", "checked_until", "checked_at"]


def sweep(*, monitors: Sequence[Monitor], by: Any) -> int:
    """Check what is due of some monitors; returns how many windows were checked here.

    Plain windows are checked at once and what is quiet among them is kept at once. Whatever has something to tell is
    kept monitor by monitor, and all other work is given to jobs, as somebody who wishes a check would.
    """
    for monitor in monitors:
        policies.check_run(by, monitor)
    open_jobs = Job.objects.filter(subject_id__in=[one.pk for one in monitors], state__in=UNDER_WAY)
    busy = set(open_jobs.values_list("subject_id", flat=True))
    plans = sweeping.due([one for one in monitors if sweeping.is_plain(one) and one.pk not in busy])
    apart = [plan.monitor for plan in plans if not plan.is_plain]
    for monitor in [*(one for one in monitors if not sweeping.is_plain(one)), *apart]:
        start_check(monitor=monitor, by=by)
    found = sweeping.check([plan for plan in plans if plan.is_plain])
    told = _telling(found)
    for monitor, results in found:
        if monitor.pk in told:
            keep_checks(monitor=monitor, found=results, by=by)
    calm = [(monitor, results) for monitor, results in found if monitor.pk not in told]
    if calm:
        keep_calm(found=calm, by=by)
    return sum(len(results) for _, results in found)


def _telling(found: Sequence[tuple[Monitor, list[Found]]]) -> set[Any]:
    """Monitors with something over its limit, with an incident that may calm down, or with a window checked before."""
    loud = {monitor.pk for monitor, results in found if any(one.level == Level.DRIFT for one in results)}
    models = {monitor.endpoint.model_id for monitor, _ in found}
    uneasy = set(Incident.objects.filter(model_id__in=models, state__in=STILL_OPEN).values_list("model_id", flat=True))
    loud |= {monitor.pk for monitor, _ in found if monitor.endpoint.model_id in uneasy}
    since = min((one.due.window.start for _, results in found for one in results), default=timezone.now())
    fields = ("monitor_id", "start_at", "end_at", "baseline_id")
    checked = Check.objects.filter(monitor__in=[monitor for monitor, _ in found], start_at__gte=since)
    known = set(checked.values_list(*fields))
    for monitor, results in found:
        windows = [(monitor.pk, one.due.window.start, one.due.window.end, one.due.baseline_id) for one in results]
        if known.intersection(windows):
            loud.add(monitor.pk)
    return loud


@action
def keep_calm(*, found: Sequence[tuple[Monitor, list[Found]]], by: Any) -> list[Check]:
    """Keep first checks that raise nothing: no alert and no incident can follow from them."""
    checks, tables, levels = [], [], {}
    for monitor, results in found:
        for one in sorted(results, key=lambda one: one.due.window):
            checks.append(check_of(monitor, one))
            tables.append(FeatureTable(check_run=checks[-1], data=one.features, indexes=one.indexes))
            if monitor.checked_until is None or one.due.window.end >= monitor.checked_until:
                monitor.level, monitor.checked_until = one.level, one.due.window.end
        monitor.checked_at = timezone.now()
        levels[str(monitor.pk)] = {f"{one.due.window.start:%Y-%m-%dT%H:%M}": one.level for one in results}
    Check.objects.bulk_create(checks)
    FeatureTable.objects.bulk_create(tables)
    # What a monitor saw last is no setting of it: every check of it is kept, so it needs no history.
    monitors: QuerySet[Monitor] = QuerySet(Monitor)
    monitors.bulk_update([monitor for monitor, _ in found], KEPT, batch_size=100)
    record(by=by, action="monitors.checked", subject=Organization.objects.get(pk=current()), details={"levels": levels})
    return checks
