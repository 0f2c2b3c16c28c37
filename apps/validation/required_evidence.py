"""What a plan asks to be there before somebody concludes that a version is fit, and what of it is there.

Written as texts: `card`, `card: Limitations`, `charter`, `charter: Approved as it stands`, `risks`, `data`, or
`document: Penetration test` for a file or a link that somebody puts beside the version under that title.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from apps.core.errors import Invalid
from apps.validation import subjects
from apps.validation.models import EvidenceDocument, Plan

KINDS = {
    "card": "Model card",
    "charter": "Charter",
    "risks": "Risk register",
    "data": "Word that the data are fit",
    "document": "Document",
}
MOST = 40
LONGEST_TITLE = 120


@dataclass(frozen=True)
class Standing:
    """One thing that is asked for: whether it is there, what about it is not, and where it can be seen."""

    asked: str
    title: str
    is_there: bool
    note: str = ""
    url: str = ""

    def __str__(self) -> str:
        return f"{self.title} ({self.note})" if self.note else self.title


def read(texts: Iterable[Any]) -> list[str]:
    """The texts as they are kept; Invalid with a sentence for each that asks for nothing we know."""
    found, problems = [], []
    for text in texts:
        kind, _, rest = (part.strip() for part in str(text).partition(":"))
        if sentence := _problem(kind, rest):
            problems.append(f"“{text}”: {sentence}")
        found.append(f"{kind}: {rest}" if rest else kind)
    if len(found) > MOST:
        problems.append(f"A plan asks for at most {MOST} things.")
    if problems:
        raise Invalid("The evidence that is asked for cannot be read.", {"evidence": problems})
    return list(dict.fromkeys(found))


def _problem(kind: str, rest: str) -> str:
    if kind not in KINDS:
        return f"begin with one of {', '.join(KINDS)}."
    if kind == "document":
        return (
            "" if 0 < len(rest) <= LONGEST_TITLE else f"name its title behind a colon, at most {LONGEST_TITLE} letters."
        )
    known = sections(kind)
    if rest and rest not in known:
        return f"name one of {', '.join(known)}." if known else f"{kind} has no parts."
    return ""


def sections(kind: str) -> list[str]:
    """The parts of a document that can be asked for one by one."""
    from apps.models.engine import cards

    return {"card": [part.heading for part in cards.PARTS], "charter": subjects.CHARTER}.get(kind, [])


def standing(plan: Plan) -> list[Standing]:
    """All that the plan asks for, with what is there now. The same number of queries however much is asked for."""
    if not plan.evidence:
        return []
    written = subjects.documents(plan.version)
    beside: dict[str, EvidenceDocument] = {}
    for document in EvidenceDocument.objects.filter(version=plan.version).select_related("organization", "added_by"):
        beside.setdefault(document.title.casefold(), document)
    return [_stands(plan, str(asked), written, beside) for asked in plan.evidence]


def missing(plan: Plan) -> list[Standing]:
    """What the plan asks for and is not there, or is older than the last change."""
    return [one for one in standing(plan) if not one.is_there]


def _stands(plan: Plan, asked: str, written: Sequence[dict[str, Any]], beside: dict[str, EvidenceDocument]) -> Standing:
    kind, _, rest = (part.strip() for part in asked.partition(":"))
    title = f"{KINDS[kind]}: {rest}" if rest else KINDS[kind]
    if kind == "document":
        found = beside.get(rest.casefold())
        if found is None:
            return Standing(asked, title, False, "nobody has added it")
        return Standing(asked, title, True, f"added by {found.added_by}", found.get_absolute_url())
    if kind == "data":
        unsigned = [str(data) for data in plan.data.values() if data.signed_off_at is None]
        return Standing(asked, title, not unsigned, f"not signed off: {', '.join(unsigned)}" if unsigned else "")
    parts = [
        part for part in written if part["document"] == kind and (part["section"] == rest if rest else part["required"])
    ]
    lacking = [f"{part['section']} is not there" for part in parts if not part["filled"]]
    lacking += [f"{part['section']}: {part['note']}" for part in parts if part["stale"]]
    return Standing(asked, title, bool(parts) and not lacking, "; ".join(lacking))
