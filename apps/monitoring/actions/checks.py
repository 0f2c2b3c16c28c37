"""Checks: started when something is due, kept once, and what follows from them: alerts and incidents."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, Max, OuterRef, QuerySet
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Refused
from apps.core.locks import hold
from apps.monitoring import checking, policies, results
from apps.monitoring.actions.channels import announce
from apps.monitoring.actions.incidents import open_incident, open_of
from apps.monitoring.checking import Found
from apps.monitoring.models import (
    Alert,
    Baseline,
    Cause,
    Check,
    EntryKind,
    FeatureTable,
    Incident,
    IncidentEntry,
    IncidentState,
    Level,
    Monitor,
    MonitorKind,
    SegmentResult,
    Severity,
)
from apps.monitoring.signals import drift_found, performance_fell
from apps.monitoring.windows import Window, some_before
from apps.work import jobs
from apps.work.models import Job

CAUSES = {
    "drift": Cause.DRIFT,
    "null": Cause.PIPELINE,
    "unseen": Cause.PIPELINE,
    "outside": Cause.PIPELINE,
    "performance": Cause.PERFORMANCE,
    "errors": Cause.ERRORS,
    "latency": Cause.LATENCY,
    "silence": Cause.SILENCE,
    "feedback": Cause.FEEDBACK,
    "value": Cause.VALUE,
    "segments": Cause.SEGMENTS,
    "fairness": Cause.SEGMENTS,
    "contents": Cause.DRIFT,
}
AT_ONCE = {Cause.SILENCE, Cause.VALUE}  # one bad reading is news: there are no windows to wait for


def start_check(*, monitor: Monitor, by: Any) -> Job | None:
    """Have a worker check every window that is due; None when nothing is, or a check is under way."""
    policies.check_run(by, monitor)
    hold(f"check {monitor.pk}")
    last = jobs.newest(monitor)
    if last is not None and last.is_open:
        return None
    windows = len(checking.due(monitor))
    return _start(monitor=monitor, windows=windows, by=by) if windows else None


def run_now(*, monitor: Monitor, by: Any) -> Job:
    """The same at somebody's wish: says so when there is nothing to check."""
    job = start_check(monitor=monitor, by=by)
    if job is None:
        raise Refused("There is nothing to check: every complete window is checked, or a check is under way.")
    return job


@action
def _start(*, monitor: Monitor, windows: int, by: Any) -> Job:
    job = jobs.start(
        kind="monitoring.check",
        subject=monitor,
        title=f"Check {monitor}",
        by=by,
        queue="monitoring",
        url=monitor.get_absolute_url(),
    )
    record(by=by, action="check.started", subject=monitor, details={"windows": windows})
    return job


@action
def keep_checks(*, monitor: Monitor, found: list[Found], by: Any) -> list[Check]:
    """Keep what a worker computed, window by window, and let alerts and incidents follow as if time had passed."""
    monitor = Monitor.objects.select_for_update(of=("self",)).get(pk=monitor.pk)
    kept = []
    for one in sorted(found, key=lambda one: one.due.window):
        if _is_kept(monitor, one):
            continue  # a sweep was faster
        check = _keep(monitor, one)
        kept.append(check)
        if not _is_overtaken(check):
            _follow(monitor, check, by)
    newest = Check.objects.filter(monitor=monitor, is_current=True).order_by("-end_at", "-id").first()
    if newest is not None:
        monitor.level, monitor.checked_until = newest.level, newest.end_at
    monitor.checked_at = timezone.now()
    monitor.save()
    levels = {f"{check.start_at:%Y-%m-%dT%H:%M}": check.level for check in kept}
    record(by=by, action="monitor.checked", subject=monitor, details={"windows": levels})
    return kept


def _is_kept(monitor: Monitor, one: Found) -> bool:
    same = Check.objects.filter(monitor=monitor, baseline_id=one.due.baseline_id, is_current=True)
    window = one.due.window
    return same.filter(start_at=window.start, end_at=window.end, changes=one.due.changes).exists()


