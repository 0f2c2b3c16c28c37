"""Fitness: asking for it on frozen evidence, and what follows from the decision."""

from typing import Any

from django.utils import timezone

from apps.approvals import actions as approvals
from apps.approvals.kinds import Kind
from apps.approvals.models import Request, RequestState
from apps.audit.actions import action, record
from apps.core.canonical import plain
from apps.core.errors import Invalid
from apps.datasets import policies, signals
from apps.datasets.models import VERSION_STATES, DatasetVersion, SplitPart, VersionState


@action
def request_sign_off(*, version: DatasetVersion, use: str, by: Any, message: str = "") -> Request:
    """Ask for a version to be found fit for a use; the signers see source, descent, profile and quality as they are."""
    version = _locked(version)
    policies.check_request_sign_off(by, version)
    if not use.strip():
        raise Invalid("Say what the data are to be fit for.", {"use": "Say what the data are to be fit for."})
    use = use.strip()
    project = version.dataset.project
    request = approvals.request(
        kind=Kind.DATA,
        scope=project,
        title=f"{version} is fit for {use}"[:250],
        link=version.get_absolute_url(),
        snapshot=snapshot_of(version, use),
        conflicts=makers_of(version),
        message=message,
        tier=project.tier,
        by=by,
    )
    version.sign_off_request, version.fit_for = request, use
    version.save()
    record(
        by=by,
        action="dataset_version.sign_off_requested",
        subject=version,
        reason=message,
        details={"use": use, "hash": request.content_hash},
    )
    return request


def snapshot_of(version: DatasetVersion, use: str) -> dict[str, Any]:
    """What a signer signs: content, descent, source and its terms, what was measured, which rules hold."""
    profile = version.profile or {}
    return plain(
        {
            "dataset": version.dataset.key,
            "version": version.number,
            "fit_for": use,
            "sha256": version.sha256,
            "rows": version.rows,
            "columns": [_column(column, profile) for column in version.schema],
            "duplicates": profile.get("duplicates", {}).get("rows"),
            "remarks": [remark["sentence"] for remark in profile.get("remarks", [])],
            "descent": [
                {"version": str(link.input), "how": link.how, "sha256": link.sha256}
                for link in version.inputs.select_related("input__dataset")
            ],
            "preparation": [step["sentence"] for run in version.prepared_by.all() for step in run.report["steps"]],
            "source": _source(version),
            "quality": _quality(version),
        }
    )


def _column(column: dict[str, Any], profile: dict[str, Any]) -> dict[str, Any]:
    measured: dict[str, Any] = next(
        (found for found in profile.get("columns", []) if found["name"] == column["name"]), {}
    )
    kept = {name: column.get(name) for name in ("name", "type", "unit", "role")}
    return kept | {"missing": measured.get("null_share"), "distinct": measured.get("distinct", {}).get("count")}


def _source(version: DatasetVersion) -> dict[str, Any] | None:
    source = version.source
    if source is None:
        return None
    names = (
        "key",
        "name",
        "kind",
        "licence",
        "classification",
        "personal_data",
        "lawful_basis",
        "retain_until",
        "population",
        "collection",
        "known_biases",
    )
    return {name: getattr(source, name) for name in names}


def _quality(version: DatasetVersion) -> list[dict[str, Any]]:
    check = policies.newest_check(version)
    if check is None:
        return []
    # Values that move with the clock (how old the data are) stay out: the verdict is what is signed.
    return [
        {"rule": result.rule.sentence, "severity": result.severity, "verdict": result.verdict}
        for result in check.results.select_related("rule")
    ]


def makers_of(version: DatasetVersion) -> dict[Any, str]:
    """Who brought or prepared the rows, over the whole line of descent: they do not sign for their fitness."""
    makers: dict[Any, str] = {}
    seen: set[Any] = set()
    waiting = [version]
    while waiting:
        current = waiting.pop()
        if current.pk in seen:
            continue
        seen.add(current.pk)
        how = "prepared" if current.parent_id else "brought"
        makers.setdefault(current.created_by, f"{how} {current}"[:200])
        waiting += [link.input for link in current.inputs.select_related("input__dataset", "input__created_by")]
    return makers


@action
def settle_sign_off(*, version: DatasetVersion, request: Request, by: Any) -> DatasetVersion:
    """React to the decision on a version's fitness; its parts follow."""
    version = _locked(version)
    moved = _state_after(version, request)
    if moved is not None:
        was_fit = version.is_signed_off
        for row in [version, *_parts(version)]:
            _move(row, moved, request)
        if moved == VersionState.SIGNED_OFF:
            signals.signed_off.send(sender=DatasetVersion, version=version, by=by)
        elif was_fit:
            signals.withdrawn.send(sender=DatasetVersion, version=version, by=by)
    record(
        by=by,
        action=f"dataset_version.sign_off_{request.state}",
        subject=version,
        reason=request.outcome,
        details={"use": version.fit_for, "hash": request.content_hash},
    )
    return version


def _state_after(version: DatasetVersion, request: Request) -> VersionState | None:
    if request.state == RequestState.APPROVED and version.state == VersionState.PROFILED:
        return VersionState.SIGNED_OFF
    if request.state == RequestState.DECLINED and version.state == VersionState.PROFILED:
        return VersionState.REJECTED
    if request.state == RequestState.INVALIDATED and version.is_signed_off:
        return VersionState.PROFILED
    return None


def _parts(version: DatasetVersion) -> list[DatasetVersion]:
    found = SplitPart.objects.filter(split__source=version).select_related("version__dataset")
    return [part.version for part in found]


def _move(version: DatasetVersion, state: VersionState, request: Request) -> None:
    if version.state == state:
        return
    VERSION_STATES.move(version, state)
    version.signed_off_at = timezone.now() if state == VersionState.SIGNED_OFF else None
    version.fit_for = version.fit_for or str(request.snapshot.get("fit_for", ""))
    if version.is_part:
        version.sign_off_request = request
    if state == VersionState.REJECTED:
        version.rejected_because = request.outcome
    version.save()


@action
def reject_version(*, version: DatasetVersion, reason: str, by: Any) -> DatasetVersion:
    """Take a version, and its parts, out of use for good. What was trained on it keeps its records."""
    version = _locked(version)
    policies.check_reject(by, version)
    if not reason.strip():
        raise Invalid("Say why the version is rejected.", {"reason": "Say why the version is rejected."})
    was_fit = version.is_signed_off
    for row in [version, *_parts(version)]:
        if row.state != VersionState.REJECTED:
            VERSION_STATES.move(row, VersionState.REJECTED)
            row.signed_off_at, row.rejected_because = None, reason.strip()
            row.save()
    record(by=by, action="dataset_version.rejected", subject=version, reason=reason.strip())
    if was_fit:
        approved = version.sign_off_request
        if approved is not None and approved.state == RequestState.APPROVED:
            approvals.invalidate(request=approved, by=by, because=f"{version} was rejected: {reason.strip()}")
        signals.withdrawn.send(sender=DatasetVersion, version=version, by=by)
    return version


def _locked(version: DatasetVersion) -> DatasetVersion:
    rows = DatasetVersion.objects.select_for_update(of=("self",)).select_related(
        "dataset__project", "source", "sign_off_request", "created_by"
    )
    return rows.get(pk=version.pk)
