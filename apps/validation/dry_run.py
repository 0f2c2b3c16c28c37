"""What a template would say of the versions there are: stored results held against its thresholds, nothing measured.

A line finds its result in the newest finished run of a version, where the same check was asked with the same
parameters; where there is none, that is said, and the version is not told to pass.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Q

from apps.models.models import ModelVersion
from apps.organizations import access
from apps.validation import subjects
from apps.validation.models import SILENT, CheckResult, RunState, ValidationRun

IN_USE = ("candidate", "validated", "approved")
OF_THE_PLAN = frozenset({"attributes", "favourable", "edges"})  # parameters that a plan gives, not its template
MOST = 5_000
UNKNOWN = "unknown"
WORDS = {
    "failed": "Would fail",
    "warned": "Would pass with warnings",
    "passed": "Would pass",
    UNKNOWN: "Cannot be told",
}
FIELDS = ("run_id", "name", "key", "parameters", "verdict", "value", "low", "high", "sense", "required")


@dataclass(frozen=True)
class Told:
    """What the template says of one version."""

    version: ModelVersion
    run: Mapping[str, Any] | None
    verdict: str
    failed: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """The verdict in words."""
        return WORDS[self.verdict]

    @property
    def now(self) -> str:
        """The verdict of the newest run as it stands."""
        return str(self.run["verdict"]) if self.run else ""


@dataclass(frozen=True)
class DryRun:
    """What the template says of every version that one may see."""

    told: list[Told]

    @property
    def counts(self) -> dict[str, int]:
        """How many versions there are of each verdict."""
        return {verdict: sum(one.verdict == verdict for one in self.told) for verdict in WORDS}

    @property
    def sums(self) -> list[tuple[str, int]]:
        """The same in words."""
        return [(WORDS[verdict], count) for verdict, count in self.counts.items()]


def dry_run(*, tier: str, kind: str, lines: Sequence[Mapping[str, Any]], by: Any) -> DryRun:
    """Hold the stored results of every version of the tier and kind against these lines; four queries, however many."""
    of_tier = Q(model__project__tier=tier) | (Q(model__project__tier="") if tier == "high" else Q(pk=None))
    rows = ModelVersion.objects.filter(of_tier, state__in=IN_USE).select_related(
        "organization", "model__organization", "model__project"
    )
    versions = list(access.visible(rows, by).order_by("model__name", "-number")[:MOST])
    newest = ValidationRun.objects.filter(version__in=[one.pk for one in versions], state=RunState.FINISHED)
    wanted = ("pk", "version_id", "number", "verdict", "plan__kind")
    runs = {
        run["version_id"]: run
        for run in newest.order_by("version_id", "-number").distinct("version_id").values(*wanted)
    }
    kept = [one for one in versions if _kind(one, runs.get(one.pk)) == kind]
    asked = CheckResult.objects.filter(
        run__in=[runs[one.pk]["pk"] for one in kept if one.pk in runs], key__in={line["key"] for line in lines}
    )
    results: dict[Any, list[dict[str, Any]]] = {}
    for result in asked.values(*FIELDS, at_best=F("evidence__at_best")):
        results.setdefault(result["run_id"], []).append(result)
    told = []
    for version in kept:
        run = runs.get(version.pk)
        told.append(_tell(version, run, results.get(run["pk"], []) if run else [], lines, kind))
    return DryRun(sorted(told, key=lambda one: list(WORDS).index(one.verdict)))


def _kind(version: ModelVersion, run: Mapping[str, Any] | None) -> str:
    """What the version was planned as, or answers where it never was."""
    return str(run["plan__kind"]) if run else subjects.kind_of(version)


def _tell(
    version: ModelVersion, run: Mapping[str, Any] | None, results: Sequence[Mapping[str, Any]],
    lines: Sequence[Mapping[str, Any]], kind: str,
) -> Told:  # fmt: skip
    from apps.validation.engine.base import Verdict
    from apps.validation.engine.runner import overall

    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        by_key.setdefault(result["key"], []).append(result)
    verdicts: list[tuple[Verdict, bool]] = []
    found: dict[str, list[str]] = {"failed": [], "warned": [], UNKNOWN: []}
    for line in lines:
        for name, verdict, required in _line(line, by_key.get(line["key"], []), kind, subjects.kind_of(version)):
            verdicts += [(verdict, required)] if verdict is not None else []
            if verdict is None and required:
                found[UNKNOWN].append(name)
            elif verdict is not None and verdict.value in found:
                found[verdict.value].append(name)
            elif verdict in {Verdict.NOT_RUN, Verdict.TOO_SMALL} and required:
                found[UNKNOWN].append(name)
    whole = overall(verdicts) if verdicts else None
    if found["failed"]:
        said = "failed"
    elif found[UNKNOWN] or whole not in {Verdict.WARNED, Verdict.PASSED}:
        said = UNKNOWN
    else:
        said = str(whole.value) if whole else UNKNOWN
    return Told(version, run, said, found["failed"], found["warned"], found[UNKNOWN])


def _line(
    line: Mapping[str, Any], results: Sequence[Mapping[str, Any]], kind: str, answer: str
) -> Iterable[tuple[str, Any, bool]]:
    """For each of the check's results that the line has: name, verdict, whether needed. Without one: no verdict."""
    from apps.validation.engine.base import ONLY_WHERE_NAMED, Kind
    from apps.validation.engine.registry import registry

    check = registry().get(line["key"])
    if check.informs or not check.goes_with(Kind(kind), Kind(answer)):
        return
    alike = [result for result in results if _same(line, result)]
    if not alike and not check.needs & ONLY_WHERE_NAMED and "attributes" not in check.parameters:
        yield line["name"], None, line["required"]
    for result in alike:
        needed = line["required"] and (result["required"] or result["verdict"] not in SILENT)
        yield result["name"], _judged(line, result), needed


def _same(line: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Whether the check was asked with these parameters, but for those that a plan gives."""
    ours, theirs = (
        {name: value for name, value in one["parameters"].items() if name not in OF_THE_PLAN} for one in (line, result)
    )
    return ours == theirs


def _judged(line: Mapping[str, Any], result: Mapping[str, Any]) -> Any:
    """The verdict that the stored figure has under the line's thresholds; the stored one where it has none."""
    from apps.validation.engine.base import Bound, CannotRun, Limits, Verdict
    from apps.validation.engine.runner import judge_again

    if result["value"] is None:
        return Verdict(result["verdict"])
    try:
        return judge_again(result, Limits(line["fail"], line["warn"]), Bound(line["judged"]))[0]
    except CannotRun as reason:
        return reason.verdict
