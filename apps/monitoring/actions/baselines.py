"""Baselines: made by a worker from what a version was trained on, or from a period of its own predictions."""

import datetime as dt
from typing import Any

from django.db.models import Max

from apps.audit.actions import action, record
from apps.core.errors import Refused
from apps.core.locks import hold
from apps.monitoring import policies
from apps.monitoring.actions.contents import keep_reference_sample
from apps.monitoring.models import Baseline, BaselineSource
from apps.work import jobs, outbox
from apps.work.models import Job


@action
def start_baseline(*, version: Any, by: Any, reason: str = "") -> Job:
    """Have a worker make the version's baseline from the dataset it was trained on."""
    policies.check_monitor(by, version)
    if version.dataset_version_id is None:
        raise Refused(
            f"{version} names no dataset it was trained on. Make its baseline from a period of its predictions instead."
        )
    last = jobs.newest(version)
    if last is not None and last.kind == "monitoring.baseline" and last.is_open:
        raise Refused("The baseline is already being made.")
    title = f"Make the baseline of {version}"
    job = jobs.start(
        kind="monitoring.baseline",
        subject=version,
        title=title,
        by=by,
        queue="monitoring",
        url=version.get_absolute_url(),
    )
    record(by=by, action="baseline.requested", subject=version, reason=reason)
    return job


@action
def keep_baseline(
    *,
    version: Any,
    found: Any,
    source: str,
    by: Any,
    reason: str = "",
    dataset_version: Any = None,
    endpoint: Any = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    sample: Any = None,
) -> Baseline:
    """Keep what the engine made as the version's newest baseline; predictions known by now are counted with it.

    `sample` is that of its texts and embeddings (engine.samples), where the version has any.
    """
    hold(f"baseline {version.pk}")
    newest = Baseline.objects.filter(version=version).aggregate(newest=Max("number"))["newest"] or 0
    baseline = Baseline(
        version=version,
        number=newest + 1,
        source=source,
        dataset_version=dataset_version,
        endpoint=endpoint,
        since=since,
        until=until,
        sha256=found.sha256,
        bins=found.bins.fingerprint.hex(),
        data=found.encode(),
        rows=found.reference.rows,
        columns=len(found.bins.numeric) + len(found.bins.categorical),
        has_labels=found.outcomes is not None and found.outcomes.rows > 0,
        reason=reason,
        created_by=by,
    )
    baseline.save(force_insert=True)
    if sample is not None:
        keep_reference_sample(baseline=baseline, sample=sample)
    outbox.enqueue("monitoring.recount", baseline.pk, queue="counting")
    details = {"sha256": baseline.sha256, "rows": baseline.rows, "columns": baseline.columns, "source": source}
    record(by=by, action="baseline.made", subject=baseline, reason=reason, details=details)
    return baseline


def sources_of(version: Any) -> dict[str, str]:
    """Paths of the files the reference is made of: all rows, and the part kept for the test where there was a split."""
    run = version.run
    if run is None or run.split_id is None:
        return {"all": version.dataset_version.file}
    parts = {part.name: part.version.file for part in run.split.parts.select_related("version")}
    train, test = parts.get("train"), parts.get("test")
    return {"all": train, "test": test} if train and test else {"all": version.dataset_version.file}


__all__ = ["BaselineSource", "keep_baseline", "sources_of", "start_baseline"]
