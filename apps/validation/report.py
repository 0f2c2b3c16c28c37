"""Results as a reader wants them: by question, with thresholds in words, charts, and tables of plain texts."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.core import charts
from apps.core.formats import NOTHING, measure, number, percent
from apps.validation.models import SILENT, CheckResult, Measurement, PlanCheck, Verdict

ROWS_SHOWN = 200
OUTSIDE_THE_PLAN = "The validator's own check, outside the plan: it counts for no verdict."


@dataclass(frozen=True)
class Shown:
    """One check as the report shows it; without a result while it has not run."""

    name: str
    title: str
    question: str
    metric: str
    source: str
    threshold: str
    verdict: str = ""
    value: str = NOTHING
    interval: str = ""
    sentence: str = ""
    result: Measurement | None = None
    charts: list[Any] = field(default_factory=list)
    tables: list["ShownTable"] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    origin: str = ""
    required: bool = True


@dataclass(frozen=True)
class ShownTable:
    """A table of texts; a column of figures is set right."""

    title: str
    columns: list[tuple[str, bool]]
    rows: list[list[tuple[str, bool]]]
    more: int = 0


@dataclass(frozen=True)
class Section:
    """The checks that answer one question about the version."""

    family: str
    question: str
    checks: list[Shown]

    @property
    def verdict(self) -> str:
        """The gravest verdict in it; empty while nothing has run."""
        order = (Verdict.PASSED, Verdict.WARNED, *SILENT, Verdict.FAILED)
        there = [Verdict(check.verdict) for check in self.checks if check.verdict and _counts(check)]
        return max(there, key=order.index).value if there else ""

    @property
    def objections(self) -> list[Shown]:
        """What failed or warned, and what the plan needed and could not judge; the gravest first."""
        order = (Verdict.FAILED, *SILENT, Verdict.WARNED)
        found = [check for check in self.checks if check.verdict in order and _counts(check)]
        return sorted(found, key=lambda check: order.index(Verdict(check.verdict)))


def _counts(check: Shown) -> bool:
    return check.verdict != Verdict.NOTHING and (check.required or check.verdict not in SILENT)


def sections(lines: Iterable[PlanCheck], results: Iterable[CheckResult], evidence: bool = True) -> list[Section]:
    """The plan's checks by question, each with its result where there is one."""
    from apps.validation.engine.base import FAMILY_QUESTIONS, Family

    by_name = {result.name: result for result in results}
    shown: dict[str, list[Shown]] = {}
    for line in lines:
        shown.setdefault(line.family, []).append(show(line, by_name.get(line.name), evidence))
    return [
        Section(family.value, FAMILY_QUESTIONS[family], shown[family.value])
        for family in Family
        if family.value in shown
    ]


def show(line: PlanCheck, result: Measurement | None, evidence: bool = True) -> Shown:
    """One line of a plan with its result."""
    about = described(line.key, line.parameters)
    threshold = threshold_words(line.fail, line.warn, about["sense"], line.judged, about["unit"])
    base: dict[str, Any] = {
        "name": line.name,
        "title": title(about["title"], line.parameters),
        "question": about["question"],
        "metric": about["metric"],
        "source": about["source"],
        "threshold": threshold,
        "required": line.required,
    }
    if result is None:
        return Shown(**base)
    found = (result.evidence or {}) if evidence else {}  # not even asked for: it is the larger part of a result
    return Shown(
        **base,
        verdict=result.verdict,
        value=figure(result.value, about["unit"]),
        interval=interval_words(result, about["unit"]),
        sentence=result.sentence or result.reason,
        result=result,
        charts=[drawn for one in found.get("figures", []) if (drawn := draw(one, result))],
        tables=[table(one) for one in found.get("tables", [])] + rows_of(found),
        notes=list(found.get("notes", [])),
        origin=origin_words(result),
    )


def with_origin(results: Any) -> Any:
    """Results with what `origin_words` needs, in two queries."""
    earlier = "reused_from__run"
    return results.select_related(f"{earlier}__version__model", f"{earlier}__organization").prefetch_related("answers")


def origin_words(result: Measurement) -> str:
    """Where a result comes from that this run did not measure by its plan; empty for one that it did."""
    if not isinstance(result, CheckResult):
        return OUTSIDE_THE_PLAN
    if result.reused_from is not None:
        earlier = result.reused_from
        when = f"{earlier.created_at:%Y-%m-%d %H:%M} UTC"
        return f"Measured {when} in {earlier.run} on the same inputs, judged here by the thresholds of this plan."
    if (said := result.answer) is not None:
        tool = f"{said.tool} {said.tool_version}"
        return f"Reported by {tool}, not measured here. Evidence: {said.file_name}, SHA-256 {said.sha256}."
    return ""


def described(key: str, parameters: Mapping[str, Any] | None = None) -> dict[str, str]:
    """What the registry says about a check, or as much as is known when nobody brings it any more."""
    from apps.validation.engine.registry import registry

    try:
        check = registry().get(key)
    except KeyError:
        return {"title": key, "question": "", "metric": "", "source": "", "unit": "number", "sense": "at_least"}
    texts = {name: getattr(check, name) for name in ("title", "question", "metric", "source", "unit")}
    return {**texts, "sense": check.sense_of(parameters or {}).value}


