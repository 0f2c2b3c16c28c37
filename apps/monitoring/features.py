"""Pictures of one feature: its reference and a window side by side, and everything said of it through time."""

import datetime as dt
import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

from apps.core import charts
from apps.core.charts import Chart, Event, Series, Threshold
from apps.monitoring.models import Check, Monitor
from apps.monitoring.periods import Period
from apps.monitoring.results import Reading, by_version, name_of
from apps.monitoring.windows import Window

Readings = Sequence[tuple[Check, Reading]]
_HOUR = dt.timedelta(hours=1)
SHOWN_WINDOWS = 26  # in the map of distributions
SHARES = {"null": "Missing", "unseen": "Never seen before", "outside": "Out of range"}
STATISTICS = {
    "ks": ("Kolmogorov-Smirnov distance", "Largest distance between the two distribution functions."),
    "w1_over_sd": ("Wasserstein distance over the standard deviation", "How far values have moved, in deviations."),
    "l_infinity": ("Largest change of a share", "Of any single category."),
    "js": ("Jensen-Shannon distance", "0 for the same distribution, 1 for nothing in common."),
    "hellinger": ("Hellinger distance", "0 for the same distribution, 1 for nothing in common."),
}


def bins(row: Reading) -> list[str]:
    """The names of the columns of a feature's picture: ranges of numbers from low to high, or categories."""
    picture = row.result["picture"]
    if "names" in picture:
        return [str(name) for name in picture["names"]]
    written = [f"{edge:.4g}" for edge in picture["edges"]]
    if not written:
        return ["every value"]
    inner = [f"{low} to {high}" for low, high in pairwise(written)]
    return [f"up to {written[0]}", *inner, f"over {written[-1]}"]


def shares(row: Reading, side: str) -> list[float]:
    """The share of each column of the picture: `side` is reference or current."""
    counts = row.result["picture"][side]
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def side_by_side(row: Reading, window: Window) -> list[Chart]:
    """The reference and the window on the same columns and the same axis."""
    before, now = shares(row, "reference"), shares(row, "current")
    highest = max([*before, *now], default=0.0)
    return [
        charts.histogram(name, _axis(row), reference=side, highest=highest, names=(name, ""), width=340, height=210)
        for name, side in (("Reference", before), (str(window), now))
    ]


def compared(row: Reading, window: Window, width: float = 720) -> Chart:
    """Both over each other."""
    return charts.histogram(
        f"Has {name_of(row.feature)} moved {window.when}?",
        _axis(row),
        reference=shares(row, "reference"),
        current=shares(row, "current"),
        names=("Reference", str(window)),
        width=width,
    )


def _axis(row: Reading) -> list[str]:
    """What is written under the columns: names of categories, or the edges between ranges."""
    edges = row.result["picture"].get("edges")
    return bins(row) if not edges else ["lower", *[f"{edge:.4g}" for edge in edges], "higher"]


def distributions(rows: Readings) -> Chart | None:
    """The share of every column, window by window, beside the reference; None without a window."""
    if not rows:
        return None
    newest = rows[-1][1]
    shown = [(check, row) for check, row in rows if bins(row) == bins(newest)][-SHOWN_WINDOWS:]
    sides = [shares(newest, "reference"), *[shares(row, "current") for _, row in shown]]
    names = bins(newest)
    order = range(len(names)) if newest.kind == "category" else range(len(names) - 1, -1, -1)
    return charts.heat(
        "How has the distribution moved?",
        columns=["Reference", *[_short(check) for check, _ in shown]],
        rows=[(names[at], [round(100 * side[at], 1) for side in sides]) for at in order],
        note="Percent of the values in each column of the picture. The reference comes first, then the windows, "
        "oldest first.",
    )


def _short(check: Check) -> str:
    return f"{check.start_at:%-d %b %H:%M}" if check.end_at - check.start_at <= _HOUR else f"{check.start_at:%-d %b}"


