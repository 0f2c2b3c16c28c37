"""What forecasts are held against: the value of the same series one season before, and errors drawn by stretch of time.

Series are told apart by the column that the plan names; without one all rows are one series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from apps.validation.engine.arrays import Array, Floats, Whole, codes
from apps.validation.engine.base import CannotRun, Interval, TooSmall
from apps.validation.engine.case import Case, Rows
from apps.validation.engine.intervals import percentile
from apps.validation.engine.metrics import Weighted

SEASONS = ("", "step", "hour", "day", "week", "month", "quarter", "year")
SECONDS = {"hour": 3_600, "day": 86_400, "week": 604_800}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
DAY, WEEK, MONTH = 86_400, 604_800, 28 * 86_400
MIN_PAIRS = 10
BLOCKS = 40
MIN_BLOCKS = 10
REPEATS = 400


def seconds(time: Array) -> Whole:
    """Moments as whole seconds, the smallest number where one is missing."""
    return np.asarray(time.astype("datetime64[s]").astype(np.int64))


@dataclass(frozen=True)
class Track:
    """Rows as series through time: the number of each row's series, and its moment in seconds."""

    series: Whole
    at: Whole
    names: list[str]


def tracks(case: Case) -> tuple[Track, Track]:
    """Training and test rows as series; CannotRun where the training rows have no moments."""
    train, test = case.training, case.test
    if train.time is None or test.time is None:
        raise CannotRun("The training rows do not have the time column.")
    known, asked = case.role("series", train), case.role("series")
    if case.roles.get("series") and known is None:
        raise CannotRun(f"The training rows have no column {case.roles['series']}.")
    if known is None or asked is None:
        known, asked = (np.full(len(rows), "all rows", dtype=object) for rows in (train, test))
    names = sorted({*codes(known)[1], *codes(asked)[1]})
    return _track(known, train.time, names), _track(asked, test.time, names)


def _track(series: Array, time: Array, names: list[str]) -> Track:
    """Rows without a moment belong to no series."""
    there = ~np.isnat(time)
    if not there.any():
        raise CannotRun("The time column holds no dates.")
    at = seconds(time)
    return Track(np.where(there, codes(series, names)[0], -1), np.where(there, at, at[there].min()), names)


def step_of(track: Track) -> int:
    """The usual number of seconds between two rows of a series; TooSmall where no series has two moments."""
    order = np.lexsort((track.at, track.series))
    gaps = np.diff(track.at[order])
    gaps = gaps[(np.diff(track.series[order]) == 0) & (gaps > 0)]
    if not len(gaps):
        raise TooSmall("No series has two moments.")
    return int(np.median(gaps))


def usual_season(step: int) -> str:
    """What a series of this step most often repeats by: by day below a day, by week below a week, else by year."""
    return "day" if step < DAY else "week" if step < WEEK else "year"


def season_before(at: Whole, season: str, step: int) -> Whole:
    """The moments one season before. A year of weeks has 52 of them; months keep their day as far as they have it."""
    if season == "step":
        return at - step
    if season in SECONDS:
        return at - SECONDS[season]
    if season == "year" and step % WEEK == 0 and step < MONTH:
        return at - 52 * WEEK
    moment = at.astype("datetime64[s]")
    month = moment.astype("datetime64[M]")
    day = (moment.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    then = month - MONTHS[season]
    longest = ((then + 1).astype("datetime64[D]") - then.astype("datetime64[D]")).astype(np.int64) - 1
    start = (then.astype("datetime64[D]") + np.minimum(day, longest)).astype("datetime64[s]")
    return np.asarray((start + (moment - moment.astype("datetime64[D]"))).astype(np.int64))


def known_at(track: Track, values: Floats, series: Whole, at: Whole) -> Floats:
    """The value of each series at each moment, NaN where nothing is known of it then."""
    order = np.lexsort((track.at, track.series))
    base = int(min(track.at.min(), at.min()))
    span = int(max(track.at.max(), at.max())) - base + 1
    keys = track.series[order] * span + (track.at[order] - base)
    wanted = series * span + (at - base)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found = (keys[place] == wanted) & (series >= 0)
    return np.where(found, np.asarray(values, dtype=float)[order][place], np.nan)


@dataclass(frozen=True)
class Naive:
    """The seasonal naive forecast of the test rows, and its mean absolute error in training by series; NaN unknown."""

    season: str
    forecast: Floats
    scale: Floats
    track: Track


def naive(case: Case, season: str = "") -> Naive:
    """What the value one season before says of every test row, and how far that is off in training.

    The value before is looked for in training and test rows. A series with fewer than ten pairs has no scale.
    """
    train, test = tracks(case)
    step = step_of(train)
    season = season or usual_season(step)
    truth = np.asarray(case.training.truth, dtype=float)
    before = known_at(train, truth, train.series, season_before(train.at, season, step))
    off = np.abs(truth - before)
    there = np.isfinite(off) & (train.series >= 0)
    pairs = np.bincount(train.series[there], minlength=len(train.names))
    sums = np.bincount(train.series[there], off[there], minlength=len(train.names))
    scale = np.divide(sums, pairs, out=np.full(len(pairs), np.nan), where=(pairs >= MIN_PAIRS) & (sums > 0))
    every = Track(np.r_[train.series, test.series], np.r_[train.at, test.at], test.names)
    values = np.r_[truth, np.asarray(case.test.truth, dtype=float)]
    forecast = known_at(every, values, test.series, season_before(test.at, season, step))
    return Naive(season, forecast, np.where(test.series >= 0, scale[np.maximum(test.series, 0)], np.nan), test)


def stretches(rows: Rows, count: int = BLOCKS) -> Whole:
    """The number of the stretch of time each row is in: as many of about equal size as there are moments for."""
    if rows.time is None:
        raise CannotRun("No time column is named for this data.")
    at = seconds(rows.time)
    moments, place = np.unique(at, return_inverse=True)
    count = min(count, len(moments))
    ends = np.cumsum(np.bincount(place))
    stretch = np.minimum((ends - 1) * count // len(at), count - 1)
    return np.asarray(np.unique(stretch[place], return_inverse=True)[1])


def by_stretch(prepared: Weighted, stretch: Whole, seed: int) -> Interval | None:
    """The interval of a weighted figure when whole stretches of time are drawn again; None for fewer than ten.

    Errors of neighbouring moments are alike, rows by themselves would look surer than they are. Non-overlapping block
    bootstrap (Carlstein 1986).
    """
    count = int(stretch.max()) + 1 if len(stretch) else 0
    if count < MIN_BLOCKS:
        return None
    random = np.random.default_rng(seed)
    drawn = (np.bincount(random.integers(0, count, count), minlength=count).astype(float) for _ in range(REPEATS))
    figures = np.array([prepared(weights[stretch]) for weights in drawn])
    return percentile(figures, method="bootstrap over stretches of time, percentile")
