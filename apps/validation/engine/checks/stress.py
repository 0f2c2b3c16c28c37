"""Can it handle the real world? Slips of the pen, words never seen, another population, somebody with bad intent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Flags, Floats, Line, is_missing, is_number
from apps.validation.engine.base import (
    CLASSIFIERS,
    MAX_EVIDENCE_ROWS,
    TIERS,
    CannotRun,
    Check,
    Family,
    Interval,
    Kind,
    Limits,
    Measured,
    Need,
    NothingToAsk,
    Parameter,
    Sense,
    Titles,
    Verdict,
    bars,
    table,
)
from apps.validation.engine.case import Case, Rows, ask
from apps.validation.engine.checks.robustness import METRIC, UNSEEN, loss_of_score, noisy, unsound
from apps.validation.engine.checks.shift import distance, known
from apps.validation.engine.checks.slices import size_interval
from apps.validation.engine.intervals import NORMAL_95, share_interval
from apps.validation.engine.metrics import Metric, chosen


def share_of(flags: Flags) -> tuple[float, Interval]:
    """The share of rows that are flagged, with Wilson's interval."""
    return float(flags.mean()), share_interval(float(flags.sum()), len(flags))


def words(rows: Rows) -> list[str]:
    """The features that are categories."""
    return [name for name in rows.features if not is_number(rows.columns[name])]


class Steady(Check):
    """Labels that hang on a hair."""

    key = "robust.flip"
    blind = True
    family = Family.ROBUSTNESS
    title = "Labels under a slip of the pen"
    question = "How many labels change when every figure is off by a hundredth of its spread?"
    metric = "share of labels that change under normal noise of the given strength"
    unit = "percent"
    source = "own; stability as in EU AI Act article 15"
    kinds = CLASSIFIERS
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.05), "limited": Limits(0.10, 0.03), "high": Limits(0.05, 0.02)}
    parameters = {"strength": Parameter(0.01, "Standard deviations of noise on every figure.", 0.0, 1.0)}
    max_rows = 20_000

    def measure(self, case: Case, strength: float = 0.01, **settings: Any) -> Measured:
        """The share with Wilson's interval, and the rows."""
        if not case.test.numeric:
            raise NothingToAsk("No feature is a figure.")
        changed = ask(case.model, noisy(case.test, strength, case.whole, case.seed)).label != case.said.label
        value, interval = share_of(changed)
        sentence = f"{value:.2%} of the labels change under noise of {strength:g} deviations."
        return Measured(value, sentence, interval, offending_rows=case.test.places(changed))


class Unseen(Check):
    """Words that training never saw."""

    key = "robust.unseen"
    family = Family.ROBUSTNESS
    title = "Categories never seen"
    question = "How much is lost when a category is one that training never saw?"
    metric = "largest loss of the score when a single category is unknown in all rows; a crash is a failure"
    source = "own; new categories as in deepchecks"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.20), "limited": Limits(None, 0.10), "high": Limits(None, 0.10)}
    parameters = {"metric": METRIC}
    max_rows = 20_000

    def measure(self, case: Case, metric: str = "", **settings: Any) -> Measured:
        """One category after the other made unknown; the largest loss counts."""
        names = words(case.test)
        if not names:
            raise NothingToAsk("No feature is a category.")
        score = chosen(metric, case.kind)
        before = score.of(case.test.truth, case.said)
        lines: list[Line] = []
        for name in names:
            column = np.full(len(case.test), UNSEEN, dtype=object)
            trouble, said = tried(case, {**case.test.inputs, name: column})
            after = None if trouble else score.of(case.test.truth, said)
            loss = None if after is None else loss_of_score(score, before, after)
            lines.append({"feature": name, "score": after, "loss": loss, "trouble": trouble})
        broken = [line for line in lines if line["trouble"]]
        answered = sorted((line for line in lines if not line["trouble"]), key=lambda line: -line["loss"])
        value = answered[0]["loss"] if answered else 1.0
        worst = broken[0] if broken else answered[0]
        titles: Titles = {"feature": ("feature", "text"), "score": score.title, "loss": "loss"}
        sentence = f"The model gives no sound answer when {worst['feature']} is unknown: {worst['trouble']}"
        return Measured(
            value,
            sentence if broken else f"{score.title} falls most when {worst['feature']} is unknown, by {value:.3f}.",
            tables=[table("One category unknown", lines, **titles, trouble=("what happened", "text"))],
            at_best=Verdict.FAILED if broken else Verdict.PASSED,
        )


