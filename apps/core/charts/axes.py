"""The frame around a plot: margins, grid lines, tick labels, limits and event marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from apps.core.charts import scale, svg
from apps.core.charts.figure import MEANINGS, Event, Threshold
from apps.core.charts.scale import Scale
from apps.core.formats import shorten

TICK_SIZE = 11
_LANE = 14  # height of a row of event labels
_LONGEST = 34  # letters of an event's words
_BOLD = 1.1  # how much wider bold words are


@dataclass(frozen=True)
class Frame:
    """Where the plot lies inside the drawing."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float

    @property
    def floor(self) -> float:
        """The y of the lower edge of the plot."""
        return self.height - self.bottom

    @property
    def wall(self) -> float:
        """The x of the right edge of the plot."""
        return self.width - self.right


def meaning_class(meaning: str) -> str:
    """The meaning if it is one of the four, otherwise neutral: a class name never comes from data."""
    return meaning if meaning in MEANINGS else "neutral"


def label_margin(labels: Sequence[str]) -> float:
    """The space that the longest tick label of a vertical axis needs."""
    return max((scale.text_width(label, TICK_SIZE) for label in labels), default=0) + 12


def horizontal_grid(
    frame: Frame, y: Scale, values: Sequence[float], labels: Sequence[str], unit: str = ""
) -> list[str]:
    """Grid lines with their figures at the left; the unit stands above the axis."""
    lines = [
        svg.tag("line", class_="axis" if value == 0 else "grid", x1=frame.left, x2=frame.wall, y1=y(value), y2=y(value))
        for value in values
    ]
    return [*lines, *axis_words(frame, y, values, labels, unit)]


def axis_words(frame: Frame, y: Scale, values: Sequence[float], labels: Sequence[str], unit: str) -> list[str]:
    """The figures left of the plot, and the unit above them."""
    words = [
        svg.text(label, frame.left - 7, y(value) + 3.5, class_="tick end")
        for value, label in zip(values, labels, strict=True)
    ]
    return [*words, svg.text(unit, frame.left - 7, frame.top - 9, class_="tick end unit")] if unit else words


def floor_ticks(frame: Frame, ticks: Sequence[tuple[float, str]]) -> list[str]:
    """Tick labels below the plot at given x positions; labels that would touch their neighbour are left out."""
    parts, free_from = [], float("-inf")
    for at, label in ticks:
        half = scale.text_width(label, TICK_SIZE) / 2
        parts.append(svg.tag("line", class_="tickmark", x1=at, x2=at, y1=frame.floor, y2=frame.floor + 4))
        middle = min(max(at, half), frame.width - half)
        if middle - half >= free_from:
            parts.append(svg.text(label, middle, frame.floor + 16, class_="tick middle"))
            free_from = middle + half + 8
    return parts


def numeric_ticks(x: Scale, count: int) -> list[tuple[float, str]]:
    """Ticks of a numeric axis inside its domain, as positions and labels."""
    step = scale.nice_step(x.high - x.low, count)
    inside = [tick for tick in scale.ticks(x.low, x.high, count) if x.low - step * 1e-6 <= tick <= x.high + step * 1e-6]
    return [(x(tick), scale.tick_label(tick, step)) for tick in inside]


def moment_ticks(x: Scale, count: int, times: bool, zone: tzinfo) -> list[tuple[float, str]]:
    """Ticks of a horizontal axis of times or numbers."""
    if times:
        return [(x(at), label) for at, label in scale.time_ticks(x.low, x.high, count, zone)]
    return numeric_ticks(x, count)


def limits(frame: Frame, y: Scale, thresholds: Sequence[Threshold]) -> list[str]:
    """Dashed lines across the plot, each with its words above its right end."""
    parts = []
    for threshold in thresholds:
        at = y(threshold.value)
        style = meaning_class(threshold.meaning)
        parts.append(svg.tag("line", class_=f"limit {style}", x1=frame.left, x2=frame.wall, y1=at, y2=at))
        parts.append(svg.text(threshold.label, frame.wall - 3, at - 5, class_=f"mark end {style}"))
    return parts


@dataclass(frozen=True)
class Mark:
    """An event's place: where its line stands, where its words begin and in which row; no row when none was free."""

    event: Event
    at: float
    left: float
    row: int | None


def place_events(x: Scale, wall: float, events: Sequence[Event]) -> list[Mark]:
    """Rows for the words of events, so that no two touch; at most three rows, the lowest free one first."""
    free = [float("-inf")] * 3
    marks = []
    for event in sorted(events, key=lambda event: scale.seconds(event.at)):
        at = x(scale.seconds(event.at))
        width = scale.text_width(shorten(event.label, _LONGEST), TICK_SIZE) * _BOLD
        left = at + 4 if at + 4 + width <= wall else max(0.0, at - 4 - width)
        row = next((index for index, edge in enumerate(free) if edge <= left), None)
        if row is not None:
            free[row] = max(left + width, at) + 8
        marks.append(Mark(event, at, left, row))
    return marks


def event_room(marks: Sequence[Mark]) -> float:
    """The height that the rows of event words take above the plot."""
    return _LANE * max((mark.row + 1 for mark in marks if mark.row is not None), default=0)


def event_marks(frame: Frame, marks: Sequence[Mark]) -> list[str]:
    """Vertical lines first, then the words, so that no line crosses them."""
    lines, words = [], []
    for mark in marks:
        style = meaning_class(mark.event.meaning)
        base = frame.top - 8 - _LANE * (mark.row or 0)
        line = svg.tag("line", class_=f"event {style}", x1=mark.at, x2=mark.at, y1=base - 8, y2=frame.floor)
        lines.append(svg.tag("g", [svg.hint(mark.event.label), line]))
        if mark.row is not None:
            words.append(svg.text(shorten(mark.event.label, _LONGEST), mark.left, base, class_=f"mark {style}"))
    return [*lines, *words]
