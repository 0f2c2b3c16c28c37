"""Is it documented? What must be written down for the tier, and whether it is older than what it describes."""

from __future__ import annotations

from typing import Any

from apps.validation.engine.base import TIERS, CannotRun, Check, Family, Limits, Measured, Need, Titles, table
from apps.validation.engine.case import Case

PLACES = {"card": "model card", "charter": "charter", "risks": "risk register"}


class Completeness(Check):
    """The sections that the tier requires, filled and newer than the last change of what they describe.

    The facts name each section: {"document", "section", "required", "filled", "stale", "note"}.
    """

    key = "doc.completeness"
    family = Family.DOCUMENTATION
    title = "Documentation"
    question = "Is everything written down that this tier asks for, and is it newer than the model?"
    metric = "share of the required sections that are filled and up to date"
    unit = "percent"
    source = "EU AI Act annex IV, SR 26-2 and SS1/23 documentation practice; the list is the portal's"
    needs = frozenset({Need.FACTS})
    tiers = TIERS
    limits = {"low": Limits(None, 0.8), "limited": Limits(0.7, 1.0), "high": Limits(1.0, None)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share, and each section with what is wrong with it."""
        sections = [section for section in case.fact("documents") if section["required"]]
        if not sections:
            raise CannotRun("No section is required for this tier.")
        rows = [
            {"document": PLACES.get(one["document"], one["document"]), "section": one["section"], "state": _state(one)}
            for one in sections
        ]
        good = sum(row["state"] == "filled" for row in rows)
        missing = [f"{row['document']}: {row['section']}" for row in rows if row["state"] != "filled"]
        titles: Titles = {name: (name, "text") for name in ("document", "section", "state")}
        sentence = (
            f"All {len(rows)} required sections are filled."
            if not missing
            else f"{len(missing)} of {len(rows)} required sections are not in order."
        )
        return Measured(
            good / len(rows), sentence, tables=[table("Required sections", rows, **titles)], notes=missing[:10]
        )


def _state(section: dict[str, Any]) -> str:
    if not section["filled"]:
        return "empty"
    return "older than the last change" if section.get("stale") else "filled"


CHECKS = (Completeness,)