def quantiles(rows: Readings, period: Period) -> Chart | None:
    """The median of a number with the middle half of its values around it, window by window."""
    known = [(check, found) for check, row in rows if (found := _quartiles(row)) is not None]
    if not known:
        return None
    reference = _quartiles(rows[-1][1], "reference")
    points = [(check.start_at, found[1]) for check, found in known]
    low, high = [found[0] for _, found in known], [found[2] for _, found in known]
    return charts.line(
        "Where do the values lie?",
        [Series("Median, with the middle half", points, low, high)],
        thresholds=[Threshold(reference[1], f"median of the reference {reference[1]:.4g}", "neutral")]
        if reference
        else [],
        between=period.ends,
        note="Read off the columns of the picture, taken as evenly filled; an open end counts at its edge.",
    )


def _quartiles(row: Reading, side: str = "current") -> tuple[float, float, float] | None:
    """The 25th, 50th and 75th of 100 values; one that lies in an open end of the picture is taken at its edge."""
    edges = row.result["picture"].get("edges") or []
    portions = shares(row, side)
    if not edges or not any(portions):
        return None
    reached = list(accumulate(portions))
    return _quantile(edges, reached, 0.25), _quantile(edges, reached, 0.5), _quantile(edges, reached, 0.75)


def _quantile(edges: Sequence[float], reached: Sequence[float], wanted: float) -> float:
    """Where so large a share of the values is reached, within its column taken as evenly filled."""
    place = min(bisect_left(reached, wanted - 1e-12), len(reached) - 1)
    before = reached[place - 1] if place else 0.0
    low, high = edges[max(place - 1, 0)], edges[min(place, len(edges) - 1)]
    return low + (high - low) * (wanted - before) / (reached[place] - before)


def through_time(
    rows: Readings, monitor: Monitor, feature: str, period: Period, events: Sequence[Event] = ()
) -> list[Chart]:
    """Every statistic with its limit, and the shares of missing, new and impossible values with theirs."""
    drawn = [_index(rows, monitor, feature, period, events)]
    drawn += [one for name in STATISTICS if (one := _statistic(rows, name, period)) is not None]
    drawn += [one for name in SHARES if (one := _share(rows, monitor, name, period)) is not None]
    return drawn


def _lines(label: str, rows: Readings, of: Callable[[Reading], float | None]) -> list[Series]:
    """A line, or where versions took turns in one window a line for each of them."""
    versions = by_version(check for check, _ in rows)
    return [
        Series(f"{label}{said}", [(check.start_at, of(row)) for check, row in rows if check.pk in keys])
        for said, keys in versions.items()
    ]


def _index(rows: Readings, monitor: Monitor, feature: str, period: Period, events: Sequence[Event]) -> Chart:
    limit = float(monitor.limits.get("features", {}).get(feature, monitor.limits.get("psi", 0.1)))
    return charts.line(
        f"When did {name_of(feature)} move?",
        _lines("PSI", rows, lambda row: row.psi),
        thresholds=[Threshold(limit, f"limit {limit:g}", "wrong")],
        events=events,
        zero=True,
        between=period.ends,
        note="Population stability index over ten groups of the reference. It is over the limit only where chance is "
        "ruled out as well.",
    )


def _statistic(rows: Readings, name: str, period: Period) -> Chart | None:
    if all(_finite(row.result.get(name)) is None for _, row in rows):
        return None
    title, note = STATISTICS[name]
    series = _lines(title, rows, lambda row: _finite(row.result.get(name)))
    if name == "ks":
        series += _lines("At most", rows, lambda row: _finite(row.result.get("ks_bound")))
        note += " The line above it is what it certainly does not exceed."
    return charts.line(title, series, zero=True, between=period.ends, note=note, height=180)


def _share(rows: Readings, monitor: Monitor, name: str, period: Period) -> Chart | None:
    """One share through time; it is over its limit when it has changed by so much against the reference."""
    from apps.monitoring.engine.policy import Limits

    known = [(check, row) for check, row in rows if row.result.get(name)]
    if not known:
        return None
    before = known[-1][1].result[name]["reference"]
    allowed = getattr(Limits.read(monitor.limits), name)
    return charts.line(
        f"{SHARES[name]}: which share of the values?",
        _lines(SHARES[name], known, lambda row: 100 * row.result[name]["current"]),
        unit="%",
        thresholds=[
            Threshold(100 * before, f"reference {100 * before:.3g} %", "neutral"),
            Threshold(100 * (before + allowed), f"limit {100 * (before + allowed):.3g} %", "wrong"),
        ],
        zero=True,
        between=period.ends,
        height=180,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
