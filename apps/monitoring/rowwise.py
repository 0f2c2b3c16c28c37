"""Which rows a drift check looked at, for computing it from them once more."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from apps.core.errors import Refused
from apps.monitoring.models import BaselineSource, Batch, BatchKind, Check, ExactCheck, Reference
from apps.monitoring.windows import Window


@dataclass(frozen=True)
class Span:
    """A span of an endpoint's predictions of one version."""

    endpoint: Any
    version: Any
    since: dt.datetime
    until: dt.datetime


def span_of(check: Check, window: Window) -> Span:
    """The predictions of a check's endpoint and version in a window."""
    baseline: Any = check.baseline
    return Span(check.monitor.endpoint, baseline.version, window.start, window.end)


def compared_with(check: Check) -> list[Span] | None:
    """The predictions that a check was compared with; None where that is what the version was trained on."""
    said, baseline = check.result["reference"], check.baseline
    if said["kind"] != Reference.TRAINING:
        return [span_of(check, Window(*map(dt.datetime.fromisoformat, pair))) for pair in said["windows"]]
    assert baseline is not None
    if baseline.source == BaselineSource.TRAINING:
        return None
    return [Span(baseline.endpoint, baseline.version, baseline.since, baseline.until)]  # type: ignore[arg-type]


def check_kept(span: Span) -> None:
    """Raise Refused where rows of the span are kept no longer."""
    gone = Batch.objects.filter(
        endpoint=span.endpoint, version=span.version, kind=BatchKind.PREDICTIONS, first_at__lt=span.until,
        last_at__gte=span.since, removed_at__isnull=False,
    )  # fmt: skip
    if gone.exists():
        raise Refused(
            "Rows of this time were kept for as long as the tier asks, and then deleted. The states are all there is."
        )


def packed(report: Any) -> bytes:
    """The features of a report as they are kept."""
    from apps.monitoring.engine import results

    return results.pack(report.table)


def newest(check: Check) -> dict[str, Any] | None:
    """The newest report of a check from the rows, with its features; None where there is none (yet)."""
    from apps.monitoring.engine import results

    found = ExactCheck.objects.filter(check_run=check, done_at__isnull=False).first()
    if found is None:
        return None
    return found.result | {"features": results.features(results.unpack(bytes(found.data))), "done_at": found.done_at}
