"""The charter as one value: what an approval covers, and which part of it is the promise."""

from collections.abc import Mapping
from typing import Any

from apps.core.canonical import plain
from apps.projects.engine import questionnaire
from apps.projects.models import Project, Tier

# What an approval stands for. Risks, stakeholders and people may change afterwards without asking again.
PROMISE = ("problem", "outcomes", "intended_users", "affected_persons", "automation", "tier", "metrics", "data")


def charter(project: Project) -> dict[str, Any]:
    """Everything that signers sign for, as plain values."""
    return plain(
        {
            "key": project.key,
            "title": project.title,
            "problem": project.problem,
            "outcomes": project.outcomes,
            "intended_users": project.intended_users,
            "affected_persons": project.affected_persons,
            "automation": project.automation,
            "owner": str(project.owner),
            "sponsor": str(project.sponsor or ""),
            "tier": project.tier,
            "assessment": _assessment(project),
            "metrics": [_metric(metric) for metric in project.metrics.all()],
            "data": [_requirement(requirement) for requirement in project.requirements.select_related("owner")],
            "risks": [_risk(risk) for risk in project.risks.select_related("owner")],
            "stakeholders": [
                {"who": str(one.user or one.name), "role": one.role, "interest": one.interest}
                for one in project.stakeholders.select_related("user")
            ],
        }
    )


def broken_promise(approved: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The parts of the promise that differ from what was approved and, in this tier, need a new approval."""
    changed = [name for name in PROMISE if approved.get(name) != now.get(name)]
    tiers = {str(approved.get("tier")), str(now.get("tier"))}
    return changed if tiers & {*questionnaire.newest().renews, Tier.PROHIBITED.value} else []


def _assessment(project: Project) -> dict[str, Any] | None:
    assessment = project.assessment
    if assessment is None:
        return None
    return {
        "questionnaire": f"{assessment.questionnaire} {assessment.version}",
        "hash": assessment.content_hash,
        "answers": assessment.answers,
        "reasons": [reason["reason"] for reason in assessment.reasons],
    }


def _metric(metric: Any) -> dict[str, Any]:
    names = ("name", "description", "unit", "direction", "baseline", "target", "due_on")
    return {name: getattr(metric, name) for name in names}


def _requirement(requirement: Any) -> dict[str, Any]:
    names = ("kind", "description", "personal_data")
    return {**{name: getattr(requirement, name) for name in names}, "owner": str(requirement.owner or "")}


def _risk(risk: Any) -> dict[str, Any]:
    names = (
        "number", "title", "description", "category", "likelihood", "impact", "treatment", "measures",
        "residual_likelihood", "residual_impact", "state", "acceptance_reason",
    )  # fmt: skip
    return {**{name: getattr(risk, name) for name in names}, "owner": str(risk.owner)}
