"""Can its answers be explained? What moves them, whether that is what the project said, and whether reasons hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Floats, Line, is_number
from apps.validation.engine.base import (
    TIERS,
    CannotRun,
    Check,
    Family,
    Figure,
    Limits,
    Measured,
    NothingToAsk,
    Parameter,
    Sense,
    Series,
    Titles,
    bars,
    table,
)
from apps.validation.engine.case import Case, Rows, ask
from apps.validation.engine.checks.comparison import encoded
from apps.validation.engine.checks.robustness import METRIC, loss_of_score
from apps.validation.engine.metrics import Metric, chosen

MAX_FEATURES = 60


def shuffled(case: Case, name: str, repeat: int) -> dict[str, Array]:
    """The inputs with one feature shuffled among the rows."""
    order = np.random.default_rng((case.seed, repeat)).permutation(len(case.test))
    return {**case.test.inputs, name: case.test.columns[name][order]}


def looked_at(case: Case, first: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """The features that are shuffled, those in `first` before the others, and a note where there are more."""
    names = sorted(case.test.features, key=lambda name: name not in first)
    more = len(names) - MAX_FEATURES
    note = f"{MAX_FEATURES} of {len(names)} features were looked at; the other {more} count for nothing here."
    return names[:MAX_FEATURES], [note] if more > 0 else []


def importances(case: Case, score: Metric, names: Sequence[str], repeats: int) -> list[Line]:
    """What the score loses when each feature is shuffled, and how far scores move, the most important first."""
    before = score.of(case.test.truth, case.said)
    lines: list[Line] = []
    for name in names:
        losses, moved = [], 0.0
        for repeat in range(repeats):
            said = ask(case.model, case.test, shuffled(case, name, repeat))
            losses.append(loss_of_score(score, before, score.of(case.test.truth, said)))
            moved = max(moved, float(np.max(np.abs(said.score - case.said.score))))
        lines.append({"feature": name, "loss": float(np.mean(losses)), "spread": float(np.std(losses)), "moved": moved})
    return sorted(lines, key=lambda line: -line["loss"])


def dependence(case: Case, name: str, rows: int = 500, steps: int = 12) -> Figure:
    """The mean answer over one feature, all others as they are (Friedman 2001)."""
    some = case.test.take(np.arange(min(rows, len(case.test))))
    values = case.test.columns[name]
    if is_number(values):
        grid: list[Any] = steps_of(values.astype(float), steps)
    else:
        found, counts = np.unique(values.astype(str), return_counts=True)
        grid = found[np.argsort(-counts, kind="stable")][:steps].tolist()
    means = []
    for value in grid:
        column = np.full(len(some), value, dtype=values.dtype)
        means.append(float(ask(case.model, some, {**some.inputs, name: column}).score.mean()))
    kind = "curve" if is_number(values) else "bars"
    return Figure(kind, f"How does the answer depend on {name}?", [Series("mean answer", grid, means)], name, "score")


def steps_of(values: Floats, steps: int) -> list[float]:
    """Where to look along a figure: its quantiles, or even steps where most of the values are one and the same."""
    low, high = np.nanquantile(values, [0.02, 0.98])
    found = np.unique(np.nanquantile(values, np.linspace(0.02, 0.98, steps)))
    return (found if len(found) >= steps // 2 else np.unique(np.linspace(low, high, steps))).tolist()


class Importance(Check):
    """What the answers rest on."""

    key = "explain.importance"
    family = Family.EXPLAINABILITY
    title = "What matters"
    question = "Do the answers rest on more than a single feature?"
    metric = "share of the importance of all features that the most important one has"
    unit = "percent"
    source = "permutation importance (Breiman 2001; Fisher et al. 2019), partial dependence (Friedman 2001)"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.98), "limited": Limits(None, 0.95), "high": Limits(None, 0.90)}
    parameters = {"repeats": Parameter(2, "Times each feature is shuffled.", 1, 50), "metric": METRIC}
    max_rows = 5_000

    def measure(self, case: Case, repeats: int = 2, metric: str = "", **settings: Any) -> Measured:
        """The share of the first, every feature's importance, and how the answer depends on the first three."""
        if len(case.test.features) == 1:
            raise NothingToAsk("The model has a single feature.")
        score = chosen(metric, case.kind)
        names, notes = looked_at(case)
        lines = importances(case, score, names, repeats)
        total = sum(max(0.0, line["loss"]) for line in lines)
        if not total:
            raise CannotRun("Shuffling no feature costs anything: the model does not use them.")
        first = lines[0]
        titles: Titles = {"feature": ("feature", "text"), "loss": f"loss of {score.title}", "spread": "spread"}
        return Measured(
            first["loss"] / total,
            f"{first['feature']} matters most: shuffled, {score.title} loses {first['loss']:.3f}.",
            tables=[table("Importance by shuffling", lines, **titles, moved="largest move of the score")],
            figures=[
                bars("What matters most?", "loss", lines[:15], "feature", "loss"),
                *[dependence(case, line["feature"]) for line in lines[:3]],
            ],
            notes=notes,
        )