def _keep(monitor: Monitor, one: Found) -> Check:
    window, revision = one.due.window, 1
    same = Check.objects.filter(
        monitor=monitor, baseline_id=one.due.baseline_id, start_at=window.start, end_at=window.end
    )
    if same.exists():
        revision += same.aggregate(newest=Max("revision"))["newest"]
        same.filter(is_current=True).update(is_current=False)
    check = check_of(monitor, one, revision)
    check.save(force_insert=True)
    if one.features:
        FeatureTable(check_run=check, data=one.features, indexes=one.indexes).save(force_insert=True)
    SegmentResult.objects.bulk_create(
        [SegmentResult(check_run=check, rank=rank, **given) for rank, given in enumerate(one.segments, start=1)]
    )
    return check


def check_of(monitor: Monitor, one: Found, revision: int = 1) -> Check:
    """The row of what was found, not yet saved."""
    return Check(
        monitor=monitor,
        baseline_id=one.due.baseline_id,
        start_at=one.due.window.start,
        end_at=one.due.window.end,
        windows=one.windows,
        revision=revision,
        level=one.level,
        signals=one.signals,
        rows=one.rows,
        rows_reference=one.rows_reference,
        changes=one.due.changes,
        result=one.result,
    )


def _is_overtaken(check: Check) -> bool:
    """Whether it only corrects a window that newer ones of the same baseline have followed, or looks again at one with
    a newer baseline.
    """
    if _with_earlier_baselines(check).filter(start_at=check.start_at, end_at=check.end_at).exists():
        return True
    newer = Check.objects.filter(monitor_id=check.monitor_id, baseline_id=check.baseline_id, is_current=True)
    return check.revision > 1 and newer.filter(end_at__gt=check.end_at).exists()


def _with_earlier_baselines(check: Check) -> QuerySet[Check]:
    """What the monitor saw while earlier baselines of the version held. A new normal is no news about such windows,
    though all of them are looked at with it again.
    """
    mine = Baseline.objects.filter(pk=check.baseline_id, number__gt=1).values_list("version_id", "number").first()
    if mine is None:
        return Check.objects.none()
    version_id, number = mine
    earlier = Check.objects.filter(baseline__version_id=version_id, baseline__number__lt=number)
    return earlier.filter(monitor_id=check.monitor_id)


def _follow(monitor: Monitor, check: Check, by: Any) -> None:
    """Open, continue or calm the incident of every cause that the check speaks of."""
    causes: dict[str, list[str]] = {}
    for signal, level in check.signals.items():
        causes.setdefault(CAUSES[signal], []).append(level)
    for cause in causes:
        _follow_cause(monitor, check, cause, by)


def _follow_cause(monitor: Monitor, check: Check, cause: str, by: Any) -> None:
    from apps.monitoring.engine import policy

    incident = open_of(monitor.endpoint, cause)
    history, limits = _history(monitor, check, cause), _limits(monitor, cause)
    turn = policy.move(incident is not None, history, limits)
    now = history[-1]
    if turn == policy.OPEN and _may_open(monitor, cause, history):
        _alert(monitor, check, cause, None, by, _began(monitor, check, cause, limits))
    elif incident is not None and now == Level.DRIFT:
        _alert(monitor, check, cause, incident, by)
    elif incident is not None and turn == policy.CLOSE and incident.calm_since is None and _is_over(incident, check):
        _calm(incident, check, by)


def _limits(monitor: Monitor, cause: str) -> Any:
    from apps.monitoring.engine.policy import Limits

    return Limits.read(monitor.limits | ({"open_after": 1, "among": 1} if cause in AT_ONCE else {}))


def _is_over(incident: Incident, check: Check) -> bool:
    """Whether all that raised the incident have been quiet since. Monitors that look at the same with other references
    or limits need not agree: one that never raised it, or a window before the signal, says nothing of its end.
    """
    raised = Alert.objects.filter(incident=incident).order_by("check_run__end_at")
    newest = dict(raised.values_list("monitor_id", "check_run__end_at"))
    if check.end_at <= newest.get(check.monitor_id, check.end_at):
        return False
    others = Monitor.objects.filter(pk__in=newest, is_active=True).exclude(pk=check.monitor_id)
    return all(_has_calmed(other, incident.cause) for other in others)