def tried(case: Case, columns: Mapping[str, Array]) -> tuple[str, Any]:
    """What goes wrong with these columns, and the answers where nothing does."""
    try:
        said = ask(case.model, case.test, columns)
    except Exception as error:  # whatever the model does with such rows is what we want to know
        return f"{type(error).__name__}: {error}"[:200], None
    return unsound(said.score, case.kind), said


Change = Callable[[Floats], Floats]
PAST_THE_ENDS = 0.01  # of the rows may lie past the ends of training before somebody sees it
TIMES = {"1,000": 1_000.0, "100": 100.0, "60": 60.0, "2.54": 2.54, "2.205": 2.20462262, "1.609": 1.609344}
CHANGES: Mapping[str, Change] = {
    **{f"times {name}": partial(np.multiply, factor) for name, factor in TIMES.items()},
    **{f"divided by {name}": partial(np.multiply, 1 / factor) for name, factor in TIMES.items()},
    "°C as °F": lambda values: values * 1.8 + 32,
    "°F as °C": lambda values: (values - 32) / 1.8,
}


class Units(Check):
    """A figure in another unit, at a caller who never looked.

    A change that moves the figures far from those of training, or past their ends, is seen by whoever watches drift and
    range. What costs is the one that stays near. A feature whose unit is lost cannot tell more than one that is
    shuffled; beyond that, it leads astray.
    """

    key = "robust.units"
    family = Family.ROBUSTNESS
    title = "Units exchanged"
    question = "Is it led astray when a figure comes in another unit and nobody sees it?"
    metric = "largest loss of the score by a change of unit that stays near training, beyond that of shuffling"
    source = "own; common factors of units, two-sample distance (Kolmogorov and Smirnov)"
    sense = Sense.AT_MOST
    needs = frozenset({Need.TRAIN})
    limits = {"low": Limits(None, 0.20), "limited": Limits(None, 0.10), "high": Limits(None, 0.10)}
    parameters = {
        "seen": Parameter(0.35, "Distance from the training rows at which somebody sees the change.", 0.0, 1.0),
        "metric": METRIC,
    }
    max_rows = 1_000

    def measure(self, case: Case, seen: float = 0.35, metric: str = "", **settings: Any) -> Measured:
        """Every figure in every unit, one at a time; the largest loss of those that nobody sees counts."""
        names = case.test.numeric
        if not names:
            raise NothingToAsk("No feature is a figure.")
        score = chosen(metric, case.kind)
        before = score.of(case.test.truth, case.said)
        lines: list[Line] = []
        for name in names:
            lines += self.of_feature(case, name, score, before, seen)
        if not lines:
            return Measured(0.0, "Every change of unit moves the figures far from training: who watches them sees it.")
        lines.sort(key=lambda line: -line["beyond"])
        worst = lines[0]
        titles: Titles = {
            "feature": ("feature", "text"),
            "change": ("comes", "text"),
            "distance": "distance from training",
        }
        titles |= {"loss": "loss", "shuffled": "loss when shuffled", "beyond": "beyond it"}
        told = f"{score.title} loses {worst['loss']:.3f} when {worst['feature']} comes {worst['change']}"
        return Measured(
            worst["beyond"],
            f"{told}, {worst['beyond']:.3f} beyond what not knowing it costs.",
            tables=[table("Changes of unit that nobody sees", lines[:MAX_EVIDENCE_ROWS], **titles)],
            notes=[f"{len(lines)} of {len(names) * len(CHANGES)} changes stay near the training rows."],
        )

    def of_feature(self, case: Case, name: str, score: Metric, before: float, seen: float) -> list[Line]:
        """The changes of one feature that nobody sees, with what each costs."""
        learned = known(case.training.sample(10 * self.max_rows, case.seed).columns[name])
        values, lines = case.test.columns[name].astype(float), []
        if not len(learned) or np.isnan(values).all():
            return []
        shuffled: float | None = None
        for words, change in CHANGES.items():
            moved = np.rint(change(values)) if name in case.whole else change(values)
            apart = distance(learned, moved[~np.isnan(moved)])
            if apart >= seen or float(np.mean((moved < learned.min()) | (moved > learned.max()))) > PAST_THE_ENDS:
                continue
            if shuffled is None:
                order = np.random.default_rng(case.seed).permutation(len(values))
                shuffled = self.lost(case, name, case.test.columns[name][order], score, before)
            loss = self.lost(case, name, moved.astype(np.float32), score, before)
            beyond = max(0.0, loss - max(0.0, shuffled))
            line = {"feature": name, "change": words, "distance": apart, "loss": loss, "shuffled": shuffled}
            lines.append({**line, "beyond": beyond})
        return lines

    @staticmethod
    def lost(case: Case, name: str, column: Array, score: Metric, before: float) -> float:
        """What the score loses with this column in the place of a feature."""
        said = ask(case.model, case.test, {**case.test.inputs, name: column})
        return loss_of_score(score, before, score.of(case.test.truth, said))


