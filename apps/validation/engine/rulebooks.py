"""What rule books ask for in terms of what a portal has on record: which evidence answers which point.

Each point is told in our own words with its place. It is answered when all its evidence is there; the keys name
documents, records and families of checks, as `apps.validation.rulebooks` gives them. As of November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.validation.engine.arrays import Line


@dataclass(frozen=True)
class Point:
    """One thing asked for: its place, what it asks, and the keys of the evidence that answers it together.

    `once_used` is asked only where there is such evidence: of a model that answers somewhere.
    """

    place: str
    asks: str
    needs: str
    once_used: bool = False

    @property
    def keys(self) -> list[str]:
        """The keys one by one."""
        return self.needs.split()


@dataclass(frozen=True)
class RuleBook:
    """A rule book with the points that evidence on a model can answer."""

    title: str
    points: Sequence[Point]


EU_AI_ACT = RuleBook(
    "EU AI Act (Regulation 2024/1689), duties of high-risk systems",
    [
        Point(
            "Article 9 (2)", "risks identified, treated, and what remains accepted", "risks:treated charter:complete"
        ),
        Point("Article 9 (5)", "what remains of the risks is acceptable", "findings:settled charter:approved"),
        Point("Article 9 (8)", "tested against thresholds that were set before", "plan:locked check:performance"),
        Point(
            "Article 10 (2)",
            "origin and preparation of the data known, their fitness assessed",
            "lineage:data lineage:fitness check:data",
        ),
        Point("Article 10 (2) f, g", "possible bias examined", "check:fairness card:ethics"),
        Point(
            "Article 11, annex IV",
            "technical documentation drawn up and kept up to date",
            "card:intended_use card:limitations lineage:recipe check:documentation",
        ),
        Point(
            "Article 12", "events recorded so that results can be traced", "lineage:libraries lineage:artifact trail"
        ),
        Point(
            "Article 13",
            "instructions for use: purpose, limits, persons concerned",
            "card:intended_use card:out_of_scope card:limitations",
        ),
        Point(
            "Article 14",
            "people can understand it, watch over it and overrule it",
            "card:oversight check:explainability",
        ),
        Point("Article 15 (1, 3)", "accuracy measured and declared", "check:performance"),
        Point(
            "Article 15 (4)", "robust against errors, faults and inconsistencies", "check:robustness check:consistency"
        ),
        Point("Article 15 (5)", "safe against attempts to change or misuse it", "check:security"),
        Point("Article 72", "watched after it was put into use", "monitoring:active", once_used=True),
    ],
)
NIST_AI_RMF = RuleBook(
    "NIST AI Risk Management Framework 1.0",
    [
        Point("MAP 1.1", "purpose, context and users understood", "card:intended_use charter:complete"),
        Point("MAP 2.2", "limits of knowledge and oversight documented", "card:limitations card:oversight"),
        Point("MEASURE 1.3", "assessed by people who did not build it", "plan:independent"),
        Point(
            "MEASURE 2.1, 2.3",
            "test sets, measures and tools documented; performance shown",
            "plan:locked check:performance",
        ),
        Point("MEASURE 2.5", "valid and reliable, limits of generalisation known", "check:consistency check:data"),
        Point("MEASURE 2.6", "fails safely outside its limits", "check:robustness"),
        Point("MEASURE 2.7", "security and resilience evaluated", "check:security"),
        Point("MEASURE 2.9", "explained and its answers interpretable", "check:explainability"),
        Point("MEASURE 2.11", "fairness and bias evaluated", "check:fairness card:ethics"),
        Point(
            "MANAGE 1.3, 1.4",
            "responses to high risks planned, residual risks documented",
            "risks:treated findings:settled",
        ),
        Point("MANAGE 4.1", "watched after deployment", "monitoring:active", once_used=True),
    ],
)
SR_26_2 = RuleBook(
    "SR 26-2, model risk management (supersedes SR 11-7 since April 2026)",
    [
        Point(
            "Development",
            "purpose, design and data of the model documented",
            "card:intended_use lineage:recipe lineage:data",
        ),
        Point("Development", "assumptions and limits known to users", "card:limitations card:out_of_scope"),
        Point("Materiality", "depth follows exposure and purpose", "charter:approved"),
        Point("Validation", "effective challenge by somebody independent", "plan:independent plan:locked"),
        Point("Validation", "conceptual soundness: which inputs matter and how", "check:explainability"),
        Point("Validation", "outcomes analysed against what happened", "check:performance check:consistency"),
        Point("Validation", "behaviour under stress and outside the usual range", "check:robustness"),
        Point("Monitoring", "performance and use watched while it is in use", "monitoring:active", once_used=True),
        Point("Inventory", "who owns it and what it depends on is on record", "charter:complete lineage:libraries"),
    ],
)
ISO_42001 = RuleBook(
    "ISO/IEC 42001:2023, annex A controls about one system",
    [
        Point("A.5", "impact on persons and society assessed", "charter:complete card:ethics"),
        Point("A.6.2.3", "design and development documented", "lineage:recipe lineage:split"),
        Point(
            "A.6.2.4", "verified and validated by criteria set before", "plan:locked check:performance check:robustness"
        ),
        Point("A.6.2.6", "watched in operation", "monitoring:active", once_used=True),
        Point("A.6.2.7", "technical documentation", "card:intended_use card:limitations"),
        Point("A.6.2.8", "event logs", "trail"),
        Point("A.7.3, A.7.5", "data acquired knowingly, provenance on record", "lineage:data"),
        Point("A.7.4", "quality of the data assessed", "lineage:fitness check:data"),
        Point("A.8.2", "information for users", "card:intended_use card:oversight"),
        Point("A.9.4", "intended use stated and kept to", "card:intended_use card:out_of_scope"),
    ],
)


def answered(book: RuleBook, evidence: Mapping[str, tuple[str, bool]]) -> list[Line]:
    """Each point with what answers it and what is missing; `evidence` says a key's name and whether it is there."""
    lines: list[Line] = []
    for point in book.points:
        if point.once_used and not evidence.keys() & set(point.keys):
            continue
        known = [evidence.get(key, (key, False)) for key in point.keys]
        lacking = [name for name, is_there in known if not is_there]
        there = [name for name, is_there in known if is_there]
        lines.append(
            {
                "place": point.place,
                "asks": point.asks,
                "answered": "yes" if not lacking else "no",
                "by": ", ".join(there),
                "missing": ", ".join(lacking),
            }
        )
    return lines
