"""Reading rules from plain values and measuring them on a table."""

import datetime as dt
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apps.datasets.engine.declared import Problem, describe
from apps.datasets.engine.errors import DataError, RecipeInvalid
from apps.datasets.engine.schema import counted, listed
from apps.datasets.engine.tables import Progress, Table, silent

from . import rows  # noqa: F401  (they register their rules)
from .base import RULES, Gauge, Measured, RowRule, Rule, Surroundings
from .tables import Fresh, HasColumns, Unique


def rules_from(raw: Any) -> list[Rule]:
    """Rules from plain values; raises RecipeInvalid with every problem, each by its rule and field."""
    if not isinstance(raw, list):
        raise RecipeInvalid(
            "Rules are written as a list.", [{"step": 0, "kind": "", "field": "", "sentence": "Rules are a list."}]
        )
    rules: list[Rule] = []
    problems: list[dict[str, Any]] = []
    for number, values in enumerate(raw, 1):
        found: list[Problem] = []
        kind = values.get("rule") if isinstance(values, Mapping) else None
        if kind in RULES:
            rule = RULES[kind].from_dict(values, found)
            if rule is not None:
                rules.append(rule)
        else:
            found.append(Problem("rule", f"{kind!r} is not a rule; the rules are {listed(RULES, 30)}."))
        problems += [
            {"step": number, "kind": str(kind or ""), "field": problem.field, "sentence": problem.sentence}
            for problem in found
        ]
    if problems:
        raise RecipeInvalid(f"Rule {problems[0]['step']}: {problems[0]['sentence']}", problems)
    return rules


def described() -> list[dict[str, Any]]:
    """Every kind of rule with its fields, for a form and for documentation."""
    return [describe(rule) for rule in RULES.values()]


def evaluate(
    path: Path,
    rules: list[Rule],
    *,
    now: dt.datetime,
    tables: Mapping[str, Path] | None = None,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Measure every rule in one pass over the rows; a rule that cannot be applied has failed and says why."""
    table, tables = Table(path), dict(tables or {})
    schemas = {name: Table(other).schema for name, other in tables.items()}
    with tempfile.TemporaryDirectory(prefix="tenure-") as folder:
        around = Surroundings(tables, now, Path(folder))
        gauges: dict[int, Gauge] = {}
        faults: dict[int, str] = {}
        for number, rule in enumerate(rules):
            try:
                rule.check(table.schema, schemas)
                gauges[number] = rule.gauge(table, around)
            except Problem as problem:
                faults[number] = problem.sentence
            except DataError as error:
                faults[number] = error.sentence
        _show(table, [rules[number] for number in gauges], list(gauges.values()), progress)
        return [
            _failed(rule, faults[number]) if number in faults else _result(rule, gauges[number].measured(table))
            for number, rule in enumerate(rules)
        ]


def _show(table: Table, rules: list[Rule], gauges: list[Gauge], progress: Progress) -> None:
    """Let every gauge see every row, reading only the columns that are looked at."""
    whole = any(isinstance(rule, Unique) and not rule.columns for rule in rules)
    wanted = {name for rule in rules for name in rule.reads()}
    names = [name for name in table.schema.names if whole or name in wanted]
    start = 0
    for batch in table.batches(names) if names else ():
        for gauge in gauges:
            gauge.saw(batch, start)
        start += batch.num_rows
        progress(start, table.rows)
    progress(table.rows, table.rows)


def _result(rule: Rule, found: Measured) -> dict[str, Any]:
    return {
        "rule": rule.to_dict(),
        "sentence": rule.sentence(),
        "severity": rule.severity,
        "passed": found.passed,
        "value": found.value,
        "limit": found.limit,
        "offending": found.offending,
        "checked": found.checked,
        "sample": found.sample,
        "finding": _finding(rule, found),
    }


def _finding(rule: Rule, found: Measured) -> str:
    """What was found, in words."""
    if isinstance(rule, RowRule):
        if not found.offending:
            return f"All {found.checked:,} rows meet it."
        verb = "breaks" if found.offending == 1 else "break"
        return f"{counted(found.offending, 'row')} of {found.checked:,} {verb} it ({found.value:.2%})."
    if isinstance(rule, HasColumns):
        return (
            f"{counted(found.offending, 'column')} missing or of another type." if found.offending else "All are there."
        )
    if isinstance(rule, Fresh):
        return "There is no time at all." if found.value is None else f"The latest is {found.value:,.1f} days old."
    return f"There are {found.value:,} rows."


def _failed(rule: Rule, sentence: str) -> dict[str, Any]:
    return {
        "rule": rule.to_dict(),
        "sentence": rule.sentence(),
        "severity": rule.severity,
        "passed": False,
        "value": None,
        "limit": None,
        "offending": 0,
        "checked": 0,
        "sample": [],
        "finding": f"It could not be checked: {sentence}",
    }
