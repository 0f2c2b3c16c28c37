"""Versions from registration to archive: card, hand-over, validation, approval."""

from typing import Any

from django.utils import timezone

from apps.approvals import actions as approvals
from apps.approvals.kinds import Kind
from apps.approvals.models import Request, RequestState
from apps.audit.actions import action, record
from apps.core.canonical import content_hash
from apps.core.errors import Conflict, DomainError, Invalid
from apps.models import policies, records, signals
from apps.models.actions.registry import locked, next_number
from apps.models.engine import cards
from apps.models.models import (
    VERSION_STATES,
    Artifact,
    ModelCard,
    ModelVersion,
    RegisteredModel,
    TrainingRun,
    VersionState,
)


@action
def register_version(
    *,
    model: RegisteredModel,
    by: Any,
    run: TrainingRun | None = None,
    artifact: Artifact | None = None,
    dataset_version: Any = None,
    note: str = "",
) -> ModelVersion:
    """Register what a run gave, or an accepted upload, as the next version: a draft.

    The written parts of the newest version's card are carried over as the first revision of the new card.
    """
    artifact = _artifact(by, run, artifact)
    policies.check_register_version(by, model, artifact)
    model = locked(model)
    before = model.versions.order_by("-number").first()
    version = ModelVersion(
        model=model,
        number=next_number(model.versions),
        artifact=artifact,
        signature=artifact.signature or {},
        run=artifact.run,
        dataset_version=artifact.run.dataset_version if artifact.run is not None else dataset_version,
        note=note,
        registered_by=by,
    )
    version.save(force_insert=True)
    written = policies.written_of(before) if before is not None else {}
    if before is not None and written:
        _new_revision(version, written, f"Carried over from version {before.number}.", by)
    details = {
        "sha256": artifact.sha256,
        "format": artifact.format,
        "run": artifact.run.number if artifact.run is not None else None,
        "data_sha256": version.dataset_version.sha256 if version.dataset_version is not None else None,
    }
    record(by=by, action="version.registered", subject=version, reason=note, details=details)
    signals.registered.send(sender=ModelVersion, version=version, by=by)
    return version


def _artifact(by: Any, run: TrainingRun | None, artifact: Artifact | None) -> Artifact:
    if (run is None) == (artifact is None):
        raise Invalid("Choose a training run or an uploaded artifact.", {"run": "Choose one of both."})
    if artifact is not None:
        return artifact
    assert run is not None
    policies.check_register_run(by, run)
    return run.artifacts.select_related("run__dataset_version", "model").get()


def _new_revision(version: ModelVersion, written: dict[str, str], reason: str, by: Any) -> ModelCard:
    newest = version.card
    card = ModelCard(
        version=version,
        revision=newest.revision + 1 if newest else 1,
        written=written,
        content_hash=content_hash(written),
        reason=reason,
        written_by=by,
    )
    card.save(force_insert=True)
    return card


@action
def write_card(*, version: ModelVersion, written: dict[str, str], by: Any, reason: str = "") -> ModelCard:
    """Write parts of a version's card (keys of engine.cards.PARTS); gives the new revision. Other parts stay.

    A request that waits for signatures covers the card it saw, so it counts no longer.
    """
    version = _locked(version)
    policies.check_write_card(by, version)
    if unknown := set(written) - set(cards.KEYS):
        raise Invalid(f"A card has no part called {', '.join(sorted(unknown))}.")
    before = policies.written_of(version)
    after = {**before, **{key: str(text).strip() for key, text in written.items()}}
    changed = [key for key in after if after[key] != before.get(key, "")]
    if not changed:
        raise Conflict("Nothing in the card has changed.")
    card = _new_revision(version, after, reason, by)
    details = {"revision": card.revision, "changed": changed, "hash": card.content_hash}
    record(by=by, action="card.written", subject=version, reason=reason, details=details)
    invalidate_if_changed(version, by)
    return card


def invalidate_if_changed(version: ModelVersion, by: Any) -> bool:
    """Invalidate the version's request when what it covers is no longer what was frozen; says whether it did."""
    if version.approval is None or version.approval.state not in {RequestState.OPEN, RequestState.APPROVED}:
        return False
    try:
        snapshot, _ = records.evidence(version, by)
    except DomainError as error:
        approvals.invalidate(request=version.approval, by=by, because=error.sentence)
        return True
    return approvals.invalidate_if_changed(request=version.approval, snapshot=snapshot, by=by)