def _has_calmed(monitor: Monitor, cause: str) -> bool:
    """Whether the monitor's newest windows are quiet of this cause."""
    from apps.monitoring.engine import policy

    newest = Check.objects.filter(monitor=monitor, is_current=True).order_by("-end_at", "-id").first()
    if newest is None:
        return False
    return policy.move(True, _history(monitor, newest, cause), _limits(monitor, cause)) == policy.CLOSE


def _news(check: Check) -> QuerySet[Check]:
    """The windows up to this one that were looked at first with the check's own baseline."""
    before = _with_earlier_baselines(check).filter(start_at=OuterRef("start_at"), end_at=OuterRef("end_at"))
    rows = Check.objects.filter(monitor_id=check.monitor_id, baseline_id=check.baseline_id, is_current=True)
    return rows.filter(end_at__lte=check.end_at).exclude(Exists(before))


def _history(monitor: Monitor, check: Check, cause: str) -> list[str]:
    """The levels of this cause, oldest first, up to this window, since the last incident of the cause ended."""
    from apps.monitoring.engine.policy import worst

    rows = _news(check)
    ended = _last_ended(monitor, cause)
    if ended is not None:
        rows = rows.filter(created_at__gt=ended.ended_at)
    newest = rows.order_by("-end_at").values_list("start_at", "end_at", "windows", "signals")[:60]
    return [worst(_of_cause(one, cause)) for one in reversed(list(_apart(monitor, newest)))]


def _apart(monitor: Monitor, newest: Any) -> Iterator[dict[str, str]]:
    """The signals of windows that share no rows: one that had to grow speaks for those it took in."""
    until = None
    for start, end, count, signals in newest:
        if until is None or end <= until:
            yield signals
            whole = Window(start, end)
            until = some_before(whole, monitor.window, count - 1).start if count > 1 else None


def _last_ended(monitor: Monitor, cause: str) -> Incident | None:
    ended = Incident.objects.filter(model_id=monitor.endpoint.model_id, cause=cause, ended_at__isnull=False)
    return ended.order_by("-ended_at").first()


def _may_open(monitor: Monitor, cause: str, history: list[str]) -> bool:
    """What was dismissed is not raised again before the monitor has been quiet once."""
    ended = _last_ended(monitor, cause)
    return ended is None or ended.state != IncidentState.DISMISSED or Level.QUIET in history


def _began(monitor: Monitor, check: Check, cause: str, limits: Any) -> dt.datetime:
    """When the first of the windows began that together were bad enough."""
    newest = list(_news(check).order_by("-end_at").values_list("start_at", "signals")[: limits.among])
    bad = [start for start, signals in newest if Level.DRIFT in _of_cause(signals, cause)]
    return min(bad, default=check.start_at)


def _of_cause(signals: dict[str, str], cause: str) -> list[str]:
    return [level for signal, level in signals.items() if CAUSES[signal] == cause]


def _alert(
    monitor: Monitor, check: Check, cause: str, incident: Incident | None, by: Any, since: dt.datetime | None = None
) -> None:
    text, evidence, is_severe = describe(check, cause)
    severity = Severity.SEVERE if is_severe else Severity.ATTENTION
    is_new = incident is None and not monitor.is_snoozed
    if is_new:
        incident = open_incident(
            endpoint=monitor.endpoint,
            cause=cause,
            title=text,
            severity=severity,
            check=check,
            since=since,
            evidence=evidence,
            owner=monitor.owner,
            by=by,
        )
    elif incident is not None:
        _go_on(incident, check, text, severity, by)
    Alert(
        monitor=monitor,
        check_run=check,
        incident=incident,
        cause=cause,
        severity=severity,
        text=text[:300],
        is_held=monitor.is_snoozed,
    ).save(force_insert=True)
    if monitor.kind == MonitorKind.DRIFT:
        drift_found.send(Check, check=check, cause=cause, by=by)
    elif monitor.kind == MonitorKind.PERFORMANCE:
        performance_fell.send(Check, check=check, by=by)


