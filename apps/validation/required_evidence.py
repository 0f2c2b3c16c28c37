"""What a plan asks to be there before somebody concludes that a version is fit, and what of it is there.

Written as texts: `card`, `card: Limitations`, `charter`, `charter: Approved as it stands`, `risks`, `data`,
`document: Penetration test` for a file or a link that somebody puts beside the version under that title, or
`signature: Risk approver: The errors that remain are accepted.` for a statement that somebody in the role signs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from apps.approvals.kinds import STATEMENTS
from apps.approvals.models import RequestState
from apps.core.canonical import content_hash, plain
from apps.core.errors import Invalid
from apps.organizations.roles import ProjectRole
from apps.validation import subjects
from apps.validation.models import AskedSignature, EvidenceDocument, Plan

KINDS = {
    "card": "Model card",
    "charter": "Charter",
    "risks": "Risk register",
    "data": "Word that the data are fit",
    "document": "Document",
    "signature": "Signature",
}
MOST = 40
LONGEST_TITLE = 120
LONGEST_STATEMENT = 300
SIGNERS = {role: str(ProjectRole(role).label) for role in STATEMENTS}


@dataclass(frozen=True)
class Standing:
    """One thing that is asked for: whether it is there, what about it is not, and where it can be seen.

    `is_waiting` says that somebody was asked for it and has not decided yet.
    """

    asked: str
    title: str
    is_there: bool
    note: str = ""
    url: str = ""
    is_waiting: bool = False

    def __str__(self) -> str:
        return f"{self.title} ({self.note})" if self.note else self.title


def read(texts: Iterable[Any]) -> list[str]:
    """The texts as they are kept; Invalid with a sentence for each that asks for nothing we know."""
    found, problems = [], []
    for text in texts:
        kind, _, rest = (part.strip() for part in str(text).partition(":"))
        if sentence := _problem(kind, rest):
            problems.append(f"“{text}”: {sentence}")
        if kind == "signature" and (signature := signature_of(str(text))) is not None:
            rest = f"{SIGNERS[signature[0]]}: {signature[1]}"
        found.append(f"{kind}: {rest}" if rest else kind)
    if len(found) > MOST:
        problems.append(f"A plan asks for at most {MOST} things.")
    if problems:
        raise Invalid("The evidence that is asked for cannot be read.", {"evidence": problems})
    return list(dict.fromkeys(found))


def signature_of(asked: str) -> tuple[str, str] | None:
    """Role and statement of a signature that is asked for; None where the text asks for something else, or badly."""
    kind, _, rest = (part.strip() for part in asked.partition(":"))
    named, _, statement = (part.strip() for part in rest.partition(":"))
    role = next((role for role, label in SIGNERS.items() if named.casefold() in {role, label.casefold()}), "")
    fits = kind == "signature" and role and 0 < len(statement) <= LONGEST_STATEMENT
    return (role, statement) if fits else None


def _problem(kind: str, rest: str) -> str:
    if kind not in KINDS:
        return f"begin with one of {', '.join(KINDS)}."
    if kind == "signature":
        asked = f"name one of {', '.join(SIGNERS.values())}, and behind a colon what is signed, at most "
        return "" if signature_of(f"{kind}: {rest}") else f"{asked}{LONGEST_STATEMENT} letters."
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
    signed = {(one.role, one.statement): one for one in signatures(plan.version)}
    return [
        _signature(str(asked), *signature, signed.get(signature))
        if (signature := signature_of(str(asked)))
        else _stands(plan, str(asked), written, beside)
        for asked in plan.evidence
    ]


def signatures(version: Any) -> list[AskedSignature]:
    """The signatures that were asked for about a version, oldest first, with who signed."""
    related = ("request__organization", "version__model__project", "version__artifact")
    rows = AskedSignature.objects.filter(version=version).select_related(*related)
    return list(rows.prefetch_related("request__signatures__user"))


def to_sign(version: Any, role: str, statement: str) -> dict[str, Any]:
    """What is signed: the statement, the version by its bytes, and what the project is for as it stands."""
    project = version.model.project
    return {
        "statement": statement,
        "as": SIGNERS[role],
        "version": str(version),
        "artifact": version.artifact.sha256,
        "purpose": {name: getattr(project, name) for name in subjects.PURPOSE},
    }


def stands(one: AskedSignature) -> bool:
    """Whether it was given, and what was signed is what stands now."""
    now = content_hash(plain(to_sign(one.version, one.role, one.statement)))
    return one.request.state == RequestState.APPROVED and now == one.request.content_hash


def _signature(asked: str, role: str, statement: str, found: AskedSignature | None) -> Standing:
    title = f"Signature, {SIGNERS[role].lower()}: “{statement}”"
    if found is None:
        return Standing(asked, title, False, "nobody was asked for it")
    url, state = found.request.get_absolute_url(), str(found.request.get_state_display())
    if found.request.state != RequestState.APPROVED:
        return Standing(asked, title, False, state.lower(), url, found.request.is_open)
    if not stands(found):
        return Standing(asked, title, False, "the version or its purpose has changed since it was signed", url)
    names = [str(one.user) for one in found.request.signatures.all() if one.role == role]
    return Standing(asked, title, bool(names), f"signed by {', '.join(names) or 'nobody in this role'}", url)


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
