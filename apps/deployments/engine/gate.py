"""The gate: may this version of a model go into this environment now? Facts in, reasons out, a sentence per rule."""

from collections.abc import Callable
from dataclasses import dataclass, field

FINE_TIERS = ("low", "limited", "high")
TRIED = ("validated", "approved")


@dataclass(frozen=True)
class Facts:
    """What the rules look at, gathered by the caller at one moment."""

    version: str
    environment: str
    is_production: bool
    charter_is_approved: bool
    tier: str
    version_state: str
    format: str
    data_is_signed_off: bool
    data: str
    validation: str  # what the validator concluded: "validated", "conditions", "rejected"; "" where nobody has yet
    approval_counts: bool  # the approval of the version is signed and still covers it
    blocking_findings: tuple[str, ...] = ()
    # Names of the environments on the way to this one, and of those in which this version has already served.
    earlier_environments: tuple[str, ...] = ()
    served_in: tuple[str, ...] = ()
    # Sentences: the conditions under which it was validated, and why it would break some of them.
    conditions: tuple[str, ...] = ()
    broken_conditions: tuple[str, ...] = ()
    held_up_by: str = ""  # why it waits for a revalidation that is overdue; empty where nothing holds it up


@dataclass(frozen=True)
class Reason:
    """One rule's answer."""

    code: str
    is_met: bool
    sentence: str


@dataclass(frozen=True)
class Answer:
    """The gate's answer: every rule with its sentence, met or not."""

    reasons: tuple[Reason, ...] = field(default_factory=tuple)

    @property
    def allowed(self) -> bool:
        """Whether every rule is met."""
        return all(reason.is_met for reason in self.reasons)

    @property
    def refusals(self) -> list[str]:
        """The sentences of the rules that are not met."""
        return [reason.sentence for reason in self.reasons if not reason.is_met]


def decide(facts: Facts) -> Answer:
    """Put the facts to every rule."""
    return Answer(tuple(rule(facts) for rule in RULES))


def _charter(facts: Facts) -> Reason:
    if facts.charter_is_approved:
        return Reason("charter", True, "The project's charter is approved.")
    return Reason("charter", False, "The project's charter is not approved, or no longer. Have it approved first.")


def _tier(facts: Facts) -> Reason:
    if facts.tier in FINE_TIERS:
        return Reason("tier", True, f"The use is of {facts.tier} risk.")
    if facts.tier == "prohibited":
        return Reason("tier", False, "The use is prohibited. No version of this model may serve anywhere.")
    return Reason("tier", False, "The project has no risk tier yet. Answer its questionnaire first.")


def _data(facts: Facts) -> Reason:
    if facts.data_is_signed_off:
        return Reason("data", True, f"The data it was trained on, {facts.data}, is signed off as fit.")
    if not facts.data:
        return Reason("data", False, f"{facts.version} names no data it was trained on. Register it with its dataset.")
    return Reason("data", False, f"The data it was trained on, {facts.data}, is not signed off as fit.")


def _validation(facts: Facts) -> Reason:
    if facts.validation == "validated":
        return Reason("validation", True, f"{facts.version} is validated.")
    if facts.validation == "conditions":
        return Reason("validation", True, f"{facts.version} is validated under conditions.")
    if facts.validation == "rejected":
        return Reason("validation", False, f"{facts.version} did not pass its validation. Correct what was found.")
    return Reason("validation", False, f"{facts.version} is not validated. Run its plan; a validator concludes.")


def _conditions(facts: Facts) -> Reason:
    if facts.broken_conditions:
        return Reason(
            "conditions", False, f"A condition of its validation stands against it: {' '.join(facts.broken_conditions)}"
        )
    if facts.conditions:
        return Reason("conditions", True, f"It keeps the conditions of its validation: {' '.join(facts.conditions)}")
    return Reason("conditions", True, "Its validation names no conditions.")


def _revalidation(facts: Facts) -> Reason:
    if facts.held_up_by:
        return Reason("revalidation", False, f"{facts.version} waits for its revalidation. {facts.held_up_by}")
    return Reason("revalidation", True, "No overdue revalidation holds it up.")


def _findings(facts: Facts) -> Reason:
    if not facts.blocking_findings:
        return Reason("findings", True, "No finding stands in the way.")
    named = "; ".join(facts.blocking_findings[:3])
    more = f" and {len(facts.blocking_findings) - 3} more" if len(facts.blocking_findings) > 3 else ""
    return Reason("findings", False, f"Open findings stand in the way: {named}{more}. Resolve or waive them.")


def _approval(facts: Facts) -> Reason:
    if facts.version_state in {"rejected", "archived"}:
        return Reason("approval", False, f"{facts.version} is {facts.version_state} and may not serve anywhere.")
    if facts.version_state == "approved":
        if facts.approval_counts:
            return Reason("approval", True, f"{facts.version} is approved.")
        return Reason("approval", False, f"What was approved of {facts.version} has changed. Have it approved again.")
    if not facts.is_production and facts.version_state in TRIED:
        return Reason("approval", True, f"{facts.environment} takes validated versions; approval is for production.")
    return Reason("approval", False, f"{facts.version} is {facts.version_state or 'a draft'}, not approved.")


def _format(facts: Facts) -> Reason:
    if facts.format == "onnx":
        return Reason("format", True, "The artifact is in ONNX, which the prediction server opens.")
    said = facts.format or "missing"
    return Reason("format", False, f"The artifact is {said}; the prediction server opens ONNX only. Convert it.")


def _order(facts: Facts) -> Reason:
    missing = [name for name in facts.earlier_environments if name not in facts.served_in]
    if facts.tier != "high" or not missing:
        return Reason("order", True, f"Nothing has to come before {facts.environment}.")
    named = " and ".join(missing)
    return Reason("order", False, f"The use is of high risk: {facts.version} has to serve in {named} first.")


RULES: tuple[Callable[[Facts], Reason], ...] = (
    _charter,
    _tier,
    _data,
    _validation,
    _conditions,
    _revalidation,
    _findings,
    _approval,
    _format,
    _order,
)
