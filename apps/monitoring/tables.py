"""What pages show, as rows for files: heads and cells, every number as it is and every moment in UTC."""

from collections.abc import Iterable, Sequence
from itertools import batched
from typing import Any

from apps.monitoring import results, worth
from apps.monitoring.calls import PERCENTS, Calls
from apps.monitoring.models import Check, SegmentResult
from apps.monitoring.results import Reading

Table = tuple[list[str], Iterable[list[Any]]]
MOST_WINDOWS = 10_000  # in a file; more than the hours of a year
MOST_OF_ALL = 2_000  # the same of a file of every feature
TOGETHER = 50  # windows whose features are in memory at once
WINDOW = ["From", "To", "Revision", "Rows", "Rows of the reference"]
FEATURE = [
    "Feature", "Role", "Kind", "Rank", "Level", "PSI", "Distance", "Shift over deviation", "Jensen-Shannon",
    "Hellinger", "q", "Values", "Values of the reference", "Missing", "Missing in the reference", "Never seen",
    "Out of range",
]  # fmt: skip


def drift(checks: Sequence[Check]) -> Table:
    """Every feature in every window, read some windows at a time."""
    return WINDOW + FEATURE, (row for some in batched(checks, TOGETHER) for row in _of_windows(some))


def _of_windows(checks: Sequence[Check]) -> Iterable[list[Any]]:
    found = results.of_checks(check.pk for check in checks)
    return (_window(check) + _feature(one) for check in checks for one in found[check.pk])


def feature(rows: Iterable[tuple[Check, Reading]]) -> Table:
    """One feature in every window."""
    return WINDOW + FEATURE, [_window(check) + _feature(one) for check, one in rows]


def _window(check: Check) -> list[Any]:
    return [check.start_at, check.end_at, check.revision, check.rows, check.rows_reference]


def _feature(one: Reading) -> list[Any]:
    result = one.result
    null, unseen, outside = ((result.get(name) or {}) for name in ("null", "unseen", "outside"))
    return [
        one.feature, one.role, one.kind, one.rank, one.get_state_display(), one.psi, one.distance, one.shift,
        result.get("js"), result.get("hellinger"), one.q, result.get("n_current"), result.get("n_reference"),
        null.get("current"), null.get("reference"), unseen.get("current"), outside.get("current"),
    ]  # fmt: skip


def performance(checks: Sequence[Check]) -> Table:
    """Every measure in every window: realised and estimated with their intervals, and the reference."""
    kinds = ("realised", "estimated")
    heads = [f"{kind.capitalize()}{end}" for kind in kinds for end in ("", ", low", ", high")]
    lines = []
    for check in checks:
        found = check.result
        for name in {name: None for kind in kinds for name in found.get(kind, {})}:
            both = [found.get(kind, {}).get(name) or {} for kind in kinds]
            values = [one.get(end) for one in both for end in ("value", "low", "high")]
            reference = (found.get("reference", {}).get(name) or {}).get("value")
            lines.append([*_window(check), found.get("state"), found.get("coverage"), name, *values, reference])
    return [*WINDOW, "State", "Share of outcomes known", "Measure", *heads, "Reference"], lines


def service(stretches: Iterable[Calls]) -> Table:
    """Calls of every stretch of time."""
    heads = ["From", "Calls", "Predictions", "Failed", "Refused input", *[f"p{one}, seconds" for one in PERCENTS]]
    return heads, [
        [one.at, one.calls, one.predictions, one.failed, one.refused, *[one.seconds[part] for part in PERCENTS]]
        for one in stretches
    ]


def segments(rows: Iterable[SegmentResult], metric: str) -> Table:
    """Every segment of a column in every window."""
    rates = ("selection", "true_positive", "false_positive", "impact_ratio")
    heads = ["Column", "Segment", "Level", "Predictions", "Outcomes", metric, f"{metric}, low", f"{metric}, high"]
    lines = []
    for row in rows:
        known = row.result["realised"].get(metric) or {}
        fair = row.result.get("fairness") or {}
        lines.append([
            row.check_run.start_at, row.check_run.end_at, row.column, row.value, row.get_state_display(), row.rows,
            row.rows_labelled, *[known.get(end) for end in ("value", "low", "high")],
            *[(fair.get(rate) or {}).get("value") for rate in rates], row.result["drift"].get("most"),
        ])  # fmt: skip
    shown = ["Predicted favourably", "True positive rate", "False positive rate", "Impact ratio", "Largest PSI"]
    return ["From", "To", *heads, *shown], lines


def value(months: Iterable[worth.Sums]) -> Table:
    """What predictions were worth, month by month."""
    heads = ["Month", "Value", "Low", "High", "Currency", "Outcomes", *worth.WORDS.values()]
    return heads, [
        [one.start, one.value, one.low, one.high, one.currency, one.known, *map(one.counts.get, worth.WORDS)]
        for one in months
    ]
