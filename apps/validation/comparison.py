"""Two runs side by side: what each check said in both, and what of the circumstances differs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.core.formats import NOTHING
from apps.validation import report
from apps.validation.models import CheckResult, PlanCheck, ValidationRun
from apps.validation.models.plans import DATA_ROLES

BESIDE = (
    "organization", "version__organization", "version__model__organization", "version__model__project",
    "version__artifact", "plan__version__model", "plan__test_data__dataset", "plan__train_data__dataset",
    "plan__reference_data__dataset", "plan__stress_data__dataset",
    "plan__champion__model", "plan__champion__artifact", "started_by",
)  # fmt: skip
SAME = "the same"


@dataclass(frozen=True)
class Circumstance:
    """Something that may explain a difference: in the first run, in the second, and whether it is another."""

    name: str
    first: str
    second: str
    differs: bool


@dataclass(frozen=True)
class Line:
    """One check in both runs. `moved` is second minus first in the check's unit; `is_better` by its sense."""

    name: str
    title: str
    unit: str
    first: report.Shown | None
    second: report.Shown | None
    moved: float | None
    is_better: bool | None
    is_apart: bool
    asked_otherwise: str

    @property
    def difference(self) -> str:
        """The move in words of figures, with its sign."""
        if self.moved is None:
            return NOTHING
        said = report.figure(self.moved, self.unit)
        return f"+{said}" if self.moved > 0 else said

    @property
    def moved_word(self) -> str:
        """What the move means: better, worse, the same, or not to be told."""
        if self.is_better is None:
            return SAME if self.moved == 0 else ""
        return "better" if self.is_better else "worse"

    @property
    def sides(self) -> list[report.Shown | None]:
        """The first and the second, for a table."""
        return [self.first, self.second]

    @property
    def verdict_changed(self) -> bool:
        """Whether the two verdicts differ."""
        return self.first is not None and self.second is not None and self.first.verdict != self.second.verdict


@dataclass(frozen=True)
class Comparison:
    """Two runs with what differs between their circumstances and their checks by question."""

    first: ValidationRun
    second: ValidationRun
    circumstances: list[Circumstance]
    sections: list[tuple[str, list[Line]]]

    @property
    def lines(self) -> list[Line]:
        """All checks, in the order of the questions."""
        return [line for _, lines in self.sections for line in lines]

    @property
    def differing(self) -> list[str]:
        """The names of the circumstances that differ."""
        return [one.name for one in self.circumstances if one.differs]

    @property
    def summary(self) -> str:
        """How many verdicts changed, and what else did, in a sentence."""
        changed = sum(line.verdict_changed for line in self.lines)
        verdicts = f"{changed} of {len(self.lines)} checks have another verdict." if changed else "No verdict changed."
        others = ", ".join(name.lower() for name in self.differing)
        return f"{verdicts} {f'Different are: {others}.' if others else 'Nothing else differs.'}"


def of(first: ValidationRun, second: ValidationRun) -> Comparison:
    """Compare two runs that were fetched with BESIDE; two queries, however many checks there are."""
    plans: dict[Any, dict[str, PlanCheck]] = {first.plan_id: {}, second.plan_id: {}}
    for line in PlanCheck.objects.filter(plan__in=plans).order_by("order"):
        plans[line.plan_id][line.name] = line
    results: dict[Any, dict[str, CheckResult]] = {first.pk: {}, second.pk: {}}
    for result in CheckResult.objects.filter(run__in=results).defer("evidence"):
        results[result.run_id][result.name] = result
    asked = plans[first.plan_id], plans[second.plan_id]
    found = results[first.pk], results[second.pk]
    return Comparison(first, second, _circumstances(first, second, *asked), _sections(asked, found))


def _sections(
    asked: tuple[Mapping[str, PlanCheck], Mapping[str, PlanCheck]],
    found: tuple[Mapping[str, CheckResult], Mapping[str, CheckResult]],
) -> list[tuple[str, list[Line]]]:
    from apps.validation.engine.base import FAMILY_QUESTIONS

    names = dict.fromkeys([*asked[0], *asked[1]])
    families = {name: (asked[0].get(name) or asked[1][name]).family for name in names}
    return [
        (question, lines)
        for family, question in FAMILY_QUESTIONS.items()
        if (lines := [_line(name, asked, found) for name in names if families[name] == family.value])
    ]


