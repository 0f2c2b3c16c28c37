"""Uploaded model files: received, looked at by the gate in an isolated child, accepted or refused."""

from typing import Any, BinaryIO

from apps.audit.actions import action, record
from apps.core import files
from apps.core.errors import Invalid
from apps.models import policies
from apps.models.models import ARTIFACT_STATES, Artifact, ArtifactState, RegisteredModel
from apps.work import jobs

MOST_INPUTS = 5000


@action
def upload_artifact(
    *, model: RegisteredModel, file: BinaryIO, name: str, signature: dict[str, Any] | None, by: Any
) -> Artifact:
    """Stream an uploaded model file into storage and have the gate look at it in an isolated child.

    Nothing parses the file here; its name says nothing about what it is.
    """
    policies.check_upload(by, model)
    check_signature(model, signature)
    stored = files.store(file, folder="models", name=name)
    artifact = Artifact(
        model=model,
        name=name[-200:] or "model",
        path=stored.path,
        sha256=stored.sha256,
        size=stored.size,
        signature=signature,
        added_by=by,
    )
    artifact.save(force_insert=True)
    record(by=by, action="artifact.uploaded", subject=artifact, details={"sha256": stored.sha256, "size": stored.size})
    jobs.start(
        kind="models.inspect",
        subject=artifact,
        title=f"Examine {artifact.name}",
        by=by,
        queue="validation",
        url=artifact.get_absolute_url(),
    )
    return artifact


def check_signature(model: RegisteredModel, signature: Any) -> None:
    """A declared signature is read before the file is kept, so that a mistake is told at once."""
    from apps.models.engine.signatures import Signature, SignatureError

    if isinstance(signature, dict) and len(signature.get("inputs") or []) > MOST_INPUTS:
        sentence = f"A signature may name at most {MOST_INPUTS} inputs."
        raise Invalid(sentence, {"signature": sentence})
    try:
        Signature.from_json(signature)
    except SignatureError as error:
        raise Invalid(error.sentence, {"signature": error.sentence}) from error
    policies.check_signature(model, signature)


def _received(artifact: Artifact) -> Artifact:
    rows = Artifact.objects.select_for_update(of=("self",))
    return rows.select_related("model__project", "model__organization").get(pk=artifact.pk)


@action
def keep_inspection(*, artifact: Artifact, report: dict[str, Any], isolation: str, by: Any) -> Artifact:
    """Keep what the gate found in an upload. The worker calls it where the job ends."""
    artifact = _received(artifact)
    ARTIFACT_STATES.move(artifact, ArtifactState.ACCEPTED if report["ok"] else ArtifactState.REFUSED)
    artifact.format = report["format"] if report["ok"] else ""
    artifact.findings, artifact.graph = report["findings"], report["graph"]
    artifact.signature = report["signature"] or artifact.signature
    artifact.isolation = isolation[:120]
    artifact.save()
    verb = "accepted" if report["ok"] else "refused"
    details = {"format": report["format"], "findings": report["findings"], "isolation": isolation}
    record(by=by, action=f"artifact.{verb}", subject=artifact, details=details)
    return artifact


@action
def refuse_artifact(*, artifact: Artifact, sentence: str, by: Any) -> Artifact:
    """Refuse an upload that the gate could not even look at: it crashed its library, or took too long."""
    artifact = _received(artifact)
    ARTIFACT_STATES.move(artifact, ArtifactState.REFUSED)
    artifact.findings = [{"code": "run", "severity": "stop", "sentence": sentence}]
    artifact.save()
    record(by=by, action="artifact.refused", subject=artifact, reason=sentence)
    return artifact
