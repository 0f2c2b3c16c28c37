"""Are the test rows sound by themselves? Enough of them, one truth each, no damaged text, no stand-ins."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Line, is_missing, is_number
from apps.validation.engine.base import (
    MAX_EVIDENCE_ROWS,
    TIERS,
    Check,
    Family,
    Interval,
    Kind,
    Limits,
    Measured,
    Need,
    Sense,
    Titles,
    TooSmall,
    table,
)
from apps.validation.engine.case import Case
from apps.validation.engine.checks.data import fingerprints, known_levels
from apps.validation.engine.intervals import share_interval, wilson


class Size(Check):
    """Enough rows to be sure of anything."""

    key = "data.size"
    family = Family.DATA
    title = "Enough test rows"
    question = "Are there enough test rows, of every outcome, to be sure of a figure?"
    metric = "test rows of the rarest outcome; of all rows where the truth is a figure"
    unit = "count"
    source = "at least 100 events (Collins et al. 2016)"
    tiers = TIERS
    limits = {"low": Limits(None, 30.0), "limited": Limits(30.0, 100.0), "high": Limits(50.0, 200.0)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The number, and the share of every outcome."""
        if case.kind is Kind.REGRESSION:
            return Measured(float(len(case.test)), f"There are {len(case.test):,} test rows.")
        levels, counts = np.unique(case.test.truth, return_counts=True)
        rows: list[Line] = [
            {"outcome": str(level), "rows": int(count), "share": count / len(case.test)}
            for level, count in zip(levels.tolist(), counts.tolist(), strict=True)
        ]
        few = int(counts.min()) if len(levels) > 1 else 0
        titles: Titles = {"outcome": ("outcome", "text"), "rows": ("rows", "count"), "share": ("share", "percent")}
        sentence = f"The rarest outcome has {few:,} of {len(case.test):,} test rows."
        return Measured(float(few), sentence, tables=[table("Rows by outcome", rows, **titles)])


class Labels(Check):
    """Outcomes that only one side knows."""

    key = "data.labels"
    family = Family.DATA
    title = "Same outcomes"
    question = "Do training and test rows know the same outcomes?"
    metric = "number of outcomes that are found on one side only"
    unit = "count"
    source = "new labels as in deepchecks (0)"
    kinds = frozenset({Kind.BINARY, Kind.MULTICLASS})
    sense = Sense.AT_MOST
    needs = frozenset({Need.TRAIN})
    limits = {"low": Limits(0.0), "limited": Limits(0.0), "high": Limits(0.0)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The number, and which."""
        here, there = set(np.unique(case.test.truth).tolist()), set(np.unique(case.training.truth).tolist())
        lines: list[Line] = [
            {"outcome": str(level), "found": "test rows only" if level in here else "training rows only"}
            for level in sorted(here ^ there)
        ]
        titles: Titles = {"outcome": ("outcome", "text"), "found": ("found in", "text")}
        return Measured(
            float(len(lines)),
            f"{len(lines)} outcomes are found on one side only." if lines else "Both sides know the same outcomes.",
            tables=[table("Outcomes on one side only", lines, **titles)] if lines else [],
        )


class Conflicts(Check):
    """The same row with two truths, beyond what the task's own uncertainty explains."""

    key = "data.conflicts"
    family = Family.DATA
    title = "Rows that contradict each other"
    question = "Do test rows with the same features have the same truth, as far as that can be known?"
    metric = "share of equal rows whose truth differs from their twin's, beyond what the model's probabilities expect"
    unit = "percent"
    source = "conflicting labels as in deepchecks; the correction for uncertainty is our own"
    kinds = frozenset({Kind.BINARY})
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.15), "limited": Limits(0.25, 0.10), "high": Limits(0.20, 0.10)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """Each row against the next one with the same features."""
        names = case.test.features
        rows = case.test
        blank = type(rows)(rows.columns, names, np.zeros(len(rows)), rows.number)
        marks = fingerprints(blank, names, known_levels((blank,), names))
        order = np.argsort(marks, kind="stable")
        twin = marks[order][1:] == marks[order][:-1]
        first, second = order[:-1][twin], order[1:][twin]
        if len(first) < 20:
            return Measured(0.0, f"Only {len(first)} rows have a twin among the test rows.")
        differ = rows.truth[first] != rows.truth[second]
        chance = case.said.score[first]
        expected = float(np.mean(2 * chance * (1 - chance)))
        found = float(differ.mean())
        low, high = wilson(float(differ.sum()), len(differ))
        ends = [max(0.0, end - expected) for end in (low, high)]
        places = [{"row": int(number)} for number in rows.number[first[differ]][:MAX_EVIDENCE_ROWS]]
        value = max(0.0, found - expected)
        sentence = f"{found:.1%} of {len(first):,} pairs of equal rows differ in truth; {expected:.1%} is expected."
        interval = Interval(ends[0], ends[1], method="Wilson, beyond what is expected")
        return Measured(value, sentence, interval, offending_rows=places if value > 0.02 else [])


