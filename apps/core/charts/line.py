"""A line over time (or any number): several series, intervals, limits, event marks, and gaps where nothing is known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from apps.core.charts import axes, scale, svg
from apps.core.charts.axes import Frame
from apps.core.charts.figure import Chart, Event, Key, Table, Threshold, empty
from apps.core.charts.scale import Moment, Scale
from apps.core.formats import measure, number

_MOST_DOTS = 400  # beyond that, single points can no longer be told apart
_APART = 11  # pixels between dots that can be seen apart; closer ones appear under the pointer only


@dataclass(frozen=True)
class Series:
    """A named row of points (moment, value or None), with an optional interval around each."""

    label: str
    points: Sequence[tuple[Moment, float | None]]
    low: Sequence[float | None] = field(default_factory=tuple)
    high: Sequence[float | None] = field(default_factory=tuple)

    def bands(self) -> list[tuple[float, float] | None]:
        """The interval of every point, None where either end is missing."""
        return [
            (float(low), float(high)) if low is not None and high is not None else None
            for low, high in zip(self.low, self.high, strict=True)
        ]


def line(
    title: str,
    series: Sequence[Series],
    *,
    thresholds: Sequence[Threshold] = (),
    events: Sequence[Event] = (),
    unit: str = "",
    note: str = "",
    zero: bool | None = None,
    zone: tzinfo = UTC,
    width: float = 720,
    height: float = 260,
    between: tuple[Moment, Moment] | None = None,
) -> Chart:
    """The chart that answers `title`. `zero=True` starts the axis at zero, None decides by the data.

    Charts that share a time are drawn `between` the same moments; points outside still widen the axis.
    """
    values = _values(series, thresholds)
    moments = [moment for one in series for moment, _ in one.points]
    if not scale.clipped([value for one in series for _, value in one.points]):
        sentence = "There is nothing in this time." if between else "There is nothing to draw yet."
        return empty(title, sentence, "line", ["When", *[one.label for one in series]])
    plot = _Plot(values, [*moments, *(between or ())], events, unit, zero, zone, width, height)
    content = [*plot.grid(), *axes.event_marks(plot.frame, plot.marks)]
    content += [part for index, one in enumerate(series) for part in plot.series(index, one)]
    content += axes.limits(plot.frame, plot.y, thresholds)
    description = _description(series, thresholds, unit, zone)
    return Chart(
        title=title,
        svg=svg.drawing(width, height, title, description, content, "line"),
        table=_table(series, events, unit, zone),
        note=note,
        legend=_legend(series),
        description=description,
        edge=plot.edge(),
    )


def _values(series: Sequence[Series], thresholds: Sequence[Threshold]) -> list[float]:
    found = [value for one in series for _, value in one.points]
    found += [end for one in series for ends in (one.low, one.high) for end in ends]
    return scale.clipped([*found, *[threshold.value for threshold in thresholds]])


class _Plot:
    """The axes of one line chart and what is drawn on them."""

    def __init__(
        self,
        values: Sequence[float],
        moments: Sequence[Moment],
        events: Sequence[Event],
        unit: str,
        zero: bool | None,
        zone: tzinfo,
        width: float,
        height: float,
    ) -> None:
        low, high = scale.domain(values, zero)
        self.levels = scale.ticks(low, high, 5)
        step = self.levels[1] - self.levels[0]
        self.labels = [scale.tick_label(level, step) for level in self.levels]
        left, right = axes.label_margin(self.labels), 14
        at = [scale.seconds(moment) for moment in [*moments, *[event.at for event in events]]]
        self.x = Scale(min(at), max(at), left + 6, width - right - 4)
        self.marks = axes.place_events(self.x, width - 2, events)
        top = 14 + axes.event_room(self.marks) + (8 if unit else 0)
        self.frame = Frame(width, height, left, right, top, 26)
        self.y = Scale(self.levels[0], self.levels[-1], self.frame.floor, self.frame.top)
        self.unit, self.zone, self.times = unit, zone, scale.is_time(moments)

    def grid(self) -> Iterator[str]:
        """Grid, figures and dates."""
        yield from axes.horizontal_grid(self.frame, self.y, self.levels, self.labels, self.unit)
        count = max(3, int((self.frame.wall - self.frame.left) // 90))
        yield from axes.floor_ticks(self.frame, axes.moment_ticks(self.x, count, self.times, self.zone))

    def edge(self) -> svg.Markup:
        """The figures of the vertical axis by themselves."""
        words = axes.axis_words(self.frame, self.y, self.levels, self.labels, self.unit)
        return svg.edge(self.frame.left, self.frame.height, self.frame.width, words)

    def series(self, index: int, one: Series) -> Iterator[str]:
        """Interval, line and points of one series."""
        style = f"s{index % 6 + 1}"
        placed = [self._place(moment, value) for moment, value in one.points]
        if one.low:
            yield from self._intervals(one, style)
        for run in _runs(placed):
            if len(run) > 1:
                yield svg.tag("path", class_=f"curve {style}", d=svg.path(run))
        alone = {run[0] for run in _runs(placed) if len(run) == 1}
        few = len(one.points) <= _MOST_DOTS
        crowded = len(one.points) * _APART > self.frame.wall - self.frame.left
        for (moment, value), place in zip(one.points, placed, strict=True):
            if place and value is not None and (few or place in alone):
                quiet = " quiet" if crowded and place not in alone else ""
                yield self._dot(one, moment, value, place, style + quiet)

    def _place(self, moment: Moment, value: float | None) -> tuple[float, float] | None:
        if value is None or not math.isfinite(value):
            return None
        return self.x(scale.seconds(moment)), self.y(value)

    def _intervals(self, one: Series, style: str) -> Iterator[str]:
        edges = [
            (self.x(scale.seconds(moment)), self.y(band[0]), self.y(band[1])) if band else None
            for (moment, _), band in zip(one.points, one.bands(), strict=True)
        ]
        for run in _runs(edges):
            upper, lower = [(x, high) for x, _, high in run], [(x, low) for x, low, _ in reversed(run)]
            yield svg.tag("path", class_=f"interval {style}", d=svg.path([*upper, *lower]) + "Z")

    def _dot(self, one: Series, moment: Moment, value: float, place: tuple[float, float], style: str) -> str:
        words = f"{scale.moment_label(moment, self.zone)}: {measure(value, self.unit)}"
        spoken = svg.hint(f"{one.label}, {words}")
        return svg.tag("circle", spoken, class_=f"dot {style}", cx=place[0], cy=place[1], r=3)


def _runs[Place](placed: Sequence[Place | None]) -> list[list[Place]]:
    """Unbroken stretches between gaps."""
    runs: list[list[Place]] = [[]]
    for place in placed:
        if place is None:
            runs.append([])
        else:
            runs[-1].append(place)
    return [run for run in runs if run]


def _legend(series: Sequence[Series]) -> list[Key]:
    return [Key(f"s{index % 6 + 1}", one.label) for index, one in enumerate(series)] if len(series) > 1 else []


def _description(series: Sequence[Series], thresholds: Sequence[Threshold], unit: str, zone: tzinfo) -> str:
    sentences = []
    for one in series:
        known = [(moment, value) for moment, value in one.points if value is not None and math.isfinite(value)]
        if known:
            lowest, highest = min(value for _, value in known), max(value for _, value in known)
            sentences.append(
                f"{one.label}: {len(known)} values, from {measure(lowest, unit)} to {measure(highest, unit)}, "
                f"last {measure(known[-1][1], unit)} ({scale.moment_label(known[-1][0], zone)})."
            )
    sentences += [f"Limit: {threshold.label}." for threshold in thresholds]
    return " ".join(sentences)


def _table(series: Sequence[Series], events: Sequence[Event], unit: str, zone: tzinfo) -> Table:
    moments = {moment: None for one in series for moment, _ in one.points}
    order = sorted([*moments, *[event.at for event in events if event.at not in moments]], key=scale.seconds)
    cells = [_lookup(one) for one in series]
    happened: dict[Moment, list[str]] = {}
    for event in events:
        happened.setdefault(event.at, []).append(event.label)
    rows = []
    for moment in order:
        row = [scale.moment_label(moment, zone), *[values.get(moment, "") for values in cells]]
        rows.append([*row, "; ".join(happened.get(moment, []))] if events else row)
    headers = ["When", *[f"{one.label} ({unit})" if unit else one.label for one in series]]
    words = frozenset({0, len(series) + 1})
    return Table([*headers, "What happened"] if events else headers, rows, words)


def _lookup(one: Series) -> dict[Moment, str]:
    bands = one.bands() if one.low else [None] * len(one.points)
    return {
        moment: number(value) + (f" ({number(band[0])} to {number(band[1])})" if band else "")
        for (moment, value), band in zip(one.points, bands, strict=True)
    }
