"""Train the candidates of a recipe, compare them by cross-validation, fit the best, export it and prove the export.

Runs inside the sandbox: Parquet files in, `model.onnx` and JSON out.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.core.sandbox import Job, Refused, sandboxed

from . import arrow, conversion, figures, gate, metrics, preprocessing, recipes, weights
from .estimators import ESTIMATORS, Setting
from .parallel import threads
from .preprocessing import Preprocessor
from .recipes import Candidate, CrossValidation, Recipe
from .signatures import Columns, Scalar, Signature, SignatureError, class_key

MOST_CLASSES = 50
LEAST_ROWS = 50
IMPORTANCE_ROWS = 4000
IMPORTANCE_REPEATS = 3
Rows = np.ndarray


@dataclass
class Data:
    """Columns and truth of one part of the data."""

    columns: Columns
    truth: np.ndarray
    order: np.ndarray | None = None
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, rows: Rows) -> Data:
        """The given rows."""
        order, weights = (None if one is None else one[rows] for one in (self.order, self.weights))
        return Data({name: column[rows] for name, column in self.columns.items()}, self.truth[rows], order, weights)


@dataclass
class Compared:
    """One candidate with one parameter set, over all folds."""

    candidate: Candidate
    parameters: dict[str, Any]
    name: str
    folds: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0

    def of(self, metric: str) -> np.ndarray:
        """The folds' values of a metric."""
        return np.array([fold[metric] for fold in self.folds if metric in fold])

    def as_json(self, metric: str) -> dict[str, Any]:
        """The comparison's row: mean and standard deviation of every metric, and the deciding one fold by fold."""
        names = sorted({name for fold in self.folds for name in fold})
        summary = {
            name: {"mean": float(values.mean()), "sd": float(values.std(ddof=1)) if len(values) > 1 else 0.0}
            for name in names
            if len(values := self.of(name))
        }
        return {
            "name": self.name,
            "estimator": self.candidate.estimator,
            "title": ESTIMATORS[self.candidate.estimator].title,
            "parameters": self.parameters,
            "folds": self.of(metric).tolist(),
            **summary.get(metric, {"mean": None, "sd": None}),
            "metrics": summary,
            "seconds": round(self.seconds, 3),
        }


@dataclass
class Steps:
    """Counts steps towards the caller."""

    job: Job
    total: int
    done: int = 0

    def next(self, message: str) -> None:
        """Say what is being done now; the step counts as done when the next one starts."""
        self.say(message)
        self.job.progress(self.done, self.total, message)
        self.done += 1

    def say(self, text: str, **more: Any) -> None:
        """A line for the log, told at once; `candidate` brings the figures of one that is done."""
        print(text, flush=True)
        self.job.tell({"line": text, **more})


@sandboxed
def fit(job: Job) -> dict[str, Any]:
    """Train by the recipe in the payload on `train` (and `test`); writes model.onnx and gives the record of the run."""
    try:
        with threads(job.threads):
            return Training(job).run()
    except (recipes.RecipeError, SignatureError) as error:
        raise Refused(error.sentence) from error


