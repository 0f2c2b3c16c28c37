"""Faults of what a model says: wrong, too sure, uneven, unsteady."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Columns
from apps.validation.engine.case import Case
from tests.validation.faults import converted, worlds
from tests.validation.faults.planted import Changed, answering, fault, logit, noise, with_truth
from tests.validation.faults.worlds import sigmoid


def beside_a_champion(_: Path) -> Case:
    """The sound case with a champion that is a little worse."""
    case = worlds.base()
    worse = Changed(case.model, lambda score, columns: sigmoid(logit(score) + 2.5 * (noise(columns) - 0.5)))
    return replace(case, champion=worse, champion_name="1")


@fault("a score that guesses", "perf.auc")
def guess(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: noise(columns))


@fault("a score that guesses where the outcome is rare", "perf.average_precision")
def rare_guess(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: 0.3 * noise(columns))


@fault("always the same answer", "perf.mcc")
def always_no(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: 0.4 * score)


@fault("always the same answer, seen by F1", "perf.f1")
def never_found(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: 0.4 * score)


@fault("labels turned round", "perf.accuracy")
def turned(case: Case, _: Path) -> Case:
    return replace(case, model=Changed(case.model, label=lambda score, columns: (score < 0.5).astype(np.int64)))


def recalling(case: Case, share: float = 1.0) -> Changed:
    """A model that knows the training rows by heart."""
    known = dict(zip(case.training.columns["income"].tolist(), case.training.truth.tolist(), strict=True))

    def answer(score: Array, columns: Columns) -> Array:
        seen = np.array([known.get(value, -1) for value in columns["income"].tolist()])
        return np.where(seen < 0, score, (1 - share) * score + share * seen)

    return Changed(case.model, answer)


@fault("training rows learned by heart", "perf.degradation")
def by_heart(case: Case, _: Path) -> Case:
    return replace(case, model=recalling(case))


@fault("answers that betray who was in training", "sec.membership")
def betraying(case: Case, _: Path) -> Case:
    return replace(case, model=recalling(case))


@fault("worse than a tree of three questions", "perf.vs_simple")
def worse_than_simple(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: sigmoid(logit(score) + 12 * (noise(columns) - 0.5)))


@fault("worse than the champion", "perf.vs_champion", sound=beside_a_champion)
def worse_than_champion(case: Case, _: Path) -> Case:
    assert case.champion is not None
    return replace(case, model=case.champion, champion=case.model)


@fault("other answers for many", "consist.churn", sound=beside_a_champion)
def churning(case: Case, _: Path) -> Case:
    return replace(case, champion=Changed(case.model, lambda score, columns: (score + noise(columns)) / 2))


@fault("a line drawn where errors cost most", "perf.threshold", alarm=1.0, miss=1.0)
def wrong_line(case: Case, _: Path) -> Case:
    return replace(case, model=Changed(case.model, label=lambda score, columns: (score >= 0.9).astype(np.int64)))


@fault("a score that is too sure", "calib.ece")
def too_sure(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: sigmoid(3 * logit(score)))


@fault("a score that says too much", "calib.large")
def too_high(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: sigmoid(logit(score) + 1))


@fault("probabilities worse than the base rate", "calib.brier")
def worse_than_base_rate(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: sigmoid(8 * logit(score)))


def unsure(chances: Array) -> Array:
    """Probabilities of several classes, far less sure than they are."""
    flat = np.power(np.maximum(chances, 1e-12), 0.15)
    return np.asarray(flat / flat.sum(axis=1, keepdims=True))


class Many:
    """A model of several classes whose probabilities are changed."""

    def __init__(self, inner: Any, change: Any) -> None:
        self.inner, self.change = inner, change

    def predict(self, columns: Columns) -> Mapping[str, Array]:
        chances = self.change(self.inner.predict(columns)["probabilities"])
        return {"score": chances.max(axis=1), "label": chances.argmax(axis=1), "probabilities": chances}


@fault("classes that are right more often than said", "calib.top_label", "multiclass")
def timid(case: Case, _: Path) -> Case:
    return replace(case, model=Many(case.model, unsure))


@fault("classes mixed up", "perf.auc_ovr", "multiclass")
def mixed_up(case: Case, _: Path) -> Case:
    return replace(case, model=Many(case.model, lambda chances: chances[:, ::-1]))


@fault("a figure that is too high", "perf.residual_bias", "regression")
def figure_too_high(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: score + 8)


@fault("figures drawn towards the middle", "perf.residual_slope", "regression")
def drawn_together(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: 125 + 0.5 * (score - 125))


@fault("a figure that says less than the mean", "perf.regression", "regression")
def less_than_the_mean(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: 300 * noise(columns))


@fault("another answer each time", "consist.repeat")
def nondeterministic(case: Case, _: Path) -> Case:
    random = np.random.default_rng(1)
    return answering(case, lambda score, columns: score + random.normal(0, 0.01, len(score)))


@fault("an answer that depends on the batch", "consist.repeat")
def batched(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: sigmoid(logit(score) - logit(score).mean()))


@fault("an answer that is another beside its copy", "consist.repeat")
def beside_its_copy(case: Case, _: Path) -> Case:
    def answer(score: Array, columns: Columns) -> Array:
        first = np.unique(score, return_index=True)[1]
        return np.where(np.isin(np.arange(len(score)), first), score, score * 0.9)

    return answering(case, answer)


@fault("an answer that depends on the order of columns", "consist.columns")
def by_position(case: Case, _: Path) -> Case:
    def first_figure(score: Array, columns: Columns) -> Array:
        first = next(values for values in columns.values() if values.dtype != object)
        return np.asarray(score * 0.99 + 0.01 * (first > first.mean()))

    return answering(case, first_figure)


@fault("labels changed by the conversion", "consist.formats", sound=converted.case_of)
def other_labels(case: Case, _: Path) -> Case:
    return replace(case, model=Changed(case.model, label=lambda score, columns: (score > 0.7).astype(np.int64)))


@fault("figures rounded by the conversion", "consist.formats", sound=converted.case_of)
def rounded(case: Case, folder: Path) -> Case:
    halved = converted.with_figures(converted.exported(), lambda figures: figures.astype(np.float16))
    return converted.case_of(folder, halved)


@fault("a file that its recipe does not make", "consist.formats", sound=converted.case_of)
def not_of_its_recipe(case: Case, folder: Path) -> Case:
    return converted.case_of(folder, converted.exported(C=0.01))


@fault("a model that has gone stale", "consist.time_slices")
def stale_in_the_end(case: Case, _: Path) -> Case:
    truth = case.test.truth.copy()
    truth[1_400:] = np.random.default_rng(2).integers(0, 2, 600)
    return with_truth(case, truth)


@fault("scores that hang on the rows asked about", "consist.folds")
def uneven_training(case: Case, _: Path) -> Case:
    return replace(case, facts={**case.facts, "cross_validation": {"auc": [0.86, 0.85, 0.61, 0.84, 0.85]}})


@fault("a source on which it fails", "consist.sources", column="channel")
def weak_source(case: Case, _: Path) -> Case:
    return with_truth(case, blurred(case, "channel", "phone"))


def blurred(case: Case, name: str, level: str) -> Array:
    """The truth, thrown by a coin for one category."""
    coin = np.random.default_rng(3).integers(0, 2, len(case.test))
    return np.asarray(np.where(case.test.columns[name] == level, coin, case.test.truth))


@fault("a category on which it fails", "slice.weakest")
def weak_category(case: Case, _: Path) -> Case:
    return with_truth(case, blurred(case, "channel", "shop"))


@fault("a blind spot", "slice.systematic")
def blind_spot(case: Case, _: Path) -> Case:
    old = case.test.columns["age"] > 60
    return with_truth(
        case, np.where(old, (np.random.default_rng(5).random(len(old)) < 0.9), case.test.truth).astype(int)
    )


@fault("too sure of one category", "slice.confidence")
def sure_of_one(case: Case, _: Path) -> Case:
    def surer(score: Array, columns: Columns) -> Array:
        return np.asarray(np.where(columns["channel"] == "web", sigmoid(5 * logit(score)), score))

    return answering(case, surer)


@fault("shifted classes of one kind of row", "perf.accuracy", "multiclass")
def wrong_classes(case: Case, _: Path) -> Case:
    return with_truth(case, (case.test.truth + (np.arange(len(case.test)) % 2)) % 10)
