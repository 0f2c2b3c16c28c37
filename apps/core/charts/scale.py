"""From values to positions, with ticks at numbers and dates that people would choose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from apps.core.formats import number

Moment = datetime | date | float | int


@dataclass(frozen=True)
class Scale:
    """A linear map from [low, high] to pixels [start, end]."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The position of a value; values outside the domain land outside the plot."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + share * (self.end - self.start)


def nice_step(span: float, count: int) -> float:
    """The step of 1, 2, 2.5 or 5 times a power of ten that gives about `count` ticks over `span`."""
    if span <= 0 or not math.isfinite(span):
        return 1.0
    rough = span / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999999)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round values from just below `low` to just above `high`."""
    step = nice_step(high - low, count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def domain(values: Sequence[float], zero: bool | None = None) -> tuple[float, float]:
    """Low and high for an axis: from zero when the data come near it, never without extent."""
    low, high = min(values), max(values)
    near_zero = low > 0 and low < 0.5 * high
    if zero or (zero is None and near_zero):
        low = min(low, 0.0)
        high = max(high, 0.0)
    if low == high:
        margin = abs(low) * 0.1 or 1.0
        return (low - margin if low else 0.0), high + margin
    return low, high


def tick_label(value: float, step: float) -> str:
    """A tick with just the decimals its step needs."""
    if value == 0:
        return "0"
    if abs(value) >= 10_000_000:
        return f"{number(value / 1_000_000)}\u202fM"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step < 1 else 0
    if round(step, decimals) != round(step, 10):
        decimals += 1
    return f"{value:,.{decimals}f}" if abs(value) >= 1e-6 else number(value)


def seconds(moment: Moment) -> float:
    """A moment as a number: dates begin at midnight UTC, datetimes without a zone are taken as UTC."""
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if isinstance(moment, date):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC).timestamp()
    return float(moment)


def is_time(moments: Sequence[Moment]) -> bool:
    """Whether an axis holds dates rather than numbers."""
    return any(isinstance(moment, date) for moment in moments)


_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEPS = (
    _MINUTE,
    5 * _MINUTE,
    15 * _MINUTE,
    _HOUR,
    3 * _HOUR,
    6 * _HOUR,
    12 * _HOUR,
    _DAY,
    2 * _DAY,
    7 * _DAY,
    14 * _DAY,
)


def time_ticks(low: float, high: float, count: int, zone: tzinfo = UTC) -> list[tuple[float, str]]:
    """Positions (in seconds) and labels of a time axis, at midnights, Mondays, first days of months or years."""
    span = high - low
    for step in _STEPS:
        if span / step <= count:
            return _even(low, high, timedelta(seconds=step), zone)
    month = 30.44 * _DAY
    months = next((n for n in (1, 2, 3, 6) if span / (n * month) <= count), 0)
    years = math.ceil(nice_step(span / month / 12, count))
    return _monthly(low, high, months or 12 * years, zone)


# A year inside the ends of the calendar, where every moment exists in every zone and has a week before it.
_FIRST, _LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


def _start(low: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(min(max(low, _FIRST.timestamp()), _LAST.timestamp()), zone)


def _even(low: float, high: float, step: timedelta, zone: tzinfo) -> list[tuple[float, str]]:
    moment = _start(low, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if step >= timedelta(days=7):
        moment -= timedelta(days=moment.weekday())
    high, found = min(high, _LAST.timestamp()), []
    while moment.timestamp() <= high:
        if moment.timestamp() >= low:
            clock = step < timedelta(days=1) and (moment.hour or moment.minute)
            found.append((moment.timestamp(), f"{moment:%H:%M}" if clock else f"{moment.day} {moment:%b}"))
        moment += step
    return found


def _monthly(low: float, high: float, months: int, zone: tzinfo) -> list[tuple[float, str]]:
    first = _start(low, zone)
    begin = first.year * 12 + first.month - 1
    found: list[tuple[float, str]] = []
    begin -= begin % months
    begin += months if begin < 12 else 0  # There is no year 0.
    for index in range(begin, 12 * _LAST.year, months):
        moment = datetime(index // 12, index % 12 + 1, 1, tzinfo=zone)
        if moment.timestamp() > high:
            break
        if moment.timestamp() >= low:
            found.append((moment.timestamp(), _month_label(moment, months, first=not found)))
    return found


def _month_label(moment: datetime, months: int, first: bool) -> str:
    """The year alone for steps of years; otherwise the month, with its year where a year begins."""
    if months >= 12:
        return f"{moment:%Y}"
    return f"{moment:%b %Y}" if first or moment.month <= months else f"{moment:%b}"


def moment_label(moment: Moment, zone: tzinfo) -> str:
    """A moment in words for tables and hover texts."""
    if isinstance(moment, datetime):
        local = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone)
        clock = f" {local:%H:%M}" if local.hour or local.minute else ""
        return f"{local.day} {local:%b %Y}{clock}"
    if isinstance(moment, date):
        return f"{moment.day} {moment:%b %Y}"
    return number(moment)


def clipped(values: Sequence[float | None]) -> list[float]:
    """The finite values."""
    return [float(value) for value in values if value is not None and math.isfinite(value)]


_NARROW, _WIDE = frozenset("iljtfrI.,:;'!|()[]-/ "), frozenset("mwMW@%")


def text_width(text: str, size: float = 11.0) -> float:
    """About how wide a label is in pixels in a system font; rather too wide than cut off."""
    shares = (0.38 if sign in _NARROW else 0.95 if sign in _WIDE else 0.7 if sign.isupper() else 0.62 for sign in text)
    return sum(shares) * size
