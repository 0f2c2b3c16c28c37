"""What follows from a failure, and when a validation has to be done again: rules as plain data, read and applied.

An organization writes its own; `DEFAULT` is what holds until it does.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

SEVERITIES = ("low", "medium", "high", "critical")
TIERS = ("low", "limited", "high")
TRIGGERS = ("artifact", "data", "purpose", "breach", "incident", "date")
LEVELS = ("person", "team")
LONGEST = 3_660


class Unusable(ValueError):
    """Rules that cannot be applied; `place` names the part that is wrong."""

    def __init__(self, sentence: str, place: str) -> None:
        super().__init__(sentence)
        self.sentence, self.place = sentence, place


@dataclass(frozen=True)
class Rule:
    """One line: the first that fits a failed check says how much its finding weighs. Empty means any."""

    severity: str
    family: str = ""
    tier: str = ""
    required: bool | None = None
    beyond: float = 0.0  # how far the figure lies beyond its threshold, at least, as a share of the threshold

    def fits(self, family: str, tier: str, required: bool, beyond: float) -> bool:
        """Whether the line is about this failure."""
        return (
            self.family in ("", family)
            and self.tier in ("", tier)
            and self.required in (None, required)
            and beyond >= self.beyond
        )

    @property
    def words(self) -> str:
        """The line as a reader wants it."""
        which = {None: "", True: " that the plan requires", False: " that is not required"}
        said = [f"any {f'{self.family} ' if self.family else ''}check{which[self.required]}"]
        if self.tier:
            said.append(f"in the {self.tier} tier")
        if self.beyond:
            said.append(f"{self.beyond:.0%} or more beyond its threshold")
        return ", ".join(said)


@dataclass(frozen=True)
class Again:
    """When versions of a tier are validated again: every so many days, and so many days after a trigger."""

    every: int
    within: int
    triggers: tuple[str, ...] = TRIGGERS


@dataclass(frozen=True)
class Judging:
    """All the rules of an organization."""

    severity: tuple[Rule, ...]
    days: Mapping[str, int]
    again: Mapping[str, Again]
    independence: Mapping[str, str]
    holds: tuple[str, ...] = ("high",)  # tiers in which an overdue revalidation holds up what would take new traffic

    def weigh(self, *, family: str, tier: str, required: bool, beyond: float) -> tuple[str, str]:
        """The severity of a failure, and the words of the rule that gave it."""
        for number, rule in enumerate(self.severity, start=1):
            if rule.fits(family, tier, required, beyond):
                return rule.severity, f"Rule {number}: {rule.words}"
        raise Unusable("No rule fits this failure.", "severity")

    def as_json(self) -> dict[str, Any]:
        """The rules as they are stored and sent."""
        return {
            "severity": [asdict(rule) for rule in self.severity],
            "days": dict(self.days),
            "again": {tier: {**asdict(one), "triggers": list(one.triggers)} for tier, one in self.again.items()},
            "independence": dict(self.independence),
            "holds": list(self.holds),
        }


def beyond(figure: float | None, fail: float | None) -> float:
    """How far a failed figure lies beyond its threshold, as a share of the threshold.

    One where there is nothing to measure by: a threshold of zero, no figure, no number.
    """
    if figure is None or fail is None or fail == 0 or not math.isfinite(figure):
        return 1.0
    return abs(figure - fail) / abs(fail)


DEFAULT = Judging(
    severity=(
        Rule("critical", family="security", required=True),
        Rule("critical", family="fairness", tier="high", required=True),
        Rule("critical", tier="high", required=True, beyond=0.5),
        Rule("low", tier="low", required=False),
        Rule("medium", required=False),
        Rule("high", tier="low", beyond=0.1),
        Rule("medium", tier="low"),
        Rule("high"),
    ),
    days={"low": 90, "medium": 60, "high": 30, "critical": 14},
    again={"low": Again(730, 120), "limited": Again(365, 60), "high": Again(182, 30)},
    independence={"low": "person", "limited": "person", "high": "team"},
)


def read(given: Mapping[str, Any]) -> Judging:
    """Rules from JSON; parts that are left out are the default's. Unusable names the part that is wrong."""
    unknown = set(given) - set(Judging.__dataclass_fields__)
    if unknown:
        raise Unusable(f"There are no rules on {', '.join(sorted(unknown))}.", sorted(unknown)[0])
    plain = {**DEFAULT.as_json(), **given}
    return Judging(
        severity=_severity(plain["severity"]),
        days=_days(plain["days"]),
        again={tier: _again(tier, _of(plain["again"], tier, "again")) for tier in TIERS},
        independence={
            tier: _one_of(_of(plain["independence"], tier, "independence"), LEVELS, "independence") for tier in TIERS
        },
        holds=tuple(_one_of(tier, TIERS, "holds") for tier in _listed(plain["holds"], "holds")),
    )


def _severity(lines: Any) -> tuple[Rule, ...]:
    rules = tuple(_rule(number, line) for number, line in enumerate(_listed(lines, "severity"), start=1))
    if not rules or rules[-1] != Rule(rules[-1].severity):
        raise Unusable("The last rule has to fit every failure: any family, any tier, any check.", "severity")
    return rules


def _rule(number: int, line: Any) -> Rule:
    from apps.validation.engine.base import Family

    try:
        rule = Rule(**{**line, "beyond": float(line.get("beyond") or 0)})
    except (TypeError, ValueError, AttributeError):
        raise Unusable(f"Rule {number} has severity, family, tier, required and beyond.", "severity") from None
    _one_of(rule.severity, SEVERITIES, "severity")
    _one_of(rule.family, ("", *(family.value for family in Family)), "severity")
    _one_of(rule.tier, ("", *TIERS), "severity")
    _one_of(rule.required, (None, True, False), "severity")
    if not 0 <= rule.beyond <= 100:
        raise Unusable(f"Rule {number}: how far beyond is a share from 0 to 100.", "severity")
    return rule


def _days(given: Any) -> dict[str, int]:
    return {severity: _count(_of(given, severity, "days"), "days") for severity in SEVERITIES}


def _again(tier: str, given: Any) -> Again:
    triggers = _listed(_of(given, "triggers", "again"), "again")
    return Again(
        _count(_of(given, "every", "again"), "again"),
        _count(_of(given, "within", "again"), "again"),
        tuple(_one_of(one, TRIGGERS, "again") for one in triggers),
    )


def _of(given: Any, name: str, place: str) -> Any:
    if not isinstance(given, Mapping) or name not in given:
        raise Unusable(f"Say what holds for {name}.", place)
    return given[name]


def _listed(given: Any, place: str) -> Sequence[Any]:
    if not isinstance(given, list | tuple):
        raise Unusable("Give a list.", place)
    return given


def _count(given: Any, place: str) -> int:
    if type(given) is not int or not 1 <= given <= LONGEST:
        raise Unusable(f"Days are whole numbers from 1 to {LONGEST:,}.", place)
    return given


def _one_of(given: Any, known: Sequence[Any], place: str) -> Any:
    if not any(given is one or (given == one and type(given) is type(one)) for one in known):
        said = ", ".join(str(one) for one in known if one not in ("", None))
        raise Unusable(f"“{given}” is none of {said}.", place)
    return given
