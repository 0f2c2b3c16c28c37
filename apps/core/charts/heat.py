"""A heat map: rows by columns, shaded by value or by your own limits; figures stay readable inside the cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from apps.core.charts import scale, svg
from apps.core.charts.figure import Chart, Key, Table, empty
from apps.core.formats import number, shorten

_SHADES = 6
_ROW = 24.0
_HEAD = 24.0
_BY_LIMITS = ("good", "attention", "wrong")


def heat(
    title: str,
    *,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[float | None]]],
    limits: tuple[float, float] | None = None,
    note: str = "",
    width: float = 720,
) -> Chart:
    """One cell per row and column. With `limits` (attention, wrong) colours carry meaning, otherwise they are shades.

    Raises ValueError when a row has more or fewer values than there are columns.
    """
    if any(len(values) != len(columns) for _, values in rows):
        raise ValueError(f"every row needs {len(columns)} values")
    known = scale.clipped([value for _, values in rows for value in values])
    if not known:
        return empty(title, "There is nothing to draw yet.", "heat", ["", *columns])
    low, high = min(known), max(known)
    left = min(200.0, max(scale.text_width(name, 12) for name, _ in rows)) + 12
    step = (width - left - 4) / len(columns)
    height = _HEAD + _ROW * len(rows) + 4
    grid = _Grid(columns, left, step, lambda value: _style(value, low, high, limits))
    content = [*grid.heads(), *[part for index, row in enumerate(rows) for part in grid.row(index, *row)]]
    return Chart(
        title=title,
        svg=svg.drawing(width, height, title, _description(rows, columns), content, "heat"),
        table=Table(["", *columns], [[name, *[number(value) for value in values]] for name, values in rows]),
        note=note,
        legend=_legend(low, high, limits),
        kind="heat",
        description=_description(rows, columns),
        edge=svg.edge(left - 2, height, width, [grid.name(index, name) for index, (name, _) in enumerate(rows)]),
    )


@dataclass(frozen=True)
class _Grid:
    columns: Sequence[str]
    left: float
    step: float
    style: Callable[[float | None], str]

    def heads(self) -> Iterator[str]:
        """Column names; those that would touch their neighbour are left out."""
        free_from = float("-inf")
        for index, name in enumerate(self.columns):
            middle = self.left + self.step * (index + 0.5)
            half = scale.text_width(name) / 2
            if middle - half > free_from:
                yield svg.text(name, middle, 15, class_="tick middle")
                free_from = middle + half + 6

    def row(self, index: int, name: str, values: Sequence[float | None]) -> Iterator[str]:
        """Name and cells of one row."""
        top = _HEAD + _ROW * index
        yield self.name(index, name)
        for position, value in enumerate(values):
            yield from self._cell(f"{name}, {self.columns[position]}", value, self.left + self.step * position, top)

    def name(self, index: int, name: str) -> str:
        """The name of one row."""
        middle = _HEAD + _ROW * (index + 0.5)
        return svg.text(shorten(name, int(self.left / 6.4)), self.left - 8, middle + 4, class_="name end")

    def _cell(self, name: str, value: float | None, x: float, top: float) -> Iterator[str]:
        words = number(value) if value is not None else "no value"
        place = {"x": x + 1, "y": top + 1, "width": max(1.0, self.step - 2), "height": _ROW - 2}
        yield svg.tag("rect", svg.hint(f"{name}: {words}"), class_=f"cell {self.style(value)}", **place)
        if value is not None and scale.text_width(words, 10.5) < self.step - 4:
            middle = x + self.step / 2
            yield svg.text(words, middle, top + _ROW / 2 + 4, class_=f"within middle {self.style(value)}")


def _style(value: float | None, low: float, high: float, limits: tuple[float, float] | None) -> str:
    if value is None:
        return "none"
    if limits:
        return _BY_LIMITS[(value >= limits[0]) + (value >= limits[1])]
    share = (value - low) / ((high - low) or 1.0)
    return f"h{min(_SHADES, 1 + int(share * _SHADES))}"


def _legend(low: float, high: float, limits: tuple[float, float] | None) -> list[Key]:
    if limits:
        return [
            Key("good", f"below {number(limits[0])}"),
            Key("attention", f"{number(limits[0])} to {number(limits[1])}"),
            Key("wrong", f"{number(limits[1])} and more"),
        ]
    return [Key("h1", number(low)), Key(f"h{_SHADES}", number(high))]


def _description(rows: Sequence[tuple[str, Sequence[float | None]]], columns: Sequence[str]) -> str:
    cells = [(name, column, value) for name, values in rows for column, value in zip(columns, values, strict=True)]
    name, column, value = max(((n, c, v) for n, c, v in cells if v is not None), key=lambda cell: cell[2])
    return f"{len(rows)} rows and {len(columns)} columns; the highest value is {number(value)} ({name}, {column})."
