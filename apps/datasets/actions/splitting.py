"""Dividing a version into parts, each a version of its own."""

from typing import Any

from django.utils import timezone

from apps.audit.actions import action, record
from apps.datasets import policies
from apps.datasets.actions.shared import next_number
from apps.datasets.engine.errors import DataError
from apps.datasets.models import SPLIT_STATES, DatasetVersion, Origin, Split, SplitPart, VersionInput, WorkState
from apps.datasets.sayings import as_domain, read_yaml, storable
from apps.work import jobs


@action
def split(*, version: DatasetVersion, plan: Any, by: Any) -> Split:
    """Have a worker divide a version by a plan: by time, or at random with a seed.

    `plan` are plain values or YAML as in engine.splitting.SplitPlan. The parts are versions of the same dataset; they
    are signed off with the version that was divided, and the same plan always gives the same rows.
    """
    from apps.datasets.engine.schema import Schema
    from apps.datasets.engine.splitting import SplitPlan

    policies.check_split(by, version)
    raw = read_yaml(plan, "plan") if isinstance(plan, str) else plan
    try:
        checked = SplitPlan.from_dict(raw if isinstance(raw, dict) else {})
        checked.check(Schema.from_list(version.schema))
    except DataError as error:
        raise as_domain(error, "plan") from error
    row = Split(
        source=version,
        number=next_number(version, version.splits),
        plan=checked.to_dict(),
        sentence=checked.sentence()[:400],
        created_by=by,
    )
    row.save(force_insert=True)
    record(by=by, action="split.started", subject=row, details={"plan": row.plan, "sha256": version.sha256})
    jobs.start(kind="datasets.split", subject=row, title=f"Split {version}", by=by, url=row.get_absolute_url())
    return row


@action
def keep_split(*, row: Split, parts: list[dict[str, Any]], report: dict[str, Any], by: Any) -> Split:
    """Keep the parts; each is as fit as the version it comes from.

    `parts` are dicts of name, stored (files.Stored), rows, profile, in their order.
    """
    row = _locked(row)
    SPLIT_STATES.move(row, WorkState.SUCCEEDED)
    for order, part in enumerate(parts):
        version = _part_version(row, part)
        SplitPart(split=row, name=part["name"], order=order, version=version).save(force_insert=True)
    row.report, row.ended_at = storable(report), timezone.now()
    row.save()
    record(
        by=by,
        action="split.succeeded",
        subject=row,
        details={"parts": {part["name"]: [part["rows"], part["stored"].sha256] for part in parts}},
    )
    return row


def _part_version(row: Split, part: dict[str, Any]) -> DatasetVersion:
    source, stored = row.source, part["stored"]
    version = DatasetVersion(
        dataset=source.dataset,
        number=next_number(source.dataset, source.dataset.versions),
        origin=Origin.PART,
        state=source.state,
        note=f"{part['name']} of {row}",
        source=source.source,
        parent=source,
        format="parquet",
        file=stored.path,
        sha256=stored.sha256,
        size=stored.size,
        rows=part["rows"],
        schema=source.schema,
        profile=storable(part["profile"]),
        profiled_at=timezone.now(),
        sign_off_request=source.sign_off_request if source.is_signed_off else None,
        fit_for=source.fit_for if source.is_signed_off else "",
        signed_off_at=source.signed_off_at,
        created_by=row.created_by,
    )
    version.save(force_insert=True)
    VersionInput(version=version, input=source, how="split", sha256=source.sha256).save(force_insert=True)
    return version


@action
def fail_split(*, row: Split, sentence: str, by: Any) -> Split:
    """The rows could not be divided so."""
    row = _locked(row)
    SPLIT_STATES.move(row, WorkState.FAILED)
    row.failure, row.ended_at = sentence, timezone.now()
    row.save()
    record(by=by, action="split.could_not_finish", subject=row, reason=sentence)
    return row


def _locked(row: Split) -> Split:
    rows = Split.objects.select_for_update(of=("self",)).select_related(
        "source__dataset", "source__source", "source__sign_off_request", "created_by"
    )
    return rows.get(pk=row.pk)
