"""Two distributions on the same bins: what was (reference) filled behind what is (current) outlined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from apps.core.charts import axes, scale, svg
from apps.core.charts.axes import Frame
from apps.core.charts.figure import Chart, Key, Table, empty
from apps.core.charts.scale import Scale
from apps.core.formats import number, percent, shorten


def histogram(
    title: str,
    edges: Sequence[float | str],
    *,
    reference: Sequence[float],
    current: Sequence[float] | None = None,
    names: tuple[str, str] = ("Reference", "Current"),
    note: str = "",
    width: float = 720,
    height: float = 230,
    highest: float = 0.0,
) -> Chart:
    """Counts or shares per bin, each side brought to shares of its own total.

    `edges` holds one number more than there are bins, or one name for each bin. Bins of unequal width (quantiles) are
    drawn equally wide and labelled with their edges, because a bar's height is a share and not a density. Two of them
    beside each other have the same axis when both reach to `highest`, a share.
    Raises ValueError when lengths do not fit.
    """
    sides = [_shares(reference), *([_shares(current)] if current is not None else [])]
    bins = len(reference)
    if any(len(side) != bins for side in sides) or len(edges) not in (bins, bins + 1):
        raise ValueError(f"{bins} bins need {bins} names or {bins + 1} edges and as many counts on both sides")
    used = names[: len(sides)]
    labels = _labels(edges, bins)
    if not any(sum(side) for side in sides):
        return empty(title, "There is nothing to draw yet.", "histogram", ["Bin", *used])
    plot = _Plot(edges, sides, width, height, highest)
    content = [*plot.grid(labels), *plot.reference(sides[0], labels, used[0])]
    if len(sides) > 1:
        content += plot.current(sides[1], labels, used[1])
    rows = [[label, *[percent(side[index]) for side in sides]] for index, label in enumerate(labels)]
    description = _description(sides, labels, used)
    return Chart(
        title=title,
        svg=svg.drawing(width, height, title, description, content, "histogram"),
        table=Table(["Bin", *used], rows),
        note=note,
        legend=[Key("past", used[0]), Key("s1", used[1])] if len(sides) > 1 else [],
        kind="histogram",
        description=description,
    )


def _shares(counts: Sequence[float]) -> list[float]:
    total = float(sum(counts))
    return [float(count) / total if total else 0.0 for count in counts]


def _labels(edges: Sequence[float | str], bins: int) -> list[str]:
    if len(edges) == bins:
        return [str(edge) for edge in edges]
    written = [edge if isinstance(edge, str) else number(edge) for edge in edges]
    return [f"{low} to {high}" for low, high in pairwise(written)]


def _are_even(edges: Sequence[float | str], bins: int) -> bool:
    if len(edges) == bins or any(isinstance(edge, str) for edge in edges):
        return False
    widths = [float(high) - float(low) for low, high in pairwise(edges)]
    return min(widths) > 0 and max(widths) / min(widths) < 1.5


class _Plot:
    def __init__(
        self,
        edges: Sequence[float | str],
        sides: Sequence[Sequence[float]],
        width: float,
        height: float,
        highest: float,
    ) -> None:
        levels = scale.ticks(0.0, max([highest, *[max(side) for side in sides]]), 4)
        self.levels = levels
        self.level_labels = [percent(level, 0 if levels[1] >= 0.01 else 1) for level in levels]
        self.frame = Frame(width, height, axes.label_margin(self.level_labels), 10, 12, 28)
        self.y = Scale(levels[0], levels[-1], self.frame.floor, self.frame.top)
        self.edges, self.bins = edges, len(sides[0])
        self.even = _are_even(edges, self.bins)
        step = (self.frame.wall - self.frame.left) / self.bins
        self.walls = [self.frame.left + step * index for index in range(self.bins + 1)]

    def grid(self, labels: Sequence[str]) -> Iterator[str]:
        """Grid, shares at the left, values or names below."""
        yield from axes.horizontal_grid(self.frame, self.y, self.levels, self.level_labels)
        if self.even:
            x = Scale(float(self.edges[0]), float(self.edges[-1]), self.walls[0], self.walls[-1])
            yield from axes.floor_ticks(self.frame, axes.numeric_ticks(x, 8))
        elif len(self.edges) > self.bins:
            written = [edge if isinstance(edge, str) else number(edge) for edge in self.edges]
            yield from axes.floor_ticks(self.frame, list(zip(self.walls, written, strict=True)))
        else:
            room = max(4, int((self.walls[1] - self.walls[0]) / 6.2))
            middles = [(low + high) / 2 for low, high in pairwise(self.walls)]
            yield from axes.floor_ticks(
                self.frame, [(at, shorten(name, room)) for at, name in zip(middles, labels, strict=True)]
            )

    def reference(self, shares: Sequence[float], labels: Sequence[str], name: str) -> Iterator[str]:
        """Filled columns."""
        for index, share in enumerate(shares):
            top = self.y(share)
            left, right = self.walls[index] + 0.5, self.walls[index + 1] - 0.5
            words = svg.hint(f"{name}, {labels[index]}: {percent(share)}")
            yield svg.tag(
                "rect", words, class_="past", x=left, y=top, width=max(0.5, right - left), height=self.frame.floor - top
            )

    def current(self, shares: Sequence[float], labels: Sequence[str], name: str) -> Iterator[str]:
        """A stair line over the columns, with an invisible column each that answers the pointer."""
        steps = [(self.walls[0], self.frame.floor)]
        for index, share in enumerate(shares):
            steps += [(self.walls[index], self.y(share)), (self.walls[index + 1], self.y(share))]
        steps.append((self.walls[-1], self.frame.floor))
        yield svg.tag("path", class_="stair s1", d=svg.path(steps))
        for index, share in enumerate(shares):
            words = svg.hint(f"{name}, {labels[index]}: {percent(share)}")
            width = self.walls[index + 1] - self.walls[index]
            top = self.y(share)
            yield svg.tag(
                "rect",
                words,
                class_="sense",
                x=self.walls[index],
                y=top - 3,
                width=width,
                height=max(6.0, self.frame.floor - top),
            )


def _description(sides: Sequence[Sequence[float]], labels: Sequence[str], names: Sequence[str]) -> str:
    tallest = [
        f"{name}: most in {labels[side.index(max(side))]} ({percent(max(side))})."
        for name, side in zip(names, sides, strict=True)
    ]
    if len(sides) == 1:
        return tallest[0]
    gaps = [abs(a - b) for a, b in zip(*sides, strict=True)]
    widest = gaps.index(max(gaps))
    moved = f"Largest difference in {labels[widest]}: {percent(sides[0][widest])} against {percent(sides[1][widest])}."
    return " ".join([*tallest, moved])
