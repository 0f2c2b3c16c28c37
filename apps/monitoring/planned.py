"""What validation demanded of a version, as limits for the time after: the plan that was locked goes on holding."""

from dataclasses import dataclass
from typing import Any

from apps.monitoring.models import SegmentColumn
from apps.validation.models import Plan, PlanState

MEASURES = {"perf.auc": "auc", "perf.accuracy": "accuracy", "perf.f1": "f1", "perf.regression": "r2"}
GAIN, LEAST_LISTS = "rank.ndcg", 20
FAIR = {"fair.impact_ratio": "impact", "fair.equalised_odds": "gap", "fair.equal_opportunity": "gap"}


@dataclass(frozen=True)
class Planned:
    """A threshold of the plan: the measure must not fall under `fail`, and is near it under `warn`."""

    metric: str
    fail: float | None
    warn: float | None
    check: str
    plan: int

    @property
    def limit(self) -> float:
        """The figure that is held against."""
        found = self.fail if self.fail is not None else self.warn
        assert found is not None
        return found


def plan_of(version: Any) -> Plan | None:
    """The plan in force for the version: the one that is locked."""
    return Plan.objects.filter(version=version, state=PlanState.LOCKED).order_by("-number").first()


def measures(version: Any) -> list[Planned]:
    """Thresholds of measures that monitoring can take too."""
    plan = plan_of(version)
    lines = plan.checks.filter(key__in=[*MEASURES, GAIN]) if plan else []
    return [Planned(metric_of(line), line.fail, line.warn, line.name, plan.number) for line in lines]  # type: ignore[union-attr]


def metric_of(line: Any) -> str:
    """What monitoring calls the measure of a plan's line; gain is of as many first places as the line says."""
    return MEASURES[line.key] if line.key != GAIN else f"ndcg@{line.parameters.get('top', 10)}"


def fairness(version: Any, columns: list[SegmentColumn]) -> dict[str, dict[str, float]]:
    """Thresholds for protected columns that the plan examined by themselves: limits by column."""
    plan = plan_of(version)
    found: dict[str, dict[str, float]] = {}
    names = {column.column for column in columns}
    for line in plan.checks.filter(key__in=FAIR) if plan else []:
        attributes = line.parameters.get("attributes", [])
        limit = line.fail if line.fail is not None else line.warn
        if len(attributes) == 1 and attributes[0] in names and limit is not None and 0 < limit <= 1:
            found.setdefault(attributes[0], {})[FAIR[line.key]] = float(limit)
    return found


def least(metric: str, limits: Any) -> int:
    """How many it takes to judge a measure: rows, or behind the gain of rankings lists, each of many rows."""
    return LEAST_LISTS if metric.startswith("ndcg@") else limits.minimum


def judge(planned: list[Planned], realised: dict[str, Any], is_mature: bool, limits: Any) -> list[dict[str, Any]]:
    """Every threshold with its level: over it when the measure of a mature window is certainly under `fail`."""
    from scipy import special

    from apps.monitoring.engine import performance, policy

    found = []
    for one in planned:
        now = realised.get(one.metric)
        row = {"metric": one.metric, "fail": one.fail, "warn": one.warn, "check": one.check, "plan": one.plan}
        if now is None or now.n < least(one.metric, limits):
            found.append(row | {"level": policy.NOT_ENOUGH})
            continue
        error = max((now.high - now.low) / (2 * performance.Z), 1e-12)
        p = float(special.ndtr((now.value - one.limit) / error))
        level = policy.QUIET
        if one.warn is not None and now.value < one.warn:
            level = policy.NEAR
        if one.fail is not None and now.value < one.fail:
            level = policy.DRIFT if p < limits.q and is_mature else policy.NEAR
        found.append(row | {"level": level, "value": now.value, "p": p})
    return found
