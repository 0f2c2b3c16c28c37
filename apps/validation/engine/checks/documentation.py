"""Is it documented? What must be written down for the tier, and whether it is older than what it describes."""

from __future__ import annotations

from typing import Any

from apps.validation.engine.base import TIERS, CannotRun, Check, Family, Limits, Measured, Need, Sense, Titles, table
from apps.validation.engine.case import Case

PLACES = {"card": "model card", "charter": "charter", "risks": "risk register"}


class Completeness(Check):
    """The sections that the tier requires, filled and newer than the last change of what they describe.

    The facts name each section: {"document", "section", "required", "filled", "stale", "note"}.
    """

    key = "doc.completeness"
    blind = True
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


class Freshness(Check):
    """What is written down is about the model as it is."""

    key = "doc.freshness"
    blind = True
    family = Family.DOCUMENTATION
    title = "Newer than the last change"
    question = "Is what is written down newer than the last change of what it describes?"
    metric = "number of sections that are older than the last change of what they describe"
    unit = "count"
    source = "EU AI Act article 11: documentation is kept up to date"
    sense = Sense.AT_MOST
    needs = frozenset({Need.FACTS})
    limits = {"low": Limits(None, 0.0), "limited": Limits(None, 0.0), "high": Limits(0.0, None)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The number, and what is newer than each section."""
        stale = [one for one in case.fact("documents") if one["filled"] and one.get("stale")]
        rows = [
            {
                "document": PLACES.get(one["document"], one["document"]),
                "section": one["section"],
                "why": one.get("note", ""),
            }
            for one in stale
        ]
        titles: Titles = {"document": ("document", "text"), "section": ("section", "text"), "why": ("since", "text")}
        sentence = f"{len(rows)} sections are older than what they describe."
        return Measured(
            float(len(rows)),
            sentence if rows else "Everything that is written down is newer than what it describes.",
            tables=[table("Sections that are too old", rows, **titles)] if rows else [],
            rows_used=0,
        )


class Lineage(Check):
    """Where the model comes from."""

    key = "doc.lineage"
    blind = True
    family = Family.DOCUMENTATION
    title = "Origin on record"
    question = "Is it on record from which data, with which recipe, and by whom the version was made?"
    metric = "share of what must be known about the origin that is on record"
    unit = "percent"
    source = "EU AI Act annex IV (2), SR 11-7: development evidence"
    needs = frozenset({Need.FACTS})
    tiers = TIERS
    limits = {"low": Limits(None, 0.5), "limited": Limits(None, 1.0), "high": Limits(None, 1.0)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share, with each thing and whether it is known."""
        asked = case.fact("lineage")
        rows = [{"what": one["what"], "known": "yes" if one["known"] else "no"} for one in asked]
        lacking = [one["what"] for one in asked if not one["known"]]
        sentence = f"Not on record: {', '.join(lacking)}." if lacking else "The whole origin is on record."
        titles: Titles = {"what": ("about the origin", "text"), "known": ("on record", "text")}
        return Measured(1 - len(lacking) / len(asked), sentence, tables=[table("Origin", rows, **titles)], rows_used=0)


CHECKS = (Completeness, Freshness, Lineage)