# What UTF-8 looks like when it was read as Latin-1 or Windows-1252, and the sign for a letter that was lost.
MOJIBAKE = re.compile("[\u00c2\u00c3][\u0080-\u00bf\u2018-\u2122]|\u00e2\u20ac|\ufffd")


class Mojibake(Check):
    """Texts that were read in the wrong encoding."""

    key = "data.encoding"
    blind = True
    family = Family.DATA
    title = "Damaged texts"
    question = "Were the texts read in the right encoding?"
    metric = "share of test rows with a text that was read in the wrong encoding"
    unit = "percent"
    source = "own; the marks of UTF-8 read as Latin-1 or Windows-1252"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.01), "limited": Limits(0.05, 0.0), "high": Limits(0.01, 0.0)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share, and the rows."""
        damaged = np.zeros(len(case.test), dtype=bool)
        for values in case.test.columns.values():
            if not is_number(values):
                damaged |= with_marks(values)
        value = float(damaged.mean())
        found = f"{int(damaged.sum()):,} test rows hold a text that was read in the wrong encoding."
        interval = share_interval(float(damaged.sum()), len(damaged))
        return Measured(
            value, found if value else "No text looks damaged.", interval, offending_rows=case.test.places(damaged)
        )


def with_marks(values: Array) -> Array:
    """Which texts bear the marks of a wrong encoding; every distinct text is looked at once."""
    bad = {text for text in set(values.tolist()) if isinstance(text, str) and MOJIBAKE.search(text)}
    return np.array([text in bad for text in values.tolist()], dtype=bool) if bad else np.zeros(len(values), dtype=bool)


SENTINELS = (-1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0, 1e6)


class Sentinels(Check):
    """Figures that stand for “unknown”."""

    key = "data.sentinels"
    blind = True
    family = Family.DATA
    title = "Figures that mean unknown"
    question = "Are there figures like -999 that stand for “unknown” but are taken as figures?"
    metric = "number of features in which such a figure lies far from all others"
    unit = "count"
    source = "own; special values as in other suites' data checks"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.0), "limited": Limits(None, 0.0), "high": Limits(0.0, None)}
    least = 5

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The features, the figure and how often it is there."""
        if len(case.test) < 50:
            raise TooSmall(f"{len(case.test)} rows are too few to tell.")
        lines: list[Line] = []
        for name in case.test.numeric:
            values = case.test.columns[name]
            lines += [{"feature": name, **found} for found in strange(values[~is_missing(values)].astype(float))]
        names = ", ".join(f"{line['value']:g} in {line['feature']}" for line in lines[:5])
        titles: Titles = {"feature": ("feature", "text"), "value": "figure", "rows": ("rows", "count")}
        return Measured(
            float(len({line["feature"] for line in lines})),
            f"Stands for “unknown”, it seems: {names}." if lines else "No figure looks as if it stood for “unknown”.",
            tables=[table("Figures that lie apart", lines, **titles)] if lines else [],
        )


def strange(values: Array) -> list[Line]:
    """The usual stand-ins that are there at least five times and lie ten quartile ranges or more from the rest."""
    found: list[Line] = []
    for sentinel in SENTINELS:
        same = values == sentinel
        rest = values[~same]
        if same.sum() < Sentinels.least or len(rest) < 20:
            continue
        low, high = np.quantile(rest, [0.25, 0.75])
        width = float(high - low) or float(np.std(rest)) or 1.0
        outside = sentinel < float(rest.min()) - 3 * width or sentinel > float(rest.max()) + 3 * width
        if outside:
            found.append({"value": sentinel, "rows": int(same.sum())})
    return found


CHECKS = (Size, Labels, Conflicts, Mojibake, Sentinels)