def _locked(version: ModelVersion) -> ModelVersion:
    rows = ModelVersion.objects.select_for_update(of=("self",)).select_related(
        "model__project__approval",
        "model__organization",
        "artifact__added_by",
        "run__started_by",
        "run__split",
        "dataset_version__dataset",
        "registered_by",
        "approval",
    )
    return rows.get(pk=version.pk)


def _move(
    version: ModelVersion, to: VersionState, by: Any, verb: str, reason: str, details: dict | None = None
) -> None:
    """Save the version in its new state, with record and announcement."""
    before = VERSION_STATES.move(version, to)
    version.save()
    record(
        by=by,
        action=f"version.{verb}",
        subject=version,
        reason=reason,
        details={"before": {"state": before}, "after": {"state": to.value}, **(details or {})},
    )
    signals.state_changed.send(sender=ModelVersion, version=version, before=before, by=by)


@action
def submit_version(*, version: ModelVersion, by: Any) -> ModelVersion:
    """Hand a draft over for validation; its card must be complete."""
    version = _locked(version)
    policies.check_submit(by, version)
    _move(version, VersionState.CANDIDATE, by, "submitted", "")
    return version


@action
def mark_validated(
    *, version: ModelVersion, by: Any, reason: str = "", details: dict[str, Any] | None = None
) -> ModelVersion:
    """Say that a validation of a candidate passed. `by` must not have made the version."""
    version = _locked(version)
    policies.check_validated_by(by, version)
    version.validated_by, version.validated_at = by, timezone.now()
    _move(version, VersionState.VALIDATED, by, "validated", reason, details)
    return version


@action
def return_to_candidate(*, version: ModelVersion, by: Any, reason: str) -> ModelVersion:
    """Take a validation back, so that it is done again."""
    version = _locked(version)
    policies.check_return(by, version)
    version.validated_by = version.validated_at = None
    _move(version, VersionState.CANDIDATE, by, "returned", reason)
    return version


@action
def reject_version(*, version: ModelVersion, by: Any, reason: str) -> ModelVersion:
    """Say no to a version for good; a better one gets a number of its own."""
    version = _locked(version)
    policies.check_reject(by, version)
    if not reason.strip():
        raise Invalid("Say why it is rejected.", {"reason": "Say why it is rejected."})
    _reject(version, by, reason)
    return version


def _reject(version: ModelVersion, by: Any, reason: str) -> None:
    if version.approval is not None and version.is_waiting:
        approvals.invalidate(request=version.approval, by=by, because=f"The version was rejected. {reason}")
    _move(version, VersionState.REJECTED, by, "rejected", reason)


@action
def request_approval(*, version: ModelVersion, by: Any, message: str = "") -> Request:
    """Ask for approval of a validated version on evidence frozen now: artifact, data, figures, card, validation."""
    version = _locked(version)
    policies.check_request_approval(by, version)
    snapshot, conflicts = records.evidence(version, by)
    project = version.model.project
    request = approvals.request(
        kind=Kind.MODEL,
        scope=project,
        title=f"Approval of {version}",
        link=version.get_absolute_url(),
        snapshot=snapshot,
        conflicts={person: why for person, why in conflicts.items() if person.pk != by.pk},
        message=message,
        tier=project.tier,
        by=by,
    )
    version.approval = request
    version.save()
    record(
        by=by,
        action="version.approval_asked",
        subject=version,
        reason=message,
        details={"request": str(request.pk), "hash": request.content_hash},
    )
    return request


@action
def conclude_approval(*, request: Request, by: Any) -> ModelVersion:
    """Take over the decision on a request: approved, rejected, or as it was."""
    version = _locked(ModelVersion.objects.get(approval=request))
    outcome = request.outcome or request.get_state_display()
    if request.state == RequestState.APPROVED:
        version.approved_at = timezone.now()
        _move(version, VersionState.APPROVED, by, "approved", outcome)
    elif request.state == RequestState.DECLINED and version.state == VersionState.VALIDATED:
        _move(version, VersionState.REJECTED, by, "rejected", outcome)
    elif request.state == RequestState.INVALIDATED and version.state == VersionState.APPROVED:
        version.approved_at = None
        _move(version, VersionState.VALIDATED, by, "approval_lost", outcome)
    else:
        record(by=by, action="version.approval_ended", subject=version, reason=outcome, details={"as": request.state})
    return version


@action
def archive_version(*, version: ModelVersion, by: Any, reason: str = "") -> ModelVersion:
    """Put a version away. Refused while a name points at it; higher apps may object."""
    version = _locked(version)
    policies.check_archive(by, version)
    signals.archiving.send(sender=ModelVersion, version=version, by=by)
    version.archived_at = timezone.now()
    _move(version, VersionState.ARCHIVED, by, "archived", reason)
    return version
