"""Figures as people read them. No Django: pages, charts, mails and the terminal all write numbers the same way."""

from __future__ import annotations

import math

NOTHING = "–"  # what stands where there is no value
_BYTE_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_THIN = "\u202f"  # narrow no-break space between figure and unit


def number(value: float | int | None, digits: int | None = None) -> str:
    """A figure with thousands separators; `digits` fixes the decimals, otherwise three significant ones are kept."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOTHING
    if digits is not None:
        return f"{value:,.{digits}f}"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size < 1e-4:
        return f"{value:.2e}"
    decimals = max(0, 2 - math.floor(math.log10(size)))
    return f"{value:.{decimals}f}".rstrip("0").rstrip(".")


def percent(value: float | None, digits: int = 1) -> str:
    """A share (0 to 1) as a percentage."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value * 100:,.{digits}f}{_THIN}%"


def size(count: int | None) -> str:
    """A number of bytes in decimal units, as file managers and bills show it."""
    if count is None:
        return NOTHING
    value, step = float(count), 0
    while abs(value) >= 999.5 and step < len(_BYTE_UNITS) - 1:
        value, step = value / 1000, step + 1
    figure = f"{value:,.0f}" if step == 0 or abs(value) >= 100 else f"{value:.1f}"
    return f"{figure}{_THIN}{_BYTE_UNITS[step]}"


def duration(seconds: float | None) -> str:
    """A length of time in its two largest units: 1 h 5 min, 3 d 4 h, 850 ms."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < 0:
        return f"−{duration(-seconds)}"
    if seconds < 1:
        return f"{seconds * 1000:.0f}{_THIN}ms"
    if seconds < 10:
        return f"{seconds:.1f}{_THIN}s"
    return _whole(round(seconds))


def _whole(seconds: int) -> str:
    parts: list[tuple[int, str]] = []
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, length)
        if count or parts:
            parts.append((count, unit))
        if len(parts) == 2:
            break
    return " ".join(f"{count}{_THIN}{unit}" for count, unit in parts if count)


def measure(value: float | None, unit: str = "") -> str:
    """A figure with its unit; `%` takes a value that already is a percentage, `share` one from 0 to 1."""
    if value is None:
        return NOTHING
    if unit == "share":
        return percent(value)
    return f"{number(value)}{_THIN}{unit}" if unit else number(value)


def shorten(text: str, length: int) -> str:
    """The text cut at `length` characters, with an ellipsis where something is missing."""
    return text if len(text) <= length else text[: max(1, length - 1)].rstrip() + "…"
