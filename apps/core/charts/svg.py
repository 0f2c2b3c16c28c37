"""The few lines that write SVG: elements as strings, every attribute and text escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is markup already: template engines ask for `__html__` and leave it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        """The markup itself."""
        return self


def coordinate(value: float) -> str:
    """A position rounded to a tenth of a pixel, without a useless `.0`."""
    return f"{value:.1f}".removesuffix(".0")


def tag(name: str, content: str | Iterable[str] = "", **attributes: object) -> str:
    """`<name …>content</name>`; `class_` and `data_x` become `class` and `data-x`, a None attribute is left out.

    `content` is markup already; text goes through `text()` or `titled()`.
    """
    written = "".join(
        f' {_attribute(key)}="{escape(_value(value))}"' for key, value in attributes.items() if value is not None
    )
    inner = content if isinstance(content, str) else "".join(content)
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: object) -> str:
    return coordinate(value) if isinstance(value, float) else str(value)


def text(content: str, x: float, y: float, **attributes: object) -> str:
    """A label at a position."""
    return tag("text", escape(content), x=float(x), y=float(y), **attributes)


def hint(content: str) -> str:
    """The `<title>` child that browsers show on hover and screen readers speak."""
    return tag("title", escape(content))


def path(points: Iterable[tuple[float, float]]) -> str:
    """The `d` of an open line through the points."""
    return "".join(f"{'L' if index else 'M'}{coordinate(x)} {coordinate(y)}" for index, (x, y) in enumerate(points))


LEAST = 32.0  # rem: how narrow a drawing of the usual width is shown, as static/tenure/css/charts.css has it


def edge(width: float, height: float, whole: float, content: Iterable[str]) -> Markup:
    """The left margin of a drawing `whole` wide, by itself and as large as in the drawing at its narrowest."""
    rem = LEAST / whole
    drawn = tag(
        "svg",
        list(content),
        class_="plot",
        viewBox=f"0 0 {coordinate(width)} {coordinate(height)}",
        width=f"{width * rem:.3f}rem",
        height=f"{height * rem:.3f}rem",
        xmlns="http://www.w3.org/2000/svg",
    )
    return Markup(drawn)


def drawing(width: float, height: float, title: str, description: str, content: Iterable[str], kind: str) -> Markup:
    """The outer `<svg>` with its name and description for those who do not see it."""
    drawn = tag(
        "svg",
        [hint(title), tag("desc", escape(description)), *content],
        class_=f"plot plot-{kind}",
        viewBox=f"0 0 {coordinate(width)} {coordinate(height)}",
        role="img",
        aria_label=f"{title} {description}",
        xmlns="http://www.w3.org/2000/svg",
    )
    return Markup(drawn)
