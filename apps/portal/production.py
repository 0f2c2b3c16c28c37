"""What was in production at a moment, who approved it, on what evidence: one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import JSONBAgg
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import JSONObject
from django.utils.dateparse import parse_datetime

from apps.approvals.models import Request, Signature
from apps.deployments.models import Deployment
from apps.organizations import access


@dataclass(frozen=True)
class Signed:
    """One signature under an approval."""

    who: str
    on_behalf_of: str
    role: str
    verdict: str
    comment: str
    at: datetime | None
    confirmed: bool


@dataclass(frozen=True)
class Approval:
    """A decision that the deployment rests on, with the hash of the evidence that was signed."""

    title: str
    url: str
    state: str
    content_hash: str
    decided_at: datetime | None
    signatures: Sequence[Signed] = field(default_factory=tuple)


@dataclass(frozen=True)
class Answer:
    """One version on one endpoint at that moment."""

    project: str
    project_url: str
    tier: str
    model: str
    version: str
    version_number: int
    version_url: str
    endpoint: str
    endpoint_url: str
    environment: str
    artifact_hash: str
    dataset: str
    dataset_url: str
    started_at: datetime
    deployed_by: str
    ended_at: datetime | None
    ended_by: str
    reason: str
    gate_allowed: bool | None
    approvals: Sequence[Approval]


def at(moment: datetime, user: Any, endpoint: str = "", everywhere: bool = False) -> list[Answer]:
    """Every deployment that answered at the moment and may be seen; in production only, unless `everywhere`."""
    rows = Deployment.objects.live_at(moment).select_related(
        "organization",
        "endpoint__environment",
        "endpoint__organization",
        "version__model__project__organization",
        "version__model__project__approval__organization",
        "version__model__organization",
        "version__organization",
        "version__artifact",
        "version__approval__organization",
        "version__dataset_version__dataset__organization",
        "version__dataset_version__organization",
        "request__organization",
        "deployed_by",
        "ended_by",
        "decision",
    )
    if not everywhere:
        rows = rows.in_production()
    if endpoint:
        rows = rows.filter(endpoint__key=endpoint)
    rows = access.visible(rows, user).annotate(
        signed_request=_signatures("request"), signed_version=_signatures("version__approval")
    )
    return [_answer(row) for row in rows.order_by("endpoint__environment__order", "endpoint__key")]


def _signatures(path: str) -> Subquery:
    rows = Signature.objects.filter(request=OuterRef(path)).order_by().values("request")
    one = JSONObject(
        who="user__name",
        email="user__email",
        stood_in_for="on_behalf_of__name",
        role="role",
        verdict="verdict",
        comment="comment",
        at="created_at",
        confirmed="confirmed_identity",
    )
    return Subquery(rows.annotate(all=JSONBAgg(one, ordering=F("id"))).values("all"))


def _answer(row: Any) -> Answer:
    version, endpoint = row.version, row.endpoint
    project, data = version.model.project, version.dataset_version
    approvals = [
        _approval(version.approval, row.signed_version),
        _approval(row.request, row.signed_request),
    ]
    return Answer(
        project=project.title,
        project_url=project.get_absolute_url(),
        tier=project.tier,
        model=version.model.key,
        version=str(version),
        version_number=version.number,
        version_url=version.get_absolute_url(),
        endpoint=endpoint.key,
        endpoint_url=endpoint.get_absolute_url(),
        environment=str(endpoint.environment),
        artifact_hash=version.artifact.sha256,
        dataset=str(data) if data else "",
        dataset_url=data.get_absolute_url() if data else "",
        started_at=row.started_at,
        deployed_by=str(row.deployed_by),
        ended_at=row.ended_at,
        ended_by=str(row.ended_by or ""),
        reason=row.reason,
        gate_allowed=row.decision.allowed if row.decision else None,
        approvals=[approval for approval in approvals if approval],
    )


def _approval(request: Request | None, signatures: list[dict[str, Any]] | None) -> Approval | None:
    if request is None:
        return None
    signed = [
        Signed(
            one["who"] or one["email"],
            one["stood_in_for"] or "",
            one["role"],
            one["verdict"],
            one["comment"],
            parse_datetime(one["at"]),
            one["confirmed"],
        )
        for one in signatures or []
    ]
    return Approval(
        request.title, request.get_absolute_url(), request.state, request.content_hash, request.decided_at, signed
    )