def _line(name: str, asked: Any, found: Any) -> Line:
    lines = [one.get(name) for one in asked]
    results = [one.get(name) for one in found]
    shown = [
        report.show(line, result, evidence=False) if line else None for line, result in zip(lines, results, strict=True)
    ]
    line = lines[0] or lines[1]
    about = report.described(line.key, line.parameters)
    moved = _moved(*(result.value if result else None for result in results))
    sign = 1 if about["sense"] == "at_least" else -1
    return Line(
        name=name,
        title=next(one.title for one in shown if one),
        unit=about["unit"],
        first=shown[0],
        second=shown[1],
        moved=moved,
        is_better=sign * moved > 0 if moved else None,
        is_apart=_apart(*results),
        asked_otherwise=_asked_otherwise(*lines),
    )


def _moved(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _apart(first: CheckResult | None, second: CheckResult | None) -> bool:
    """Whether the two intervals have nothing in common: more than chance explains."""
    if first is None or second is None or None in (first.low, first.high, second.low, second.high):
        return False
    return bool(first.high < second.low or second.high < first.low)  # type: ignore[operator]


def _asked_otherwise(first: PlanCheck | None, second: PlanCheck | None) -> str:
    """What of the question differs, in words."""
    if first is None or second is None:
        return "asked in one run only"
    said = {"fail": "threshold to fail", "warn": "threshold to warn", "judged": "figure judged", "required": "need"}
    words = [word for name, word in said.items() if getattr(first, name) != getattr(second, name)]
    words += ["parameters"] if first.parameters != second.parameters else []
    return f"asked with other {', '.join(words)}" if words else ""


def _circumstances(first: ValidationRun, second: ValidationRun, asked: Any, asked_later: Any) -> list[Circumstance]:
    runs = first, second
    otherwise = [name for name in {**asked, **asked_later} if _asked_otherwise(asked.get(name), asked_later.get(name))]
    thresholds = f"{len(otherwise)} checks asked otherwise, or in one run only" if otherwise else SAME
    return [
        _one("Artifact", [(run.version.artifact.sha256, str(run.version)) for run in runs]),
        _one("Plan", [(run.plan.content_hash, f"plan {run.plan.number}") for run in runs]),
        Circumstance("Checks and thresholds", NOTHING if otherwise else SAME, thresholds, bool(otherwise)),
        *(
            _one(title, [_data(run.plan.data.get(role)) for run in runs])
            for role, title in DATA_ROLES.items()
            if any(role in run.plan.data for run in runs)
        ),
        _one("Champion", [_champion(run.plan.champion) for run in runs]),
        _one("Seed", [(run.plan.seed, str(run.plan.seed)) for run in runs]),
        _one("Walls", [(run.layer, run.layer or NOTHING) for run in runs]),
        *_libraries(first.libraries, second.libraries),
    ]


def _one(name: str, pair: Iterable[tuple[Any, str]]) -> Circumstance:
    (one, shown), (other, shown_later) = pair
    return Circumstance(name, shown, shown_later, one != other)


def _data(data: Any) -> tuple[str, str]:
    return (data.sha256, f"{data}, {data.sha256[:12]}") if data is not None else ("", "none")


def _champion(version: Any) -> tuple[str, str]:
    return (version.artifact.sha256, str(version)) if version is not None else ("", "none in office")


def _libraries(first: Mapping[str, str], second: Mapping[str, str]) -> list[Circumstance]:
    """The libraries whose version is another; one line that says so where none is."""
    names = [name for name in sorted({*first, *second}) if first.get(name) != second.get(name)]
    if not names:
        return [Circumstance("Libraries", SAME, SAME, False)]
    return [Circumstance(f"Library {name}", first.get(name, "none"), second.get(name, "none"), True) for name in names]


def as_json(found: Comparison) -> dict[str, Any]:
    """The comparison as plain values, for the API."""
    return {
        "first": found.first.pk,
        "second": found.second.pk,
        "summary": found.summary,
        "circumstances": [vars(one) for one in found.circumstances],
        "checks": [_line_json(line, question) for question, lines in found.sections for line in lines],
    }


def _line_json(line: Line, question: str) -> dict[str, Any]:
    told: dict[str, Any] = {"name": line.name, "title": line.title, "question": question, "difference": line.moved}
    told |= {"moved": line.moved_word, "intervals_apart": line.is_apart, "asked_otherwise": line.asked_otherwise}
    for side, shown in (("first", line.first), ("second", line.second)):
        result = shown.result if shown else None
        names = ("verdict", "value", "low", "high", "fail", "warn", "sentence", "reason")
        told[side] = {name: getattr(result, name) for name in names} if result is not None else None
    return told
