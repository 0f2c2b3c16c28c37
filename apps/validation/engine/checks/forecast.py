"""Is the forecast worth more than last season's value, is it right on average, and does it hold further ahead?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from apps.validation.engine.arrays import Flags, Floats, Line, is_number
from apps.validation.engine.base import (
    STRICTER_TIERS,
    TIERS,
    Bound,
    CannotRun,
    Check,
    Family,
    Interval,
    Kind,
    Limits,
    Measured,
    Need,
    Parameter,
    Sense,
    Titles,
    TooSmall,
    bars,
    table,
)
from apps.validation.engine.case import Case, parts_of
from apps.validation.engine.forecasts import (
    SEASONS,
    Naive,
    by_stretch,
    known_at,
    naive,
    season_before,
    step_of,
    stretches,
    tracks,
    usual_season,
)
from apps.validation.engine.intervals import MIN_ROWS, NORMAL_95, share_interval

FORECAST = frozenset({Kind.FORECAST})
SEASON = Parameter(
    "", "After what time the series repeats; empty: by day below a day's step, by week below a week's, else by year.",
    choices=SEASONS,
)  # fmt: skip
ERRORS: Titles = {
    "part": ("part", "text"),
    "rows": ("rows", "count"),
    "error": "mean absolute error",
    "share": "in errors of last season's value",
}


class ForecastCheck(Check):
    """What the checks of forecasts share: they need to know when a row is."""

    family = Family.PERFORMANCE
    kinds = FORECAST
    needs = frozenset({Need.TIME, Need.TRAIN})
    tiers: ClassVar[Sequence[str]] = STRICTER_TIERS


def mean_of(values: Floats) -> Any:
    """The weighted mean of some values, from weights."""
    return lambda weights: float(weights @ values / weights.sum()) if weights.sum() else float("nan")


def enough(rows: Flags, what: str) -> None:
    """TooSmall where fewer rows than an interval needs are left."""
    if int(rows.sum()) < MIN_ROWS:
        raise TooSmall(f"Only {int(rows.sum())} test rows have {what}.")


class ScaledError(ForecastCheck):
    """The error in units of what the value one season before would be off."""

    key = "fore.mase"
    title = "Scaled error"
    question = "Is the forecast nearer to the truth than last season's value was in training?"
    metric = "mean absolute error over that of the seasonal naive forecast in training, by series (MASE)"
    source = "Hyndman and Koehler 2006, mean absolute scaled error"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 1.0), "limited": Limits(1.25, 0.95), "high": Limits(1.0, 0.9)}
    parameters = {"season": SEASON}

    def measure(self, case: Case, season: str = "", **settings: Any) -> Measured:
        """The mean over rows, drawn again by stretch of time, and the series that are worst."""
        known = naive(case, season)
        error = np.abs(np.asarray(case.test.truth, dtype=float) - case.said.score)
        there = np.isfinite(known.scale)
        enough(there, "a series with ten pairs of values a season apart in training")
        scaled = error[there] / known.scale[there]
        value = float(scaled.mean())
        lines = _by_series(known, error, there)
        left = int((~there).sum())
        words = "step" if known.season == "step" else known.season
        return Measured(
            value,
            f"The forecast is off by {value:.2f} times what the value one {words} before was off in training.",
            by_stretch(mean_of(scaled), stretches(case.test)[there], case.seed),
            tables=[table("Series, the worst first", lines[:20], **ERRORS)],
            notes=[f"{left:,} rows are of series too short in training."] if left else [],
            rows_used=int(there.sum()),
        )


def _by_series(known: Naive, error: Floats, there: Flags) -> list[Line]:
    lines: list[Line] = []
    for place, name in enumerate(known.track.names):
        inside = there & (known.track.series == place)
        if inside.any():
            mean, scale = float(error[inside].mean()), float(known.scale[inside][0])
            lines.append({"part": name, "rows": int(inside.sum()), "error": mean, "share": mean / scale})
    return sorted(lines, key=lambda line: -line["share"])


class VersusNaive(ForecastCheck):
    """Against saying last season's value, on the same rows."""

    key = "fore.vs_naive"
    title = "Against last season's value"
    question = "Does the forecast add anything to saying what was there one season before?"
    metric = "share by which the mean absolute error is smaller than that of the seasonal naive forecast, same rows"
    unit = "percent"
    source = "forecast skill (Murphy 1988) over the seasonal naive forecast (Hyndman and Athanasopoulos 2021)"
    tiers = TIERS
    limits = {"low": Limits(None, 0.0), "limited": Limits(0.0, 0.05), "high": Limits(0.0, 0.10)}
    parameters = {"season": SEASON}

    def measure(self, case: Case, season: str = "", **settings: Any) -> Measured:
        """The share, with an interval in which both lose the same stretches of time."""
        known = naive(case, season)
        truth = np.asarray(case.test.truth, dtype=float)
        there = np.isfinite(known.forecast)
        enough(there, "a value one season before")
        ours, theirs = np.abs(truth - case.said.score)[there], np.abs(truth - known.forecast)[there]
        if not theirs.sum():
            raise CannotRun("Last season's value is exact on these rows: nothing can be better.")

        def skill(weights: Floats) -> float:
            below = float(weights @ theirs)
            return 1 - float(weights @ ours) / below if below else float("nan")

        value = skill(np.ones(len(ours)))
        sentence = f"Its mean absolute error is {ours.mean():.4g}, that of last season's value {theirs.mean():.4g}."
        interval = by_stretch(skill, stretches(case.test)[there], case.seed)
        return Measured(value, sentence, interval, rows_used=len(ours))


