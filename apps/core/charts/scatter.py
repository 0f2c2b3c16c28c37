"""Points on two numeric axes, sized by how many rows stand behind each; with a diagonal it shows calibration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from apps.core.charts import axes, scale, svg
from apps.core.charts.axes import Frame
from apps.core.charts.figure import Chart, Table, empty
from apps.core.charts.scale import Scale
from apps.core.formats import number

Full = tuple[float, float, float | None, str]
Point = tuple[float, float] | tuple[float, float, float | None] | tuple[float, float, float | None, str]
_WIDTH, _HEIGHT = 480.0, 360.0


def scatter(
    title: str,
    *,
    points: Sequence[Point],
    x_label: str,
    y_label: str,
    diagonal: bool = False,
    join: bool = False,
) -> Chart:
    """Points are (x, y), (x, y, weight) or (x, y, weight, name).

    `diagonal` draws y = x and gives both axes one domain; `join` draws a line from left to right.
    """
    full = [_full(point) for point in points]
    headers = [x_label, y_label, *(["Rows"] if any(weight is not None for _, _, weight, _ in full) else [])]
    if not full:
        return empty(title, "There is nothing to draw yet.", "scatter", headers)
    plot = _Plot(full, diagonal)
    content = [
        *plot.grid(x_label, y_label),
        *plot.diagonal(diagonal),
        *plot.joined(full, join),
        *plot.points(full, x_label, y_label),
    ]
    description = _description(full, x_label, y_label, diagonal)
    return Chart(
        title=title,
        svg=svg.drawing(_WIDTH, _HEIGHT, title, description, content, "scatter"),
        table=_table(full, headers),
        kind="scatter",
        description=description,
    )


def _full(point: Point) -> Full:
    weight = point[2] if len(point) > 2 else None  # type: ignore[misc]
    return point[0], point[1], weight, point[3] if len(point) == 4 else ""


class _Plot:
    def __init__(self, full: Sequence[Full], diagonal: bool) -> None:
        across, up = [point[0] for point in full], [point[1] for point in full]
        if diagonal:
            across = up = [*across, *up]
        self.columns = scale.ticks(*scale.domain(across), 5)
        self.levels = scale.ticks(*scale.domain(up), 5)
        labels = [scale.tick_label(level, self.levels[1] - self.levels[0]) for level in self.levels]
        self.frame = Frame(_WIDTH, _HEIGHT, axes.label_margin(labels), 14, 26, 44)
        self.x = Scale(self.columns[0], self.columns[-1], self.frame.left, self.frame.wall)
        self.y = Scale(self.levels[0], self.levels[-1], self.frame.floor, self.frame.top)
        self.labels = labels
        self.heaviest = max((weight or 0.0 for _, _, weight, _ in full), default=0.0)

    def grid(self, x_label: str, y_label: str) -> Iterator[str]:
        """Both axes with their names."""
        yield from axes.horizontal_grid(self.frame, self.y, self.levels, self.labels)
        yield from axes.floor_ticks(self.frame, axes.numeric_ticks(self.x, 5))
        yield svg.text(y_label, 2, 12, class_="tick unit")
        yield svg.text(x_label, self.frame.wall, self.frame.height - 6, class_="tick end unit")

    def diagonal(self, wanted: bool) -> Iterator[str]:
        """The line on which both axes agree."""
        if wanted:
            low, high = max(self.x.low, self.y.low), min(self.x.high, self.y.high)
            yield svg.tag(
                "line", class_="limit neutral", x1=self.x(low), y1=self.y(low), x2=self.x(high), y2=self.y(high)
            )

    def joined(self, full: Sequence[Full], wanted: bool) -> Iterator[str]:
        """A line through the points from left to right."""
        if wanted:
            yield svg.tag("path", class_="curve s1", d=svg.path((self.x(x), self.y(y)) for x, y, _, _ in sorted(full)))

    def points(self, full: Sequence[Full], x_label: str, y_label: str) -> Iterator[str]:
        """The points; area grows with weight."""
        for x, y, weight, name in full:
            words = f"{x_label} {number(x)}, {y_label} {number(y)}"
            words = f"{name}: {words}" if name else words
            words += f", {number(weight)} rows" if weight is not None else ""
            radius = 4.0 if not self.heaviest or weight is None else 3 + 8 * math.sqrt(weight / self.heaviest)
            yield svg.tag("circle", svg.hint(words), class_="point s1", cx=self.x(x), cy=self.y(y), r=radius)


def _table(full: Sequence[Full], headers: Sequence[str]) -> Table:
    named = any(name for *_, name in full)
    rows = []
    for x, y, weight, name in full:
        cells = [number(x), number(y), number(weight)][: len(headers)]
        rows.append([name, *cells] if named else cells)
    return Table(["", *headers] if named else headers, rows, frozenset({0}) if named else frozenset())


def _description(full: Sequence[Full], x_label: str, y_label: str, diagonal: bool) -> str:
    words = f"{len(full)} points of {y_label} against {x_label}."
    if diagonal:
        gap = max(full, key=lambda point: abs(point[0] - point[1]))
        words += f" Furthest from the diagonal: {number(gap[1])} where {number(gap[0])} would agree."
    return words