FAULTS: Mapping[str, Callable[[str], str]] = {
    "spaces around it": lambda word: f" {word} ",
    "capital letters": lambda word: word.upper(),
    "read in the wrong encoding": lambda word: f"{word}é".encode().decode("latin-1"),
    "a very long text": lambda word: word * 500 + "x" * 5_000,
    "a zero byte": lambda word: f"{word}\0",
    "signs outside the alphabet": lambda word: f"{word}\U0001f6eb\u202e",
}


class Encoding(Check):
    """Text as it arrives when somebody read a file wrongly."""

    key = "robust.encoding"
    blind = True
    family = Family.ROBUSTNESS
    title = "Encoding faults"
    question = "Does it still answer when a text arrives damaged?"
    metric = "share of probes that end in an error or an answer that is none"
    unit = "percent"
    source = "own; text perturbations as in giskard's scan"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.0), "limited": Limits(0.0, None), "high": Limits(0.0, None)}
    max_rows = 50

    def measure(self, case: Case, **settings: Any) -> Measured:
        """Every text feature damaged in every way, one at a time."""
        names = words(case.test)
        if not names:
            raise NothingToAsk("No feature is a text.")
        lines: list[Line] = []
        for name in names:
            for fault, damage in FAULTS.items():
                column = np.array([damage(str(word)) for word in case.test.columns[name]], dtype=object)
                trouble, said = tried(case, {**case.test.inputs, name: column})
                moved = None if trouble else float(np.mean(said.label != case.said.label))
                lines.append({"feature": name, "fault": fault, "trouble": trouble, "changed": moved})
        broken = [line for line in lines if line["trouble"]]
        titles: Titles = {"feature": ("feature", "text"), "fault": ("fault", "text"), "trouble": ("trouble", "text")}
        sentence = f"{len(broken)} of {len(lines)} probes got no sound answer."
        return Measured(
            len(broken) / len(lines),
            sentence if broken else f"All {len(lines)} probes got a sound answer.",
            tables=[table("Damaged texts", lines[:MAX_EVIDENCE_ROWS], **titles, changed=("answers moved", "percent"))],
        )


