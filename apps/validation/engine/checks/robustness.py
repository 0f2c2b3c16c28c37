"""Can it handle the real world? Noise, missing values, figures out of range, categories never seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Flags, Floats, Line, is_missing, is_number
from apps.validation.engine.base import (
    MAX_EVIDENCE_ROWS,
    TIERS,
    CannotRun,
    Check,
    Family,
    Figure,
    Kind,
    Limits,
    Measured,
    NothingToAsk,
    Parameter,
    Sense,
    Series,
    Titles,
    Verdict,
    bars,
    table,
)
from apps.validation.engine.case import Case, Rows, ask
from apps.validation.engine.metrics import METRIC_CHOICES, Metric, Prediction, chosen

METRIC = Parameter("", "Score to compare; empty for the usual one of the kind.", choices=METRIC_CHOICES)
MAX_FEATURES = 200
UNSEEN = "never seen before"


def loss_of_score(metric: Metric, before: float, after: float) -> float:
    """What was lost, in the metric's own unit where it runs to 1, as a share where it is in the target's unit."""
    return before - after if metric.perfect else metric.shortfall(before, after)


def common(values: Floats) -> float:
    """The value that more than half of the entries share; NaN, which equals nothing, where there is none."""
    middle = float(np.median(values))
    return middle if np.mean(values == middle) > 0.5 else float("nan")


def noisy(rows: Rows, strength: float, whole: frozenset[str], seed: int) -> Rows:
    """The rows with normal noise of `strength` standard deviations on every figure; whole numbers stay whole.

    A value that more than half of the rows share (nothing gained, no child) is not measured but known, and stays.
    """
    random = np.random.default_rng(seed)
    for name in rows.numeric:
        values = rows.columns[name].astype(float)
        size = float(np.nanstd(values)) if (~is_missing(values)).any() else 0.0
        moved = np.where(values == common(values), values, values + random.normal(0, strength * size, len(values)))
        rows = rows.with_column(name, (np.rint(moved) if name in whole else moved).astype(np.float32))
    return rows


class Noise(Check):
    """What is lost when every figure is a little off."""

    key = "robust.noise"
    family = Family.ROBUSTNESS
    title = "Noise"
    question = "How much is lost when measurements are a little off?"
    metric = "loss of the score under normal noise of the given strength on every figure"
    source = "perturbation tests as in other suites; 0.05 as their default"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.10), "limited": Limits(0.15, 0.05), "high": Limits(0.10, 0.05)}
    parameters = {
        "strength": Parameter(0.1, "Standard deviations of noise on which the verdict rests.", 0.0, 2.0),
        "metric": METRIC,
    }
    max_rows = 20_000
    ladder = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)

    def measure(self, case: Case, strength: float = 0.1, metric: str = "", **settings: Any) -> Measured:
        """The loss at the strength, and a ladder of strengths to see where it breaks."""
        if not case.test.numeric:
            raise NothingToAsk("No feature is a figure.")
        score = chosen(metric, case.kind)
        rows = [self.step(case, score, step) for step in sorted({*self.ladder, strength})]
        before = rows[0]["score"]
        for row in rows:
            row["loss"] = loss_of_score(score, before, row["score"])
        at = next(row for row in rows if row["strength"] == strength)
        line = Series(score.title, [row["strength"] for row in rows], [row["score"] for row in rows])
        axis = "noise in standard deviations"
        return Measured(
            at["loss"],
            f"{score.title} goes from {before:.4g} to {at['score']:.4g} under noise of {strength:g} deviations.",
            tables=[
                table(
                    "Noise", rows, strength=axis, score=score.title, loss="loss", flipped=("labels changed", "percent")
                )
            ],
            figures=[Figure("curve", "How much noise can it take?", [line], axis, score.title)],
            rows_used=len(case.test),
        )

    def step(self, case: Case, score: Metric, strength: float) -> Line:
        """The score under one strength of noise and the share of labels that change."""
        said = case.said if not strength else ask(case.model, noisy(case.test, strength, case.whole, case.seed))
        return {"strength": strength, "score": score.of(case.test.truth, said), "flipped": _flipped(case, said)}


def _flipped(case: Case, said: Prediction) -> float | None:
    return None if case.kind is Kind.REGRESSION else float(np.mean(said.label != case.said.label))


class Missing(Check):
    """What is lost when one feature does not arrive."""

    key = "robust.missing"
    family = Family.ROBUSTNESS
    title = "Missing values"
    question = "Does a missing feature cost more than not knowing it must cost?"
    metric = "largest loss of the score when a feature is absent in all rows, beyond the loss when it is shuffled"
    source = "own; a feature that is shuffled says nothing either"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.20), "limited": Limits(None, 0.10), "high": Limits(None, 0.10)}
    parameters = {"metric": METRIC}
    max_rows = 20_000

    def measure(self, case: Case, metric: str = "", **settings: Any) -> Measured:
        """One feature after the other taken away; the largest loss counts."""
        score = chosen(metric, case.kind)
        asked = [name for name in case.test.features if name not in case.required][:MAX_FEATURES]
        if not asked:
            raise NothingToAsk("The signature lets no feature be missing: callers are refused first.")
        before = score.of(case.test.truth, case.said)
        rows = [self.without(case, score, before, name) for name in asked]
        answered = sorted((row for row in rows if not row["trouble"]), key=lambda row: -row["loss"])
        broken = [row for row in rows if row["trouble"]]
        if not answered:
            raise CannotRun(
                "The model gives no usable answer when any feature is missing: there is nothing to compare."
            )
        worst = answered[0]
        titles: Titles = {"feature": ("feature missing", "text"), "score": score.title, "lost": "loss"}
        titles |= {"shuffled": "loss when shuffled", "loss": "beyond it"}
        note = (
            f"{len(broken)} of {len(rows)} features may be missing by the signature, but the model cannot do without."
        )
        return Measured(
            worst["loss"],
            f"Without {worst['feature']} {score.title} goes from {before:.4g} to {worst['score']:.4g}, "
            f"{worst['loss']:.3f} beyond what not knowing it costs.",
            tables=[table("One feature missing", broken + answered, **titles, trouble=("what happened", "text"))],
            figures=[bars("Which gaps are handled badly?", "loss", answered[:15], "feature", "loss")],
            notes=[note] if broken else [],
            rows_used=len(case.test),
            at_best=Verdict.WARNED if broken else Verdict.PASSED,
        )

    def without(self, case: Case, score: Metric, before: float, name: str) -> Line:
        """The score with one feature absent in all rows, or the trouble that this makes."""
        try:
            said = ask(case.model, case.test.with_column(name, absent(case.test.columns[name])))
            trouble = unsound(said.score, case.kind)
        except Exception as error:  # whatever the model does with a missing value is what we want to know
            trouble = _short(error)
        if trouble:
            return {"feature": name, "score": None, "lost": None, "shuffled": None, "loss": None, "trouble": trouble}
        after = score.of(case.test.truth, said)
        lost, shuffled = loss_of_score(score, before, after), self.shuffled(case, score, before, name)
        beyond = max(0.0, lost - max(0.0, shuffled))
        return {"feature": name, "score": after, "lost": lost, "shuffled": shuffled, "loss": beyond, "trouble": ""}

    def shuffled(self, case: Case, score: Metric, before: float, name: str) -> float:
        """The loss when every row gets the feature of another."""
        order = np.random.default_rng(case.seed).permutation(len(case.test))
        said = ask(case.model, case.test.with_column(name, case.test.columns[name][order]))
        return loss_of_score(score, before, score.of(case.test.truth, said))


def absent(values: Array) -> Array:
    """A column of the same length with nothing in it."""
    if is_number(values):
        return np.full(len(values), np.nan, dtype=np.float32)
    return np.full(len(values), "", dtype=object)


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


class Range(Check):
    """Inputs at and past the edge of what was seen in training."""

    key = "robust.range"
    blind = True
    family = Family.ROBUSTNESS
    title = "Out of range"
    question = "Does it still give a sound answer at and past the edge of what it has seen?"
    metric = "share of probes that end in an error, an answer that is not finite, or a probability outside 0 to 1"
    unit = "percent"
    source = "own; robustness as in EU AI Act article 15"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.0), "limited": Limits(0.0, None), "high": Limits(0.0, None)}
    parameters = {"factor": Parameter(10.0, "How many widths of the known range beyond its ends are probed.", 0.0, 1e6)}
    max_rows = 50

    def measure(self, case: Case, factor: float = 10.0, **settings: Any) -> Measured:
        """Each feature moved to its edges, far past them, to zero, and to a category never seen."""
        known = case.train if case.train is not None and len(case.train) else case.test
        features = case.test.features[:MAX_FEATURES]
        probes = [(name, what, value) for name in features for what, value in edge_values(known.columns[name], factor)]
        if not probes:
            raise CannotRun("No feature has a known range.")
        tried = [
            {"feature": name, "probe": what, "value": str(value), "trouble": self.trouble(case, name, value)}
            for name, what, value in probes
        ]
        broken = [row for row in tried if row["trouble"]]
        sentence = f"All {len(probes)} probes got a sound answer."
        titles: Titles = {name: (name, "text") for name in ("feature", "probe", "value", "trouble")}
        return Measured(
            len(broken) / len(probes),
            f"{len(broken)} of {len(probes)} probes got no sound answer." if broken else sentence,
            tables=[table("Probes without a sound answer", broken[:MAX_EVIDENCE_ROWS], **titles)] if broken else [],
            notes=[f"{len(probes)} probes on {len(features)} features, {len(case.test)} rows each."],
            rows_used=len(case.test),
        )

    def trouble(self, case: Case, name: str, value: Any) -> str:
        """What goes wrong with this value in this feature; empty when nothing does."""
        old = case.test.columns[name]
        moved = np.full(len(old), value, dtype=np.float32 if is_number(old) else object)
        try:
            said = ask(case.model, case.test.with_column(name, moved))
        except Exception as error:  # any error is the finding
            return _short(error)
        return unsound(said.score, case.kind)


def without_answer(score: Floats, kind: Kind) -> Flags:
    """Which rows have no sound answer: one that is not finite, or no probability [rows]."""
    wrong = ~np.isfinite(score)
    return wrong if kind is Kind.REGRESSION else np.asarray(wrong | (score < -1e-6) | (score > 1 + 1e-6))


def unsound(score: Floats, kind: Kind) -> str:
    """What is wrong with some scores; empty when nothing is."""
    if not np.isfinite(score).all():
        return "an answer that is not finite"
    if kind is not Kind.REGRESSION and ((score < -1e-6).any() or (score > 1 + 1e-6).any()):
        return "a probability outside 0 to 1"
    return ""


def edge_values(values: Array, factor: float) -> list[tuple[str, Any]]:
    """The probes of a feature with what each is called."""
    known = values[~is_missing(values)]
    if not len(known):
        return []
    if not is_number(values):
        return [("a category never seen", UNSEEN)]
    low, high = float(np.min(known.astype(float))), float(np.max(known.astype(float)))
    width = (high - low) or max(abs(high), 1.0)
    return [
        ("lowest known", low),
        ("highest known", high),
        ("zero", 0.0),
        ("far below", low - factor * width),
        ("far above", high + factor * width),
    ]


CHECKS = (Noise, Missing, Range)