def _go_on(incident: Incident, check: Check, text: str, severity: str, by: Any) -> None:
    IncidentEntry(incident=incident, kind=EntryKind.SIGNAL, text=text, check_run=check, written_by=by).save(
        force_insert=True
    )
    is_back = incident.calm_since is not None and check.end_at > incident.calm_since
    is_worse = severity == Severity.SEVERE and incident.severity != severity
    if is_back or is_worse:
        incident.calm_since = None if is_back else incident.calm_since
        incident.severity = severity if is_worse else incident.severity
        incident.save()
        if not check.monitor.is_snoozed:
            announce(incident, "incident.worsened" if is_worse else "incident.returned", text)


def _calm(incident: Incident, check: Check, by: Any) -> None:
    text = f"Quiet again {Window(check.start_at, check.end_at).when}."
    IncidentEntry(incident=incident, kind=EntryKind.SIGNAL, text=text, check_run=check, written_by=by).save(
        force_insert=True
    )
    incident.calm_since = check.end_at
    incident.save()
    if not check.monitor.is_snoozed:
        announce(incident, "incident.calmed", text)


def describe(check: Check, cause: str) -> tuple[str, dict[str, Any], bool]:
    """One sentence on what the check saw, the numbers behind it, and whether it is severe."""
    when = Window(check.start_at, check.end_at).when
    if check.monitor.kind == MonitorKind.CONTENTS:
        return _describe_contents(check, when)
    if cause in (Cause.DRIFT, Cause.PIPELINE):
        return _describe_features(check, cause, when)
    if cause == Cause.PERFORMANCE:
        return _describe_performance(check, when)
    if cause == Cause.SEGMENTS:
        return _describe_segments(check, when)
    result = check.result
    sentences = {
        Cause.ERRORS: lambda: f"{result['error_share']['value']:.1%} of calls failed {when}",
        Cause.LATENCY: lambda: f"5 of 100 calls took longer than {result['latency']['p95'] * 1000:.0f} ms {when}",
        Cause.SILENCE: lambda: f"No prediction has arrived for {result['hours']} hours",
        Cause.FEEDBACK: lambda: f"Users rate the predictions {result['rating']['value']:.1f} of 5 {when}",
        Cause.VALUE: lambda: _missed(result["readings"]),
    }
    return (
        sentences[Cause(cause)](),
        {key: result[key] for key in result if key not in ("definitions", "limits")},
        False,
    )


def _missed(readings: list[dict[str, Any]]) -> str:
    short = [one for one in readings if one["level"] == Level.DRIFT]
    named = ", ".join(
        f"{one['metric']} is {one['value']:g} {one['unit']} of {one['target']:g}".replace("  ", " ") for one in short
    )
    return f"The promise is not kept: {named}"


def _describe_features(check: Check, cause: str, when: str) -> tuple[str, dict[str, Any], bool]:
    rows = results.of_check(check)
    if cause == Cause.DRIFT:
        moved = [row for row in rows if row.result["signals"].get("drift") == Level.DRIFT]
        named = ", ".join(f"{_name(row.feature)} (PSI {row.psi:.2f})" for row in moved[:3])
        verb = "has moved" if len(moved) == 1 else "have moved"
        evidence = {"features": [{"feature": row.feature, "psi": row.psi, "q": row.q} for row in moved]}
        is_severe = any(row.role != "input" or row.result.get("is_severe") for row in moved)
        more = f" and {len(moved) - 3} more" if len(moved) > 3 else ""
        return f"{named}{more} {verb} {when}", evidence, is_severe
    faults = [
        {"feature": row.feature, "signal": name, **row.result[name]}
        for row in rows
        for name in ("null", "unseen", "outside")
        if row.result["signals"].get(name) == Level.DRIFT
    ]
    words = {"null": "missing", "unseen": "never seen before", "outside": "out of range"}
    told = [f"{one['current']:.0%} of {_name(one['feature'])} {words[one['signal']]}" for one in faults[:3]]
    fell = [f", not {one['reference']:.0%}" if one["current"] < one["reference"] else "" for one in faults]
    named = ", ".join(f"{now}{before}" for now, before in zip(told, fell, strict=False))
    more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
    return f"{named}{more} {when}", {"features": faults}, any(one["signal"] == "null" for one in faults)


