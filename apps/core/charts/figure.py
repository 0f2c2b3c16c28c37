"""What every chart is made of, and what a page gets: title, drawing, legend and the table of the same data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from html import escape

from apps.core.charts.svg import Markup

MEANINGS = ("good", "attention", "wrong", "neutral")


@dataclass(frozen=True)
class Threshold:
    """A limit drawn across the chart."""

    value: float
    label: str
    meaning: str = "wrong"


@dataclass(frozen=True)
class Event:
    """Something that happened, marked on the time axis."""

    at: datetime | date | float
    label: str
    meaning: str = "neutral"


@dataclass(frozen=True)
class Key:
    """One line of the legend: the class of its swatch and its words."""

    style: str
    label: str


@dataclass(frozen=True)
class Table:
    """The chart's data in rows; the first column names the row, the others are figures unless `words` lists them."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: frozenset[int] = frozenset({0})

    def cells(self) -> list[list[tuple[str, bool]]]:
        """Every cell with whether it is a figure."""
        return [[(cell, index not in self.words) for index, cell in enumerate(row)] for row in self.rows]

    def columns(self) -> list[tuple[str, bool]]:
        """Every header with whether its column holds figures."""
        return [(header, index not in self.words) for index, header in enumerate(self.headers)]


@dataclass(frozen=True)
class Chart:
    """A finished chart. `{% chart %}` shows all of it."""

    title: str
    svg: Markup
    table: Table
    note: str = ""
    legend: Sequence[Key] = field(default_factory=tuple)
    kind: str = "line"
    description: str = ""
    edge: Markup | str = ""  # the left margin once more, which stays in sight where the drawing has to be scrolled


def empty(title: str, sentence: str, kind: str, headers: Sequence[str]) -> Chart:
    """A chart without data: the sentence in its place, no axes that pretend."""
    return Chart(
        title=title,
        svg=Markup(f'<p class="plot-empty">{escape(sentence)}</p>'),
        table=Table(headers, []),
        kind=kind,
        description=sentence,
    )
