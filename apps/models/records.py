"""A version as plain values: what an approval covers, and the facts of its card."""

from typing import Any

from apps.core.canonical import plain
from apps.models import signals
from apps.models.engine import cards
from apps.models.models import ModelVersion
from apps.models.policies import developers, written_of


def data_of(version: ModelVersion) -> dict[str, Any] | None:
    """The exact data it was trained on."""
    data = version.dataset_version
    if data is None:
        return None
    facts: dict[str, Any] = {
        "name": data.dataset.name,
        "version": data.number,
        "sha256": data.sha256,
        "rows": data.rows,
    }
    if version.run is not None and version.run.split is not None:
        facts["split"] = str(version.run.split)
    return facts


def card_of(version: ModelVersion) -> dict[str, Any]:
    """The whole card: facts from the records beside the written parts."""
    model, artifact = version.model, version.artifact
    records = {
        "model": {
            "project": model.project.title,
            "key": model.key,
            "name": model.name,
            "kind": model.kind,
            "description": model.description,
            "owner": str(model.owner),
        },
        "version": {
            "number": version.number,
            "state": version.get_state_display(),
            "created_at": version.created_at,
            "created_by": str(version.registered_by),
            "note": version.note,
            "sha256": artifact.sha256,
            "format": artifact.format,
            "size": artifact.size,
        },
        "run": version.run.result if version.run is not None else None,
        "data": data_of(version),
        "signature": version.signature,
    }
    return plain(cards.card(records, written_of(version)))  # type: ignore[no-any-return]


def evidence(version: ModelVersion, by: Any) -> tuple[dict[str, Any], dict[Any, str]]:
    """What an approval of the version covers, and who may not sign it; higher apps add theirs or object."""
    gathered: dict[str, Any] = {}
    conflicts = dict(developers(version))
    card = version.card
    if card is not None:
        conflicts.setdefault(card.written_by, "wrote its card")
    signals.gathering_evidence.send(sender=ModelVersion, version=version, by=by, evidence=gathered, conflicts=conflicts)
    return _snapshot(version, gathered), conflicts


def _snapshot(version: ModelVersion, gathered: dict[str, Any]) -> dict[str, Any]:
    run, card = version.run, version.card
    result = (run.result or {}) if run is not None else {}
    return plain(  # type: ignore[no-any-return]
        {
            "model": version.model.key,
            "version": version.number,
            "project": version.model.project.key,
            "tier": version.model.project.tier,
            "artifact": {
                "sha256": version.artifact.sha256,
                "format": version.artifact.format,
                "size": version.artifact.size,
                "gate": version.artifact.findings,
            },
            "signature": version.signature,
            "data": data_of(version),
            "training": None
            if run is None
            else {
                "run": run.number,
                "recipe_hash": run.recipe_hash,
                "chosen": result.get("chosen"),
                "metrics": result.get("metrics"),
                "conversion": result.get("conversion"),
            },
            "card": None if card is None else {"revision": card.revision, "hash": card.content_hash},
            **gathered,
        }
    )