def _describe_contents(check: Check, when: str) -> tuple[str, dict[str, Any], bool]:
    """Which texts and embeddings can be told from those of the reference."""
    moved = [row for row in check.result["columns"] if row["level"] == Level.DRIFT]
    named = " and ".join(f"{row['column']} (AUC {row['auc']:.2f})" for row in moved)
    names = ("column", "kind", "auc", "low", "high", "q", "distance", "distance_p")
    evidence = [{name: row[name] for name in names if name in row} for row in moved]
    return f"{named} can be told from the reference {when}", {"columns": evidence}, False


def _describe_planned(
    broken: list[dict[str, Any]], result: dict[str, Any], when: str
) -> tuple[str, dict[str, Any], bool]:
    """What is under a threshold of the validation plan."""
    told = [f"{row['metric'].upper()} is {row['value']:.3f}, under the {row['fail']:g} of validation" for row in broken]
    evidence = {"metric": broken[0]["metric"], "planned": broken, "coverage": result["coverage"]}
    return f"{' and '.join(told)}, {when}", evidence, True


def _describe_segments(check: Check, when: str) -> tuple[str, dict[str, Any], bool]:
    bad = [row for row in check.segments.all() if row.level == Level.DRIFT]
    told = [f"{row.column} {row.value} ({_differs(row.result)})" for row in bad]
    more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
    verb = "fares" if len(bad) == 1 else "fare"
    is_severe = any(row.result["signals"].get("fairness") == Level.DRIFT for row in bad)
    evidence = {
        "segments": [
            {"column": row.column, "value": row.value, "rows": row.rows, "why": _differs(row.result)} for row in bad
        ]
    }
    return f"{', '.join(told[:3])}{more} {verb} differently {when}", evidence, is_severe


def _differs(result: dict[str, Any]) -> str:
    """The first thing that makes a segment different, in a few words."""
    fair = result.get("fairness") or {}
    words = {
        "impact_ratio": "impact ratio {:.2f}",
        "true_positive_difference": "true positive rate {:+.2f}",
        "false_positive_difference": "false positive rate {:+.2f}",
    }
    for name, word in words.items():
        if result["signals"].get("fairness") == Level.DRIFT and fair.get("signals", {}).get(name) == Level.DRIFT:
            return word.format(fair[name]["value"])
    if result["drift"]["level"] == Level.DRIFT and result["drift"]["features"]:
        most = result["drift"]["features"][0]
        return f"PSI of {_name(most['feature'])} {most['psi']:.2f}"
    return "predictions are worse" if result["level"] == Level.DRIFT else "another mix"


def _name(feature: str) -> str:
    return {"_score": "the score", "_prediction": "the prediction"}.get(feature, feature)


def _fallen(result: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The measure that is worse than the reference by more than the limit, and how much: the headline measure before
    the gain of rankings.
    """
    lists = result.get("lists") or {}
    found = [(result["metric"], result["worse"]), (f"ndcg@{lists.get('top')}", lists.get("worse"))]
    return next(((name, worse) for name, worse in found if worse and worse["level"] == Level.DRIFT), None)


def _describe_performance(check: Check, when: str) -> tuple[str, dict[str, Any], bool]:
    result = check.result
    broken = [row for row in result.get("planned", []) if row["level"] == Level.DRIFT]
    fell = _fallen(result)
    if broken and fell is None:
        return _describe_planned(broken, result, when)
    metric, worse = fell or (result["metric"], result["worse"])
    now, before = result["realised"][metric], result["reference"][metric]
    text = f"{metric.upper()} fell from {before['value']:.3f} to {now['value']:.3f} {when}"
    if metric in ("rmse", "mae"):
        text = text.replace("fell", "rose")
    evidence = {"metric": metric, "now": now, "reference": before, "worse": worse, "coverage": result["coverage"]}
    return text, evidence, worse["by"] >= 2 * worse["limit"]