class Unused(Check):
    """Features that are asked for and do nothing."""

    key = "explain.unused"
    blind = True
    family = Family.EXPLAINABILITY
    title = "Features without effect"
    question = "Are features asked for that move no answer?"
    metric = "number of features whose shuffling moves no score at all"
    unit = "count"
    source = "unused features as in deepchecks (5)"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 10.0), "limited": Limits(None, 5.0), "high": Limits(None, 5.0)}
    max_rows = 2_000

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The number and the names."""
        idle = []
        names, notes = looked_at(case)
        for name in names:
            said = ask(case.model, case.test, shuffled(case, name, 0))
            if float(np.max(np.abs(said.score - case.said.score), initial=0.0)) < 1e-9:
                idle.append(name)
        sentence = f"No answer depends on {', '.join(idle[:10])}." if idle else "Every feature moves some answer."
        return Measured(float(len(idle)), sentence, rows_used=len(case.test), notes=notes)


class Declared(Check):
    """What matters against what the project said matters."""

    key = "explain.declared"
    family = Family.EXPLAINABILITY
    title = "What was said to matter"
    question = "Is what matters most among what the project said matters?"
    metric = "share of the importance that features named by the project have"
    unit = "percent"
    source = "conceptual soundness (SR 26-2); permutation importance"
    limits = {"low": Limits(None, 0.3), "limited": Limits(0.3, 0.6), "high": Limits(0.5, 0.7)}
    parameters = {
        "features": Parameter([], "The features that the project said matter.", required=True),
        "metric": METRIC,
    }
    max_rows = 5_000

    def measure(self, case: Case, features: Sequence[Any] = (), metric: str = "", **settings: Any) -> Measured:
        """The share, with every feature's importance."""
        score = chosen(metric, case.kind)
        named = {str(name) for name in features}
        unknown = sorted(named - set(case.test.features))
        names, notes = looked_at(case, named)
        lines = importances(case, score, names, 2)
        total = sum(max(0.0, line["loss"]) for line in lines)
        if not total:
            raise CannotRun("Shuffling no feature costs anything: the model does not use them.")
        for line in lines:
            line["named"] = "yes" if line["feature"] in named else "no"
        value = sum(max(0.0, line["loss"]) for line in lines if line["feature"] in named) / total
        titles: Titles = {"feature": ("feature", "text"), "loss": f"loss of {score.title}", "named": ("named", "text")}
        return Measured(
            value,
            f"What the project named carries {value:.1%} of the importance; most important is {lines[0]['feature']}.",
            tables=[table("Importance by shuffling", lines, **titles)],
            notes=[*([f"The model has no feature {', '.join(unknown)}."] if unknown else []), *notes],
        )


class Surrogate(Check):
    """How far a tree of a few questions tells what the model says."""

    key = "explain.surrogate"
    blind = True
    family = Family.EXPLAINABILITY
    title = "In a few questions"
    question = "How much of what the model says can a tree of five questions retell?"
    metric = "variance of the score that a tree of the given depth explains on rows it has not seen"
    unit = "percent"
    source = "global surrogate (Craven and Shavlik 1996)"
    limits = {"low": Limits(None, 0.0), "limited": Limits(None, 0.10), "high": Limits(None, 0.20)}
    parameters = {"depth": Parameter(5, "Questions one after another.", 1, 10)}
    max_rows = 20_000

    def measure(self, case: Case, depth: int = 5, **settings: Any) -> Measured:
        """The share on the half of the rows that the tree has not seen, and its first questions."""
        from sklearn.tree import DecisionTreeRegressor, export_text

        halves = np.random.default_rng(case.seed).random(len(case.test)) < 0.5
        seen, asked = encoded(case.test.take(halves), case.test.take(~halves))
        target, score = case.said.score[~halves], case.said.score
        spread = float(np.var(target))
        if not spread:
            raise CannotRun("The model says the same for every row.")
        tree = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=5, random_state=case.seed)
        tree.fit(seen, score[halves])
        value = 1 - float(np.mean(np.square(tree.predict(asked) - target))) / spread
        text = export_text(tree, feature_names=list(case.test.features), max_depth=1)
        lines: list[Line] = [{"line": line} for line in text.splitlines()[:12]]
        sentence = f"A tree of {depth} questions retells {max(value, 0):.1%} of the variance of the score."
        return Measured(value, sentence, tables=[table("Its first questions", lines, line=("question", "text"))])