class ForecastBias(ForecastCheck):
    """Too much or too little over the whole time."""

    key = "fore.bias"
    title = "Bias of the forecast"
    question = "Is too much or too little forecast on the whole?"
    metric = "size of the sum of the errors as a share of the sum of the sizes of the truth"
    unit = "percent"
    source = "weighted percentage error, common practice in demand planning (Davydenko and Fildes 2013)"
    needs = frozenset({Need.TIME})
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.10), "limited": Limits(0.10, 0.05), "high": Limits(0.07, 0.03)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share, and how it went by stretch of time."""
        truth = np.asarray(case.test.truth, dtype=float)
        error, size = case.said.score - truth, np.abs(truth)
        if not size.sum():
            raise CannotRun("The truth is zero in all test rows.")

        def signed(weights: Floats) -> float:
            return float(weights @ error) / float(weights @ size) if weights @ size else float("nan")

        whole = signed(np.ones(len(error)))
        way = "too much" if whole > 0 else "too little"
        stretch = stretches(case.test, 12)
        lines: list[Line] = []
        for place in range(int(stretch.max()) + 1):
            inside = (stretch == place).astype(float)
            first = np.asarray(case.test.time)[stretch == place].min()
            lines.append({"part": str(first)[:16], "rows": int(inside.sum()), "bias": signed(inside)})
        titles: Titles = {"part": ("from", "text"), "rows": ("rows", "count"), "bias": ("bias", "percent")}
        return Measured(
            abs(whole),
            f"On the whole {abs(whole):.1%} {way} is forecast.",
            by_stretch(lambda weights: abs(signed(weights)), stretches(case.test), case.seed),
            tables=[table("Bias by stretch of time", lines, **titles)],
            figures=[bars("When is too much or too little forecast?", "bias", lines, "part", "bias")],
        )


class Horizon(ForecastCheck):
    """How much worse it gets the further ahead it looks."""

    key = "fore.horizon"
    title = "Errors further ahead"
    question = "How much larger are the errors of what is furthest ahead than of what is nearest?"
    metric = "mean absolute error of the furthest part over that of the nearest"
    source = "own; error by horizon as in forecasting competitions (Makridakis et al. 2020)"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 3.0), "limited": Limits(3.0, 2.0), "high": Limits(2.5, 1.75)}
    parameters = {"parts": Parameter(5, "Parts of about equal size from the nearest to the furthest.", 2, 20)}

    def measure(self, case: Case, parts: int = 5, **settings: Any) -> Measured:
        """The ratio by the horizon that the plan's column gives, else by the time since training ended."""
        ahead, what = horizon(case)
        found = [part for part in parts_of(what, ahead, bins=parts) if part.size >= MIN_ROWS]
        if len(found) < 2:
            raise TooSmall(f"Fewer than two parts by {what} have {MIN_ROWS} rows.")
        error = np.abs(np.asarray(case.test.truth, dtype=float) - case.said.score)
        found.sort(key=lambda part: float(np.median(ahead[part.rows])))
        near, far = found[0].rows.astype(float), found[-1].rows.astype(float)
        lines: list[Line] = [
            {"part": part.name, "rows": part.size, "error": float(error[part.rows].mean())} for part in found
        ]

        def ratio(weights: Floats) -> float:
            sums = [(float((weights * flags) @ error), float(weights @ flags)) for flags in (far, near)]
            return (sums[0][0] / sums[0][1]) / (sums[1][0] / sums[1][1]) if sums[1][0] and sums[0][1] else float("nan")

        titles: Titles = {name: ERRORS[name] for name in ("part", "rows", "error")}
        value = ratio(np.ones(len(error)))
        return Measured(
            value,
            f"Furthest ahead the mean absolute error is {value:.2f} times that of the nearest.",
            by_stretch(ratio, stretches(case.test), case.seed),
            tables=[table(f"Errors by {what}", lines, **titles)],
            figures=[bars("Does the error grow with the time ahead?", "mean absolute error", lines, "part", "error")],
        )


