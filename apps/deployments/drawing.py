"""The charts of an endpoint's page."""

import datetime as dt
from typing import Any

from django.utils import timezone

from apps.core import charts, formats
from apps.core.pages import Tab
from apps.deployments import traffic
from apps.deployments.models import Deployment, Endpoint

LABELS = {"2h": "Last 2 hours", "24h": "Last 24 hours", "7d": "Last 7 days"}


def charts_of(endpoint: Endpoint, history: list[Deployment], asked: str) -> dict[str, Any]:
    """Traffic, latency and errors over a window, with what was deployed marked on the time axis."""
    newest = traffic.last_call(endpoint)
    window = asked if asked in traffic.WINDOWS else _fitting(newest)
    reach, step = traffic.WINDOWS[window]
    until = _rounded_up(timezone.now(), step)
    rows = traffic.stretches(endpoint, until - reach, until, step)
    whole = traffic.total(rows)
    if whole is None or not whole.calls:
        return {"whole": None, "windows": _windows(window), "last_call": newest}
    events = [
        charts.Event(one.started_at, f"version {one.version.number}", "attention" if one.rollback_of_id else "neutral")
        for one in history
        if one.started_at is not None and one.started_at >= until - reach
    ]
    return {
        "whole": whole,
        "p95_text": formats.measure(_milliseconds(whole.quantile(0.95)), "ms"),
        "windows": _windows(window),
        "last_call": newest,
        "traffic_chart": _traffic(rows, events),
        "latency_chart": _latency(rows, events),
        "error_chart": _errors(rows, events) if whole.failed or whole.refused else None,
    }


def _traffic(rows: list[traffic.Stretch], events: list[Any]) -> Any:
    points = [(row.start, row.predictions) for row in rows]
    return charts.line("How much is asked?", [charts.Series("Predictions", points)], events=events)


def _latency(rows: list[traffic.Stretch], events: list[Any]) -> Any:
    series = [
        charts.Series(label, [(row.start, _milliseconds(row.quantile(share))) for row in rows])
        for label, share in (("Half of the calls", 0.5), ("95 of 100 calls", 0.95))
    ]
    note = "Time from a call's arrival to its answer, by counts in slices; the recording is not part of it."
    return charts.line("How fast are the answers?", series, events=events, unit="ms", note=note)


def _errors(rows: list[traffic.Stretch], events: list[Any]) -> Any:
    series = [
        charts.Series("Failed", [(row.start, _percent(row.error_rate)) for row in rows]),
        charts.Series("Refused: input did not fit", [(row.start, _percent(row.refusal_rate)) for row in rows]),
    ]
    return charts.line("How many calls go wrong?", series, events=events, unit="%")


def _fitting(newest: dt.datetime | None) -> str:
    """The smallest window that shows the newest call."""
    now = timezone.now()
    return next((name for name, (reach, _) in traffic.WINDOWS.items() if newest and now - newest < reach), "24h")


def _windows(current: str) -> list[Tab]:
    return [Tab(label, f"?window={name}#traffic", current=name == current) for name, label in LABELS.items()]


def _rounded_up(moment: dt.datetime, step: dt.timedelta) -> dt.datetime:
    since = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return since + step * -(-(moment - since) // step)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _percent(share: float | None) -> float | None:
    return None if share is None else round(share * 100, 3)