class Reasons(Check):
    """Reasons for single answers, and whether they stay the same when asked for again."""

    key = "explain.reasons"
    blind = True
    family = Family.EXPLAINABILITY
    title = "Reasons of single answers"
    question = "Is the main reason of an answer a main reason again when reasons are worked out anew?"
    metric = "share of rows whose main reason is among the first three of an independent estimate"
    unit = "percent"
    source = "Shapley values by sampling (Strumbelj and Kononenko 2014)"
    limits = {"low": Limits(None, 0.4), "limited": Limits(None, 0.5), "high": Limits(None, 0.6)}
    parameters = {"samples": Parameter(60, "Orders of the features tried for each estimate.", 4, 500)}
    max_rows = 25
    most = 100

    def measure(self, case: Case, samples: int = 60, **settings: Any) -> Measured:
        """The share, and the three main reasons of a few rows."""
        names = case.test.features
        if len(names) < 2:
            raise NothingToAsk("With a single feature there is one reason only.")
        if len(names) > self.most:
            raise CannotRun(f"{len(names)} features are too many for reasons of single answers.")
        first, again = (shapley(case, samples, seed) for seed in (case.seed, case.seed + 1))
        main = np.argmax(np.abs(first), axis=1)
        among = np.argsort(-np.abs(again), axis=1)[:, :3]
        value = float(np.mean((among == main[:, None]).any(axis=1)))
        mean = (first + again) / 2
        lines: list[Line] = []
        for place in range(min(10, len(mean))):
            order = np.argsort(-np.abs(mean[place]))[:3]
            reasons = ", ".join(f"{names[one]} {mean[place][one]:+.3f}" for one in order)
            row = int(case.test.number[place])
            lines.append({"row": row, "score": float(case.said.score[place]), "reasons": reasons})
        names_of_rows: Titles = {"id": (", ".join(case.test.named_by), "text")} if case.test.named_by else {}
        titles: Titles = {
            "row": ("row", "count"),
            **names_of_rows,
            "score": "score",
            "reasons": ("main reasons", "text"),
        }
        return Measured(
            value,
            f"For {value:.1%} of the rows the main reason is a main reason again.",
            tables=[table("Main reasons of single answers", case.test.named(lines), **titles)],
        )


def shapley(case: Case, samples: int, seed: int) -> Floats:
    """Shapley values of the score of each row, shape (rows, features), by random orders against random other rows.

    One order is one call: all rows at every stage, from another row's features to the row's own, one more each time.
    """
    random = np.random.default_rng(seed)
    names, count = case.test.features, len(case.test)
    total = np.zeros((count, len(names)))
    for _ in range(samples):
        other, order = random.permutation(count), random.permutation(len(names))
        since = np.empty(len(names), dtype=int)  # the stage from which on a feature is the row's own
        since[order] = np.arange(1, len(names) + 1)
        columns = {}
        for place, name in enumerate(names):
            own, foreign = case.test.columns[name], case.test.columns[name][other]
            columns[name] = np.concatenate([foreign] * since[place] + [own] * (len(names) + 1 - since[place]))
        stages = ask(case.model, _repeated(case.test, len(names) + 1), columns).score.reshape(len(names) + 1, count)
        total[:, order] += np.diff(stages, axis=0).T
    return total / samples


def _repeated(rows: Rows, times: int) -> Rows:
    return rows.take(np.tile(np.arange(len(rows)), times))


CHECKS = (Importance, Unused, Declared, Surrogate, Reasons)
