"""Is it documented? What must be written down for the tier, and whether it is older than what it describes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from apps.validation.engine.base import TIERS, CannotRun, Check, Family, Limits, Measured, Need, Sense, Titles, table
from apps.validation.engine.case import Case
from apps.validation.engine.rulebooks import EU_AI_ACT, ISO_42001, NIST_AI_RMF, SR_26_2, RuleBook, answered

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
    source = "EU AI Act annex IV (2), SR 26-2: development evidence"
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


class RuleBookCheck(Check):
    """What the checklists of rule books share. One is in force where the template of the tier asks it."""

    book: ClassVar[RuleBook]
    family = Family.DOCUMENTATION
    metric = "share of the points that records, documents and the plan's checks answer"
    unit = "percent"
    needs = frozenset({Need.FACTS})
    tiers: ClassVar[Sequence[str]] = ()
    limits = {"low": Limits(None, 0.5), "limited": Limits(None, 1.0), "high": Limits(0.5, 1.0)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share, and for each point what answers it or is missing. A checklist of evidence is no legal opinion."""
        evidence = {one["key"]: (one["name"], one["known"]) for one in case.fact("evidence")}
        rows = answered(self.book, evidence)
        lacking = [f"{row['place']}: {row['missing']}" for row in rows if row["answered"] == "no"]
        titles: Titles = {
            "place": ("place", "text"),
            "asks": ("asked for", "text"),
            "answered": ("answered", "text"),
            "by": ("by", "text"),
            "missing": ("missing", "text"),
        }
        all_well = f"All {len(rows)} points are answered by what is on record."
        return Measured(
            1 - len(lacking) / len(rows),
            f"{len(lacking)} of {len(rows)} points are not answered: {lacking[0]}." if lacking else all_well,
            tables=[table(self.book.title, rows, **titles)],
            rows_used=0,
        )


class EuAiAct(RuleBookCheck):
    """The duties of high-risk systems, articles 9 to 15, and 72 once they are in use."""

    key = "doc.eu_ai_act"
    title = "EU AI Act, articles 9 to 15"
    question = "What answers the duties of a high-risk system, and what is missing?"
    source = "Regulation (EU) 2024/1689, articles 9 to 15 and 72, annex IV"
    book = EU_AI_ACT
    tiers = ("high",)


class NistAiRmf(RuleBookCheck):
    """The framework's subcategories that evidence on a model can answer."""

    key = "doc.nist_ai_rmf"
    title = "NIST AI RMF"
    question = "What answers the framework's points about one model, and what is missing?"
    source = "NIST AI 100-1 (January 2023), MAP, MEASURE and MANAGE"
    book = NIST_AI_RMF


class Sr262(RuleBookCheck):
    """The interagency guidance on model risk of April 2026."""

    key = "doc.sr_26_2"
    title = "SR 26-2"
    question = "What answers the guidance on model risk, and what is missing?"
    source = "Federal Reserve SR 26-2 with OCC Bulletin 2026-13, in place of SR 11-7"
    book = SR_26_2


class Iso42001(RuleBookCheck):
    """The controls of annex A that are about one system."""

    key = "doc.iso_42001"
    title = "ISO/IEC 42001"
    question = "What answers the controls about one system, and what is missing?"
    source = "ISO/IEC 42001:2023, annex A"
    book = ISO_42001


CHECKS = (Completeness, Freshness, Lineage, EuAiAct, NistAiRmf, Sr262, Iso42001)
