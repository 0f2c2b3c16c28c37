"""Keeping on record who examined, and against whom their independence was held."""

from typing import Any

from apps.approvals.kinds import Independence
from apps.approvals.models import Request
from apps.organizations import access
from apps.validation import judging, policies, subjects
from apps.validation.models import IndependenceCheck, Occasion, Waiver


def keep_independence(*, person: Any, version: Any, occasion: str, **about: Any) -> IndependenceCheck:
    """The record for who has just passed `policies.check_independent`; `about` is the run or the finding."""
    level = judging.current().independence[subjects.tier_of(version)]
    kept = IndependenceCheck(
        occasion=occasion,
        person=person,
        level=level,
        against=[_held(person, other, why) for other, why in policies.held_against(version).items()],
        version=version,
        **about,
    )
    kept.save(force_insert=True)
    return kept


def keep_signers(waiver: Waiver, request: Request) -> None:
    """The records of who decided on a waiver: held against everybody who may not sign its request."""
    level = "team" if request.policy.independence == Independence.TEAM else "person"
    conflicts = list(request.conflicts.select_related("user"))
    for signature in request.signatures.select_related("user"):
        IndependenceCheck(
            occasion=Occasion.SIGNED,
            person=signature.user,
            level=level,
            against=[_held(signature.user, conflict.user, conflict.why) for conflict in conflicts],
            version=waiver.finding.version,
            waiver=waiver,
            finding=waiver.finding,
        ).save(force_insert=True)


def _held(person: Any, other: Any, why: str) -> dict[str, Any]:
    return {"person": str(other), "why": why, "in_a_team": access.share_team(person, other)}
