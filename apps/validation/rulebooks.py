"""What is on record that can answer the points of a rule book: documents, origin, the plan and its checks, findings."""

from collections import Counter
from typing import Any

from apps.models.engine import cards
from apps.models.policies import developers
from apps.validation.models import Finding, Plan
from apps.validation.models.plans import FAMILIES
from apps.validation.signals import gathering_watch

ORIGIN = {
    "data": "the training rows, by digest",
    "fitness": "somebody's word that the data are fit",
    "recipe": "the recipe, by hash",
    "split": "the split into training and test rows",
    "libraries": "the libraries it was trained with",
    "artifact": "the artifact, by digest",
}
TITLES = {
    ("charter", "Complete"): "charter:complete",
    ("charter", "Approved as it stands"): "charter:approved",
    ("risks", "Every risk treated, high remains accepted"): "risks:treated",
}


Facts = list[dict[str, Any]]


def answers(plan: Plan, documents: Facts, lineage: Facts) -> Facts:
    """Every piece of evidence: its key, its name for a reader, and whether it is there and up to date."""
    found = [*_documents(documents), *_origin(lineage), *_checks(plan)]
    by_hand = {person.pk for person in developers(plan.version)}
    heavy = Finding.objects.blocking().filter(version=plan.version).exists()
    return [
        *found,
        _one("plan:locked", f"plan {plan.number}, locked before any result", plan.locked_at is not None),
        _one("plan:independent", "a validator who did not make it", plan.locked_by_id not in by_hand),
        _one("findings:settled", "no high or critical finding open", not heavy),
        _one("trail", "the audit trail of every decision", True),
        *_watch(plan),
    ]


def _watch(plan: Plan) -> Facts:
    """Whether what answers is watched; nothing is known, and nothing asked, while the model answers nowhere."""
    watched: list[dict[str, Any]] = []
    gathering_watch.send(sender=Plan, version=plan.version, watched=watched)
    blind = sorted(one["endpoint"] for one in watched if not one["monitors"])
    name = f"an active monitor at {', '.join(blind)}" if blind else "an active monitor at every endpoint"
    return [_one("monitoring:active", name, not blind)] if watched else []


def _one(key: str, name: str, known: bool) -> dict[str, Any]:
    return {"key": key, "name": name, "known": known}


def _documents(documents: Facts) -> Facts:
    headings = {("card", part.heading): f"card:{part.key}" for part in cards.PARTS} | TITLES
    return [
        _one(
            headings[one["document"], one["section"]],
            f"{one['document']}: {one['section'].lower()}",
            one["filled"] and not one["stale"],
        )
        for one in documents
    ]


def _origin(lineage: Facts) -> Facts:
    known = {one["what"]: one["known"] for one in lineage}
    return [_one(f"lineage:{key}", what, known[what]) for key, what in ORIGIN.items()]


def _checks(plan: Plan) -> Facts:
    """The families of checks in the plan. What they found is told by themselves."""
    counts = Counter(plan.checks.values_list("family", flat=True))
    return [_one(f"check:{family}", f"checks of {family} in the plan", counts[family] > 0) for family, _ in FAMILIES]