def title(about: str, parameters: Mapping[str, Any]) -> str:
    """A check's title with the attributes it is asked about; a line that others answer has its own."""
    if parameters.get("title"):
        return str(parameters["title"])
    attributes = parameters.get("attributes") or []
    return f"{about}, {' and '.join(attributes)}" if attributes else about


def figure(value: float | None, unit: str) -> str:
    """A figure in its unit."""
    if value is None:
        return NOTHING
    return percent(value) if unit == "percent" else measure(value, "ms") if unit == "ms" else number(value)


def threshold_words(fail: float | None, warn: float | None, sense: str, judged: str, unit: str) -> str:
    """Where it fails and warns, in words."""
    side = "below" if sense == "at_least" else "above"
    ends = {"lower": "the lower end of the interval is ", "upper": "the upper end of the interval is "}
    subject = ends.get(judged, "")
    said = [
        f"{verb} when {subject}{side} {figure(limit, unit)}"
        for verb, limit in (("fails", fail), ("warns", warn))
        if limit is not None
    ]
    return ", ".join(said)


def interval_words(result: Any, unit: str) -> str:
    """The interval with its level."""
    if result.low is None or result.high is None:
        return ""
    ends = f"{figure(result.low, unit)} to {figure(result.high, unit)}"
    return ends if result.interval_level is None else f"{ends} ({percent(result.interval_level, 0)})"


def draw(found: Mapping[str, Any], result: Any) -> Any:
    """A figure of the evidence as a chart; None for a kind that no chart draws."""
    series: Sequence[Mapping[str, Any]] = found.get("series", [])
    if not series:
        return None
    if found["kind"] in {"curve", "scatter"}:
        return _scatter(found, series[0])
    if found["kind"] == "line" and (line := _line(found, series)) is not None:
        return line
    return _bars(found, series, _limits(result) if found.get("marks_limits") else [])


def _scatter(found: Mapping[str, Any], one: Mapping[str, Any]) -> Any:
    sizes = one.get("size") or [None] * len(one["x"])
    points = [
        (x, y) if size is None else (x, y, size)
        for x, y, size in zip(one["x"], one["y"], sizes, strict=True)
        if x is not None and y is not None
    ]
    return charts.scatter(
        found["title"],
        points=points,
        x_label=found.get("x_label", ""),
        y_label=found.get("y_label", ""),
        diagonal=bool(found.get("diagonal")),
        join=found["kind"] == "curve",
    )


def _line(found: Mapping[str, Any], series: Sequence[Mapping[str, Any]]) -> Any:
    """Slices of time by the day they begin; None where the parts are no stretches of time."""
    try:
        days = [dt.date.fromisoformat(str(part)[:10]) for part in series[0]["x"]]
    except ValueError:
        return None
    lines = [
        charts.Series(one["name"], list(zip(days, one["y"], strict=True)), one.get("low") or (), one.get("high") or ())
        for one in series
    ]
    return charts.line(found["title"], lines, zero=False)


def _bars(found: Mapping[str, Any], series: Sequence[Mapping[str, Any]], limits: list[Any]) -> Any:
    bars = []
    for one in series:
        lows, highs = one.get("low") or [], one.get("high") or []
        for place, (name, value) in enumerate(zip(one["x"], one["y"], strict=True)):
            label = f"{name}, {one['name']}" if len(series) > 1 else str(name)
            low = lows[place] if place < len(lows) else None
            high = highs[place] if place < len(highs) else None
            bars.append(charts.Bar(label, value, low, high))
    return charts.bars(found["title"], bars, thresholds=limits)


def _limits(result: Any) -> list[Any]:
    limits = []
    if result.fail is not None:
        limits.append(charts.Threshold(result.fail, f"fails at {number(result.fail)}", "wrong"))
    if result.warn is not None:
        limits.append(charts.Threshold(result.warn, f"warns at {number(result.warn)}", "attention"))
    return limits


def table(found: Mapping[str, Any]) -> ShownTable:
    """A table of the evidence as texts."""
    columns = found.get("columns", [])
    rows = found.get("rows", [])
    return ShownTable(
        found.get("title", ""),
        [(column["title"], column["unit"] != "text") for column in columns],
        [
            [(_cell(row.get(column["key"]), column["unit"]), column["unit"] != "text") for column in columns]
            for row in rows[:ROWS_SHOWN]
        ],
        max(0, len(rows) - ROWS_SHOWN),
    )


def rows_of(found: Mapping[str, Any]) -> list[ShownTable]:
    """The offending rows of some evidence as a table: by what the data call them, and by their place in the file."""
    rows = found.get("rows", [])
    if not rows:
        return []
    titles = {"id": ", ".join(found.get("named_by", []))}
    words = {"id", *(key for key, value in rows[0].items() if isinstance(value, str))}
    columns = [
        {"key": key, "title": titles.get(key, key), "unit": "text" if key in words else "number"} for key in rows[0]
    ]
    return [table({"title": rows_title(found), "columns": columns, "rows": rows})]


def rows_title(found: Mapping[str, Any]) -> str:
    """How the offending rows of some evidence are known; results from before rows had names say only their place."""
    place = "Rows of the test data, counted from 0"
    if names := found.get("named_by"):
        return f"{place}, and by {', '.join(names)}"
    return f"{place}; the data declare no column that identifies a row" if names == [] else place


def _cell(value: Any, unit: str) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return figure(float(value), unit)