def horizon(case: Case) -> tuple[Floats, str]:
    """How far ahead each test row is, and by what that is told."""
    told = case.role("horizon")
    if told is not None:
        if not is_number(told):
            raise CannotRun(f"The column {case.roles['horizon']} holds no figures.")
        return told.astype(float), case.roles["horizon"]
    train, test = tracks(case)
    return (test.at - train.at.max()) / 3_600.0, "hours since training ended"


class Leftover(ForecastCheck):
    """Errors that the errors one season before foretell."""

    key = "fore.leftover"
    title = "Pattern left in the errors"
    question = "Do the errors repeat after a season, so that something is left to learn?"
    metric = "size of the correlation of errors one season apart, of the same series"
    source = "residual autocorrelation (Box and Pierce 1970; Ljung and Box 1978)"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.5), "limited": Limits(0.6, 0.3), "high": Limits(0.5, 0.25)}
    parameters = {"season": SEASON}

    def measure(self, case: Case, season: str = "", **settings: Any) -> Measured:
        """The correlation with its interval by Fisher's transformation."""
        train, test = tracks(case)
        step = step_of(train)
        season = season or usual_season(step)
        error = np.asarray(case.test.truth, dtype=float) - case.said.score
        before = known_at(test, error, test.series, season_before(test.at, season, step))
        there = np.isfinite(before)
        enough(there, "another test row of the same series one season before")
        if not np.std(error[there]) or not np.std(before[there]):
            return Measured(0.0, "The errors are all the same.", rows_used=int(there.sum()))
        found = float(np.corrcoef(error[there], before[there])[0, 1])
        turned, half = np.arctanh(np.clip(found, -0.999999, 0.999999)), NORMAL_95 / np.sqrt(int(there.sum()) - 3)
        ends = np.abs(np.tanh([turned - half, turned + half]))
        low = 0.0 if abs(turned) < half else float(ends.min())
        return Measured(
            abs(found),
            f"Errors one {season} apart correlate by {found:.2f}.",
            Interval(low, float(ends.max()), method="Fisher's transformation"),
            rows_used=int(there.sum()),
        )


class Ahead(ForecastCheck):
    """Test rows of a time that training has seen."""

    key = "fore.ahead"
    family = Family.DATA
    title = "Tested on the future"
    question = "Are all test rows later than what the model was trained on?"
    metric = "share of test rows not later than the newest training row of their series"
    unit = "percent"
    source = "evaluation on a rolling origin (Tashman 2000)"
    sense = Sense.AT_MOST
    tiers = TIERS
    blind = True
    limits = {"low": Limits(0.10, 0.0), "limited": Limits(0.0, None), "high": Limits(0.0, None)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share and the rows."""
        train, test = tracks(case)
        newest = np.full(len(train.names), np.iinfo(np.int64).min)
        np.maximum.at(newest, train.series[train.series >= 0], train.at[train.series >= 0])
        early = (test.series >= 0) & (test.at <= newest[np.maximum(test.series, 0)])
        value = float(early.mean())
        sentence = f"{value:.1%} of the test rows are not later than training." if value else "All test rows are later."
        return Measured(
            value, sentence, share_interval(float(early.sum()), len(early)), offending_rows=case.test.places(early)
        )


class Coverage(ForecastCheck):
    """Whether the truth lies between the forecast's own limits as often as it says."""

    key = "fore.coverage"
    title = "Limits of the forecast"
    question = "Does the truth lie between the forecast's limits as often as it should?"
    metric = "how much less often than promised the truth lies between the two limits"
    unit = "percent"
    source = "coverage of prediction intervals (Christoffersen 1998)"
    needs = frozenset({Need.TIME})
    sense = Sense.AT_MOST
    judged = Bound.VALUE
    limits = {"low": Limits(None, 0.10), "limited": Limits(0.10, 0.05), "high": Limits(0.07, 0.03)}
    parameters = {
        "lower": Parameter("", "The column with the lower limit.", required=True),
        "upper": Parameter("", "The column with the upper limit.", required=True),
        "level": Parameter(0.9, "How often the truth should lie between them.", 0.01, 0.999),
    }
    reads = ("lower", "upper")

    def measure(self, case: Case, lower: str = "", upper: str = "", level: float = 0.9, **settings: Any) -> Measured:
        """What is missing to the promise; above it nothing is missing."""
        truth, ends = np.asarray(case.test.truth, dtype=float), [case.test.column(name) for name in (lower, upper)]
        if not all(is_number(end) for end in ends):
            raise CannotRun("The limits are no figures.")
        inside = ((truth >= ends[0]) & (truth <= ends[1])).astype(float)
        share = float(inside.mean())
        short = mean_of(inside)
        return Measured(
            max(0.0, level - share),
            f"The truth lies between the limits in {share:.1%} of the rows; {level:.0%} are promised.",
            by_stretch(lambda weights: max(0.0, level - short(weights)), stretches(case.test), case.seed),
            offending_rows=case.test.places(inside == 0),
        )


CHECKS = (ScaledError, VersusNaive, ForecastBias, Horizon, Leftover, Ahead, Coverage)
