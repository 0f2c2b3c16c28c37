"""How to send rows of an endpoint, with the columns that are taken there: for its page."""

import json
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.urls import reverse

from apps.deployments.models import Endpoint
from apps.models.models import ModelVersion
from apps.monitoring import segmenting
from apps.monitoring.models import Batch, BatchKind

if TYPE_CHECKING:
    from apps.monitoring.engine.intake import Field

WORDS = {
    "number": "number", "integer": "whole number", "boolean": "true or false", "string": "text", "time": "time",
    "class": "label",
}  # fmt: skip
SAMPLES = {"number": 1.5, "integer": 1, "boolean": True, "string": "text", "time": "2026-01-31T08:30:00Z"}
OWN_SAMPLES = {"prediction_id": "my-own-id", "score": 0.75, "rating": 4, "said_by": "somebody@example.com"}


def examples(endpoint: Endpoint) -> list[dict[str, Any]]:
    """Of every kind of rows: its columns, and one row as a call that is taken as it stands; the token is left to fill
    in. Nothing where no version says what its rows hold.
    """
    version = watched_version(endpoint) or endpoint.model.versions.order_by("-number").first()
    if version is None:
        return []
    query = "" if endpoint.current else f"?version={version.number}"
    return [
        {
            "kind": kind.label,
            "columns": [{"name": one.name, "said": _said(one), "may_lack": one.optional} for one in fields],
            "curl": _curl(endpoint, kind, fields, "" if kind == BatchKind.FEEDBACK else query),
        }
        for kind, fields in _fields(endpoint, version).items()
    ]


def watched_version(endpoint: Endpoint) -> ModelVersion | None:
    """The version whose predictions are watched: the one that answers, or else the one whose predictions came last."""
    current = endpoint.current
    if current is not None:
        return current.version
    sent = Batch.objects.filter(endpoint=endpoint, kind=BatchKind.PREDICTIONS).order_by("-id")
    last = sent.select_related("version__model", "version__organization").first()
    return last.version if last is not None else None


def _fields(endpoint: Endpoint, version: ModelVersion) -> dict[BatchKind, list["Field"]]:
    from apps.models.engine.signatures import Signature
    from apps.monitoring.engine import intake, reading, wanted

    signature = Signature.from_json(version.signature)
    found = {
        BatchKind.OUTCOMES: wanted.outcome_fields(signature, reading.from_rows([])),
        BatchKind.FEEDBACK: wanted.feedback_fields(),
    }
    try:
        beside = segmenting.sent_beside(endpoint, signature)
        return {BatchKind.PREDICTIONS: wanted.prediction_fields(signature, beside)} | found
    except intake.Unreadable:
        return found  # inputs with names that mean something else here: its predictions are served by Tenure only


def _said(field: "Field") -> str:
    if field.type == "embedding":
        return f"{field.size} numbers"
    if field.type == "class":
        return f"one of {', '.join(json.dumps(one) for one in field.classes[:5])}{' …' if field.classes[5:] else ''}"
    return WORDS[field.type]


def _curl(endpoint: Endpoint, kind: BatchKind, fields: list["Field"], query: str) -> str:
    row = json.dumps({one.name: _sample(one) for one in fields}, ensure_ascii=False).replace("'", "'\\''")
    path = reverse(f"api-monitoring-{kind}-list", args=[endpoint.organization.key, endpoint.key])
    return (
        f"curl '{settings.TENURE_ADDRESS}{path}{query}' \\\n"
        '  -H "Authorization: Bearer $TENURE_TOKEN" -H "Content-Type: application/x-ndjson" \\\n'
        f"  -d '{row}'"
    )


def _sample(field: "Field") -> Any:
    if field.type == "embedding":
        return [0.5] * field.size
    if field.type == "class":
        return field.classes[-1]
    return OWN_SAMPLES.get(field.name, SAMPLES[field.type])
