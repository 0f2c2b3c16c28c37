"""A line of the height of a text row: the shape only, with first, last, lowest and highest in words."""

from __future__ import annotations

from collections.abc import Sequence

from apps.core.charts import scale, svg
from apps.core.charts.scale import Scale
from apps.core.charts.svg import Markup
from apps.core.formats import measure

_WIDTH, _HEIGHT = 96.0, 22.0


def sparkline(values: Sequence[float | None], label: str, *, unit: str = "") -> Markup:
    """The values from left to right; None leaves a gap, the last known value gets a dot."""
    known = scale.clipped(values)
    if not known:
        return svg.drawing(_WIDTH, _HEIGHT, label, "No values yet.", [], "spark")
    low, high = min(known), max(known)
    y = Scale(low, high, _HEIGHT - 3, 3) if high > low else Scale(low - 1, high + 1, _HEIGHT - 3, 3)
    x = Scale(0, max(1, len(values) - 1), 3, _WIDTH - 4)
    runs: list[list[tuple[float, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((x(index), y(value)))
    shapes = [svg.tag("path", class_="curve s1", d=svg.path(run)) for run in runs if len(run) > 1]
    last = next(run[-1] for run in reversed(runs) if run)
    shapes.append(svg.tag("circle", class_="dot s1", cx=last[0], cy=last[1], r=2.2))
    words = f"Last {measure(known[-1], unit)}, lowest {measure(low, unit)}, highest {measure(high, unit)}."
    return svg.drawing(_WIDTH, _HEIGHT, label, words, shapes, "spark")