class Shift(Check):
    """The same rows in another mixture.

    Rows with high (or low) values of a feature are weighted up, as in a population that has moved. A model that knows
    the law of its data stays right on average under every such shift, however hard its task is.
    """

    key = "robust.shift"
    family = Family.ROBUSTNESS
    title = "Another population"
    question = "Does it stay right on average when the population moves along a feature?"
    metric = "largest mean error when rows are weighted towards high or low values of a feature"
    source = "covariate shift by exponential tilting (Shimodaira 2000)"
    kinds = frozenset({Kind.BINARY, Kind.REGRESSION})
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.20, 0.10), "high": Limits(0.15, 0.08)}
    parameters = {"strength": Parameter(1.0, "How strongly the mixture is tilted, in log odds a deviation.", 0.1, 3.0)}
    max_rows = 50_000

    def measure(self, case: Case, strength: float = 1.0, **settings: Any) -> Measured:
        """Each feature both ways; the largest mean error beyond the one without a shift, with its interval."""
        names = case.test.numeric
        if not names:
            raise NothingToAsk("No feature is a figure.")
        size = float(np.std(case.test.truth)) or 1.0 if case.kind is Kind.REGRESSION else 1.0
        error = (np.asarray(case.test.truth, dtype=float) - case.said.score) / size
        lines: list[Line] = []
        for name in names:
            for way in (1, -1):
                weights = tilt(case.test.columns[name], way * strength)
                mean = float(weights @ error / weights.sum())
                half = NORMAL_95 * float(np.sqrt(np.square(weights * (error - mean)).sum())) / float(weights.sum())
                moved = f"{name} {'higher' if way > 0 else 'lower'}"
                lines.append({"shift": moved, "error": mean, "low": mean - half, "high": mean + half})
        lines.sort(key=lambda line: -abs(line["error"]))
        worst = lines[0]
        titles: Titles = {"shift": ("population with", "text"), "error": "mean error", "low": "95 % from", "high": "to"}
        return Measured(
            abs(worst["error"]),
            f"In a population with {worst['shift']} the mean error would be {worst['error']:+.3f}.",
            size_interval(worst["low"], worst["high"]),
            tables=[table("Mean error by shift", lines[:20], **titles)],
            figures=[bars("Which shift would hurt most?", "mean error", lines[:12], "shift", "error")],
        )


def tilt(values: Array, strength: float) -> Floats:
    """Weights that grow with a feature; no row counts for more than twenty, a missing value counts as the middle."""
    figures = values.astype(float)
    known = figures[~is_missing(values)]
    size = float(np.std(known)) if len(known) else 0.0
    if not size:
        return np.ones(len(figures))
    steps = np.nan_to_num((figures - float(np.mean(known))) / size)
    return np.minimum(np.exp(strength * np.clip(steps, -3, 3)), 20.0)


class Adversarial(Check):
    """Labels that somebody can turn with small moves."""

    key = "robust.adversarial"
    blind = True
    family = Family.ROBUSTNESS
    title = "Labels turned on purpose"
    question = "How many labels can somebody turn by moving the figures a little, each as suits him?"
    metric = "share of rows whose label turns within the budget of standard deviations on every figure"
    unit = "percent"
    source = "black-box search by coordinates (after Narodytska and Kasiviswanathan 2017), L-infinity budget"
    kinds = CLASSIFIERS
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.60), "limited": Limits(None, 0.40), "high": Limits(None, 0.30)}
    parameters = {"budget": Parameter(0.1, "Standard deviations by which every figure may move.", 0.001, 2.0)}
    max_rows = 200
    most = 30

    def measure(self, case: Case, budget: float = 0.1, **settings: Any) -> Measured:
        """Each figure in turn is moved the way that lowers the probability of the label; the share that turns."""
        names = [name for name in case.test.numeric if name not in case.whole][: self.most]
        if not names:
            raise NothingToAsk("No feature is a figure that can move a little.")
        columns = dict(case.test.inputs)
        best = support(case, columns)
        for name in names:
            step = budget * float(np.nanstd(case.test.columns[name].astype(float)))
            for way in (step, -step):
                moved = (case.test.columns[name].astype(float) + way).astype(np.float32)
                trial = support(case, {**columns, name: moved})
                columns = {**columns, name: np.where(trial < best, moved, columns[name])}
                best = np.minimum(best, trial)
        turned = ask(case.model, case.test, columns).label != case.said.label
        value, interval = share_of(turned)
        sentence = f"{value:.1%} of the labels turn when every figure may move by {budget:g} deviations."
        note = f"A greedy search over {len(names)} figures finds some turns, not all: the share is a lower bound."
        return Measured(value, sentence, interval, offending_rows=case.test.places(turned), notes=[note])


def support(case: Case, columns: Mapping[str, Array]) -> Floats:
    """The probability that these columns give to the labels the model gave at first."""
    said = ask(case.model, case.test, columns)
    if case.kind is Kind.BINARY:
        return np.where(case.said.label == 1, said.score, 1 - said.score)
    if said.chances is None:
        raise CannotRun("The model does not give the probabilities of all classes.")
    return np.asarray(said.chances[np.arange(len(said.chances)), case.said.label.astype(int)])


CHECKS = (Steady, Unseen, Units, Encoding, Shift, Adversarial)
