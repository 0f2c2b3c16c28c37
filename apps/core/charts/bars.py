"""Horizontal bars: names at the left where there is room for them, figures at the end of each bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.core.charts import axes, scale, svg
from apps.core.charts.axes import Frame
from apps.core.charts.figure import Chart, Table, Threshold, empty
from apps.core.charts.scale import Scale
from apps.core.formats import measure, shorten

_ROW = 24.0
_LONGEST_NAME = 200.0


@dataclass(frozen=True)
class Bar:
    """A bar with an optional interval and meaning."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    meaning: str = ""


def bars(
    title: str,
    items: Sequence[Bar | tuple[str, float | None]],
    *,
    thresholds: Sequence[Threshold] = (),
    unit: str = "",
    note: str = "",
    width: float = 720,
) -> Chart:
    """Bars from zero in the given order. A bar without value keeps its row and says so."""
    rows = [item if isinstance(item, Bar) else Bar(*item) for item in items]
    headers = ["", f"Value ({unit})" if unit else "Value"]
    if any(row.low is not None for row in rows):
        headers.append("Interval")
    if not scale.clipped([row.value for row in rows]):
        return empty(title, "There is nothing to draw yet.", "bars", headers)
    plot = _Plot(rows, thresholds, unit, width)
    content = [
        *plot.grid(),
        *[part for index, row in enumerate(rows) for part in plot.bar(index, row)],
        *plot.limits(thresholds),
    ]
    description = _description(rows, thresholds, unit)
    return Chart(
        title=title,
        svg=svg.drawing(width, plot.frame.height, title, description, content, "bars"),
        table=Table(headers, [_cells(row, len(headers)) for row in rows]),
        note=note,
        kind="bars",
        description=description,
    )


class _Plot:
    def __init__(self, rows: Sequence[Bar], thresholds: Sequence[Threshold], unit: str, width: float) -> None:
        ends = [end for row in rows for end in (row.value, row.low, row.high)]
        values = scale.clipped([*ends, *[limit.value for limit in thresholds], 0.0])
        low, high = scale.domain(values, zero=True)
        names = min(_LONGEST_NAME, max(scale.text_width(row.label, 12) for row in rows)) + 12
        top = 20.0 if thresholds else 6.0
        self.frame = Frame(width, top + _ROW * len(rows) + 24, names, 64, top, 24)
        levels = scale.ticks(low, high, max(3, int((self.frame.wall - self.frame.left) // 90)))
        self.x = Scale(levels[0], levels[-1], self.frame.left, self.frame.wall)
        self.levels, self.unit, self.name_length = levels, unit, int(names / 6.4)

    def grid(self) -> Iterator[str]:
        """Vertical grid lines with their figures below."""
        for level in self.levels:
            at = self.x(level)
            style = "axis" if level == 0 else "grid"
            yield svg.tag("line", class_=style, x1=at, x2=at, y1=self.frame.top, y2=self.frame.floor)
        yield from axes.floor_ticks(self.frame, axes.numeric_ticks(self.x, max(3, len(self.levels) - 1)))

    def bar(self, index: int, row: Bar) -> Iterator[str]:
        """Name, bar, interval and figure of one row."""
        top = self.frame.top + _ROW * index
        middle = top + _ROW / 2
        name = shorten(row.label, self.name_length)
        yield svg.text(name, self.frame.left - 8, middle + 4, class_="name end")
        words = measure(row.value, self.unit) if row.value is not None else "no value"
        if row.value is None:
            yield svg.text(words, self.frame.left + 6, middle + 4, class_="tick")
            return
        zero, end = self.x(0.0), self.x(row.value)
        style = axes.meaning_class(row.meaning) if row.meaning else "s1"
        yield svg.tag(
            "rect",
            svg.hint(f"{row.label}: {words}"),
            class_=f"bar {style}",
            x=min(zero, end),
            y=top + 4,
            width=max(1.0, abs(end - zero)),
            height=_ROW - 8,
        )
        if row.low is not None and row.high is not None:
            yield svg.tag("line", class_="whisker", x1=self.x(row.low), x2=self.x(row.high), y1=middle, y2=middle)
            end = max(end, self.x(row.high))
        yield svg.text(words, max(end, zero) + 6, middle + 4, class_="figure")

    def limits(self, thresholds: Sequence[Threshold]) -> Iterator[str]:
        """Dashed vertical lines, named above the plot."""
        for limit in thresholds:
            at, style = self.x(limit.value), axes.meaning_class(limit.meaning)
            yield svg.tag("line", class_=f"limit {style}", x1=at, x2=at, y1=self.frame.top - 4, y2=self.frame.floor)
            room = at + scale.text_width(limit.label) + 6 < self.frame.width
            side = "mark" if room else "mark end"
            yield svg.text(limit.label, at + (4 if room else -4), self.frame.top - 8, class_=f"{side} {style}")


def _cells(row: Bar, columns: int) -> list[str]:
    interval = f"{measure(row.low)} to {measure(row.high)}" if row.low is not None and row.high is not None else ""
    return [row.label, measure(row.value), interval][:columns]


def _description(rows: Sequence[Bar], thresholds: Sequence[Threshold], unit: str) -> str:
    known = [row for row in rows if row.value is not None]
    largest = max(known, key=lambda row: row.value or 0.0)
    sentences = [f"{len(rows)} bars; the largest is {largest.label} with {measure(largest.value, unit)}."]
    return " ".join([*sentences, *[f"Limit: {limit.label}." for limit in thresholds]])