class Training:
    """One training run, step by step."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.recipe: Recipe = recipes.from_json(job.payload["recipe"])
        self.random = np.random.default_rng(self.recipe.seed)
        self.steps = Steps(job, self.recipe.fits + 5)
        self.notes: list[str] = []
        self.artifact: dict[str, Any] = {}
        self.graph: dict[str, Any] = {}
        self.signature: Signature
        self.said: np.ndarray

    def run(self) -> dict[str, Any]:
        """The whole run."""
        self.steps.next("Reading the data")
        train, test = self.read()
        compared = self.compare(train)
        best = self.best(compared)
        self.steps.next(f"Fitting {best.name} on all training rows")
        preprocessor, estimator = self.fit(best, train)
        words = preprocessor.words()
        self.signature = replace(
            self.signature,
            inputs=tuple(replace(column, categories=words.get(column.name)) for column in self.signature.inputs),
        )
        self.steps.next("Exporting to ONNX and comparing with the trained model")
        proof = self.export(preprocessor, estimator, test)
        self.steps.next("Measuring on training and test rows")
        measured = {
            "train": self.evaluate(train, conversion.original(preprocessor, estimator, self.signature, train.columns)),
            "test": self.evaluate(test, self.said),
        }
        self.steps.next("Measuring what each feature contributes")
        importance = self.importance(preprocessor, estimator, test)
        self.job.progress(self.steps.total, self.steps.total, "Done")
        return {
            "signature": self.signature.as_json(),
            "recipe": self.recipe.as_json(),
            "metric": self.recipe.metric,
            "candidates": [item.as_json(self.recipe.metric) for item in compared],
            "chosen": best.name,
            "parameters": best.parameters,
            "metrics": measured,
            "conversion": proof.as_json(),
            "importance": importance,
            "data": self.describe(train, test),
            "artifact": self.artifact,
            "graph": self.graph,
            "libraries": libraries(),
            "notes": self.notes,
        }

    def read(self) -> tuple[Data, Data]:
        """Training and test rows; also decides classes and signature."""
        tables = {name: arrow.read(path, self.recipe.columns) for name, path in self.job.inputs.items()}
        if "train" not in tables:
            raise Refused("There is no training file.")
        classes = self.classes(pa.concat_tables(tables.values()).column(self.recipe.target))
        task = "regression" if not classes else "binary" if len(classes) == 2 else "multiclass"
        self.signature = Signature(
            task,
            self.recipe.target,
            preprocessing.inputs_of(self.recipe),
            classes,
            self.recipe.threshold if task == "binary" else None,
            {"layout": "columns", "value" if task == "regression" else "probabilities": _output(task)},
        )
        train = self.sample(self.load(tables["train"], "training"))
        if "test" in tables:
            return train, self.load(tables["test"], "test")
        return self.hold_out(train)

    def classes(self, target: pa.ChunkedArray) -> tuple[Scalar, ...]:
        """The classes in order, the positive one second where there are two; none for a regression."""
        if self.recipe.task == "regression":
            return ()
        if arrow.kind_of(target.type) is None:
            raise Refused(f"The target {self.recipe.target} holds {target.type}, which cannot be classes.")
        values = [_plain_class(value) for value in pc.unique(target.drop_null()).to_pylist() if value != ""]
        values = sorted(set(values), key=lambda value: (str(type(value)), value))
        if not 2 <= len(values) <= MOST_CLASSES:
            raise Refused(
                f"The target {self.recipe.target} has {len(values)} different values. "
                f"A classification needs 2 to {MOST_CLASSES}."
            )
        positive = self.recipe.positive
        if positive is None or len(values) > 2:
            return tuple(values)
        keys = [class_key(value) for value in values]
        if class_key(positive) not in keys:
            raise Refused(f"The positive value {positive!r} does not occur in {self.recipe.target}.")
        return tuple(sorted(values, key=lambda value: class_key(value) == class_key(positive)))

    def load(self, table: pa.Table, part: str) -> Data:
        """Columns and truth of the rows whose target is known."""
        truth = arrow.truth(self.signature, table.column(self.recipe.target))
        known = ~np.isnan(truth) if self.signature.task == "regression" else truth >= 0
        if dropped := int((~known).sum()):
            self.notes.append(f"{dropped} {part} rows without a target were left out.")
            self.steps.say(self.notes[-1])
            table, truth = table.filter(pa.array(known)), truth[known]
        if len(truth) < LEAST_ROWS:
            raise Refused(f"There are only {len(truth)} {part} rows with a target; at least {LEAST_ROWS} are needed.")
        column = self.recipe.cv.column or self.recipe.holdout.column
        order = None
        if column:
            order = _positions(table.column(column))
        return Data(self.signature.columns_from_arrow(table), truth, order, self.weigh(table, truth))

    def weigh(self, table: pa.Table, truth: np.ndarray) -> np.ndarray | None:
        """The rows' weights where the recipe asks for reweighing; None where all count alike."""
        if not self.recipe.reweigh:
            return None
        groups = [table.column(name).to_numpy(zero_copy_only=False) for name in self.recipe.reweigh]
        return weights.reweighed(weights.crossed(groups), truth)

    def sample(self, data: Data) -> Data:
        """At most as many rows as the recipe allows, drawn with its seed, in their order."""
        if len(data) <= self.recipe.sample_limit:
            return data
        self.notes.append(f"{self.recipe.sample_limit} of {len(data)} training rows were drawn at random.")
        return data.take(np.sort(self.random.choice(len(data), self.recipe.sample_limit, replace=False)))

    def hold_out(self, data: Data) -> tuple[Data, Data]:
        """Cut the test rows off: the latest ones, or at random with the seed."""
        count = max(LEAST_ROWS // 2, round(len(data) * self.recipe.holdout.share))
        if self.recipe.holdout.kind == "time" and data.order is not None:
            rows = np.argsort(data.order, kind="stable")
        else:
            rows = self.random.permutation(len(data))
        return data.take(np.sort(rows[:-count])), data.take(np.sort(rows[-count:]))

    def compare(self, train: Data) -> list[Compared]:
        """Every parameter set of every candidate on the same folds."""
        runs = [
            Compared(candidate, parameters, _name(candidate, parameters))
            for candidate in self.recipe.candidates
            for parameters in candidate.combinations
        ]
        folds = list(cut(self.recipe.cv, train, self.recipe.seed, self.signature.task))
        prepared: dict[tuple[int, bool], tuple[np.ndarray, np.ndarray]] = {}
        for run in runs:
            started = time.perf_counter()
            scale = ESTIMATORS[run.candidate.estimator].scale
            for number, (rows, rest) in enumerate(folds):
                self.steps.next(f"{run.name}: fold {number + 1} of {len(folds)}")
                key = (number, scale)
                if key not in prepared:
                    prepared[key] = self.prepare(train.take(rows), train.take(rest), scale)
                run.folds.append(self.one_fold(run, prepared[key], train.take(rows), train.truth[rest]))
            run.seconds = time.perf_counter() - started
            row = run.as_json(self.recipe.metric)
            said = "is not defined" if row["mean"] is None else f"{row['mean']:.4f}"
            self.steps.say(f"{run.name}: {self.recipe.metric} {said}", candidate=row)
        return runs

    def prepare(self, rows: Data, rest: Data, scale: bool) -> tuple[np.ndarray, np.ndarray]:
        """Both sides of a fold as matrices, prepared by what the training side knows."""
        fitted = Preprocessor.fit(self.recipe, rows.columns, scale=scale)
        return fitted.transform(rows.columns), fitted.transform(rest.columns)

    def one_fold(
        self, run: Compared, matrices: tuple[np.ndarray, np.ndarray], train: Data, rest: np.ndarray
    ) -> dict[str, float]:
        """Fit on one side, measure on the other."""
        estimator = self.learn(run, matrices[0], train)
        said = estimator.predict(matrices[1])
        if self.signature.classes:
            said = spread(estimator.predict_proba(matrices[1]), estimator.classes_, len(self.signature.classes))
        return metrics.evaluate(self.signature, rest, np.asarray(said, dtype=np.float64))

    def learn(self, run: Compared, matrix: np.ndarray, train: Data) -> Any:
        """One fitted estimator; what the library objects to becomes a sentence."""
        setting = Setting(
            self.recipe.task, self.recipe.seed, self.job.threads, matrix.shape[1], len(self.signature.classes)
        )
        kind = ESTIMATORS[run.candidate.estimator]
        try:
            return kind.fitted(setting, run.parameters, matrix, train.truth, train.weights)
        except ValueError as error:
            raise Refused(f"{run.name} could not be trained: {' '.join(str(error).split())[:300]}") from error

    def best(self, compared: list[Compared]) -> Compared:
        """The best mean of the deciding metric; the first of equals."""
        metric = self.recipe.metric
        able = [run for run in compared if len(run.of(metric))]
        if not able:
            raise Refused(f"No fold has rows on which {metric} is defined. Use fewer folds or another metric.")
        best = able[0]
        for run in able[1:]:
            if figures.is_better(metric, run.of(metric).mean(), best.of(metric).mean()):
                best = run
        return best

    def fit(self, run: Compared, train: Data) -> tuple[Preprocessor, Any]:
        """Preprocessor and estimator on all training rows."""
        scale = ESTIMATORS[run.candidate.estimator].scale
        preprocessor = Preprocessor.fit(self.recipe, train.columns, scale=scale)
        return preprocessor, self.learn(run, preprocessor.transform(train.columns), train)

    def export(self, preprocessor: Preprocessor, estimator: Any, test: Data) -> conversion.Proof:
        """Write model.onnx; refuse it where it does not say the same as the trained model."""
        content = conversion.export(preprocessor, estimator, self.signature)
        self.said = conversion.original(preprocessor, estimator, self.signature, test.columns)
        proof = conversion.prove(content, self.signature, test.columns, self.said)
        self.steps.say(
            f"ONNX against trained model on {proof.rows} rows: worst difference {proof.worst_difference:.2g}, "
            f"{proof.label_flips} labels differ"
        )
        if not proof.holds:
            raise Refused(
                f"The exported model differs from the trained one by up to {proof.worst_difference:.2g} "
                f"({proof.tolerance:g} is allowed), so nothing was registered. Try another estimator or fewer digits."
            )
        report = gate.examine(content)
        if not report.passes:
            raise Refused(" ".join(finding.sentence for finding in report.findings))
        self.graph = report.graph
        (self.job.outputs / "model.onnx").write_bytes(content)
        self.artifact = {
            "file": "model.onnx",
            "format": "onnx",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        return proof

    def evaluate(self, data: Data, said: np.ndarray) -> dict[str, float]:
        """Every metric on one part."""
        return metrics.evaluate(self.signature, data.truth, said)

    def importance(self, preprocessor: Preprocessor, estimator: Any, test: Data) -> list[dict[str, Any]]:
        """How much worse the deciding metric gets when one feature's values are shuffled among test rows."""
        metric = self.recipe.metric
        rows = test.take(np.sort(self.random.permutation(len(test))[:IMPORTANCE_ROWS]))
        before = self.evaluate(rows, conversion.original(preprocessor, estimator, self.signature, rows.columns))
        if metric not in before:
            return []
        sign = -1.0 if metric in figures.SMALLER_IS_BETTER else 1.0
        found = []
        for name, column in rows.columns.items():
            drops = []
            for _ in range(IMPORTANCE_REPEATS):
                shuffled = {**rows.columns, name: column[self.random.permutation(len(rows))]}
                said = conversion.original(preprocessor, estimator, self.signature, shuffled)
                drops.append(sign * (before[metric] - self.evaluate(rows, said)[metric]))
            found.append({"feature": name, "drop": float(np.mean(drops)), "sd": float(np.std(drops, ddof=1))})
        return sorted(found, key=lambda item: -item["drop"])

    def describe(self, train: Data, test: Data) -> dict[str, Any]:
        """Rows of both parts and what the target looks like in them."""
        return {
            "train_rows": len(train),
            "test_rows": len(test),
            "target": {"train": self.target(train), "test": self.target(test)},
        }

    def target(self, data: Data) -> dict[str, Any]:
        """Share of every class, or mean and spread of the values."""
        if not self.signature.classes:
            return {"mean": float(data.truth.mean()), "sd": float(data.truth.std())}
        counts = np.bincount(data.truth, minlength=len(self.signature.classes))
        return {class_key(value): float(n / len(data)) for value, n in zip(self.signature.classes, counts, strict=True)}


def _output(task: str) -> str:
    return "value" if task == "regression" else "probabilities"


def _plain_class(value: Any) -> Scalar:
    """A class value as JSON; whole floats become integers, since files disagree about that."""
    if isinstance(value, bool | int | str):
        return value
    number = float(value)
    return int(number) if number.is_integer() else number


def _name(candidate: Candidate, parameters: dict[str, Any]) -> str:
    """Name of a parameter set: the candidate's, and what its grid varies."""
    varied = ", ".join(f"{key}={parameters[key]}" for key in candidate.grid)
    return f"{candidate.name} ({varied})" if varied else candidate.name


def _positions(column: pa.ChunkedArray) -> np.ndarray:
    """Position of every row when sorted by a column of any ordered type; unknown values come first."""
    indices = pc.array_sort_indices(column.combine_chunks(), null_placement="at_start").to_numpy()
    positions = np.empty(len(indices), dtype=np.int64)
    positions[indices] = np.arange(len(indices))
    return positions


def cut(cv: CrossValidation, data: Data, seed: int, task: str) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of training and test rows. `time` trains on everything before each test block."""
    from sklearn.model_selection import KFold, StratifiedKFold, TimeSeriesSplit

    positions = np.arange(len(data))
    if cv.kind == "time" and data.order is not None:
        ordered = np.argsort(data.order, kind="stable")
        for rows, rest in TimeSeriesSplit(cv.folds).split(ordered):
            yield np.sort(ordered[rows]), np.sort(ordered[rest])
        return
    if cv.kind == "stratified" and task != "regression":
        fewest = int(np.bincount(data.truth).min())
        if fewest < cv.folds:
            raise Refused(f"One class has only {fewest} training rows, fewer than the {cv.folds} folds.")
        yield from StratifiedKFold(cv.folds, shuffle=True, random_state=seed).split(positions, data.truth)
        return
    yield from KFold(cv.folds, shuffle=True, random_state=seed).split(positions)


def spread(probabilities: np.ndarray, classes: np.ndarray, count: int) -> np.ndarray:
    """Probabilities [N, C] for all classes from those for the classes a fold has seen."""
    full = np.zeros((len(probabilities), count))
    full[:, np.asarray(classes, dtype=int)] = probabilities
    return full


def libraries() -> dict[str, str]:
    """Versions of what computed the model."""
    from importlib.metadata import version

    names = ("scikit-learn", "lightgbm", "numpy", "onnx", "onnxruntime", "skl2onnx", "onnxmltools")
    return {name: version(name) for name in names}
