"""What a check of texts and embeddings reads and computes: the sample of the window against that of the reference."""

import functools
import operator
from collections.abc import Callable
from typing import Any

from django.db.models import Q

from apps.monitoring.actions.contents import contents_of
from apps.monitoring.models import Baseline, Check, ContentSample, Level, Monitor, MonitorKind
from apps.monitoring.windows import Window


def read(
    monitor: Monitor, baseline: Baseline, window: Window, reference: list[Window] | None, limits: Any
) -> Callable[[], dict[str, Any]]:
    """Read the samples; the returned computation, of a second or so for each column, needs no database."""
    contents = contents_of(baseline.version)
    rows = ContentSample.objects.filter(endpoint_id=monitor.endpoint_id, version_id=baseline.version_id)
    current = _blobs(rows.filter(start_at__gte=window.start, end_at__lte=window.end))
    if reference is None:
        before = _blobs(ContentSample.objects.filter(baseline=baseline))
    else:
        inside = functools.reduce(operator.or_, (Q(start_at__gte=one.start, end_at__lte=one.end) for one in reference))
        before = _blobs(rows.filter(inside))
    return lambda: compare(contents, before, current, limits)


def rows_of(check: Check) -> list[dict[str, Any]]:
    """What a check told of each text and embedding, for a page; nothing for other kinds of checks."""
    if check.monitor.kind != MonitorKind.CONTENTS:
        return []
    return [row | {"level": Level(row["level"])} for row in check.result["columns"]]


def told_of(endpoint: Any, feature: str, since: Any, until: Any) -> dict[str, Any] | None:
    """What the newest check between two moments told of the text or embedding that a feature is counted of."""
    source = feature.rpartition(".")[0]
    if not source:
        return None
    checks = Check.objects.filter(monitor__endpoint=endpoint, monitor__kind=MonitorKind.CONTENTS, is_current=True)
    within = checks.filter(start_at__gte=since, end_at__lte=until).select_related("organization", "monitor")
    check = within.order_by("-end_at").first()
    rows = [row for row in rows_of(check) if row["column"] == source] if check else []
    return {"check": check, "rows": rows} if rows else None


def _blobs(rows: Any) -> list[bytes]:
    return [bytes(data) for data in rows.values_list("data", flat=True)]


def compare(contents: list[Any], before: list[bytes], current: list[bytes], limits: Any) -> dict[str, Any]:
    """The engine's result; a note where there is nothing to compare."""
    from apps.monitoring.engine import domains, samples

    if not contents:
        return {"level": Level.NOT_ENOUGH, "columns": [], "note": "The version's signature names no text or embedding."}
    if not before or not current:
        lacking = "reference" if not before else "window"
        return {"level": Level.NOT_ENOUGH, "columns": [], "note": f"There is no sample of the {lacking}."}
    known, now = (samples.merge(map(samples.decode, blobs)) for blobs in (before, current))
    return domains.compare(known, now, contents, limits)
