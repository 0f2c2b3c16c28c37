"""The reference of a trained version: which of its rows were kept back from training, and the baseline they give."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.models.engine import arrow
from apps.models.engine.signatures import Signature, class_key
from apps.models.engine.training import LEAST_ROWS
from apps.monitoring.engine import baseline, contents, intake, samples, wanted
from apps.monitoring.engine.baseline import Baseline, Column
from apps.monitoring.engine.exact import Floats, Integers
from apps.monitoring.engine.intake import Field
from apps.monitoring.engine.samples import Sample
from apps.monitoring.engine.wanted import LABEL, PREDICTION, SCORE


def inputs_of(table: pa.Table, signature: Signature) -> pa.Table:
    """The model's inputs from a table of any kind, in the types of the signature; what does not fit becomes null."""
    arrays = {}
    for one in wanted.input_fields(signature):
        loose = Field(one.name, one.type)
        arrays[one.name] = intake.convert(table.column(one.name), loose, is_text=False)[0]
    for one in wanted.beside_fields(signature):
        if one.name in table.column_names:
            arrays[one.name] = intake.convert(table.column(one.name), one, is_text=False)[0]
    return contents.complete(pa.table(arrays), [column.name for column in wanted.columns_of(signature)])


def known_columns(table: pa.Table, signature: Signature) -> list[Column]:
    """What is counted: every input, and of the columns beside them those that the reference has."""
    absent = {one.name for one in signature.beside if one.name not in table.column_names}
    return [one for one in wanted.columns_of(signature) if one.name.rpartition(".")[0] not in absent]


def kept_back(table: pa.Table, recipe: dict[str, Any], signature: Signature) -> pa.Table | None:
    """The rows that a training by this recipe kept for its test, where it cut them off itself; None when unknown.

    The same cut as apps.models.engine.training makes, by time or at random with the recipe's seed; a test holds the two
    together. Unknown when the training drew a sample first.
    """
    truth = arrow.truth(signature, table.column(signature.target))
    known = table.filter(pa.array(~np.isnan(truth) if signature.task == "regression" else truth >= 0))
    if known.num_rows > recipe["sample_limit"]:
        return None
    holdout = recipe["holdout"]
    count = max(LEAST_ROWS // 2, round(known.num_rows * holdout["share"]))
    if holdout["kind"] == "time" and holdout["column"]:
        moments = known.column(holdout["column"]).combine_chunks()
        order = np.asarray(pc.array_sort_indices(moments, null_placement="at_start"))
    else:
        order = np.random.default_rng(recipe["seed"]).permutation(known.num_rows)
    return known.take(pa.array(np.sort(order[-count:]).astype(np.int64)))


def scored_rows(
    table: pa.Table, signature: Signature, score: Floats, label: Integers | None, truth: np.ndarray | None
) -> pa.Table:
    """The inputs with what the model said about them and what is true, as the engine counts them."""
    columns: dict[str, Any] = {}
    if signature.task == "regression":
        columns[PREDICTION] = pa.array(score, from_pandas=True)
        if truth is not None:
            columns[LABEL] = pa.array(truth, from_pandas=True)
    else:
        names = [class_key(one) for one in signature.classes]
        columns[SCORE] = pa.array(score, from_pandas=True)
        columns[PREDICTION] = pa.array([names[place] for place in np.asarray(label)])
        if truth is not None:
            columns[LABEL] = pa.array([names[place] if place >= 0 else None for place in truth], pa.string())
    inputs = inputs_of(table, signature)
    return pa.table({**{name: inputs.column(name) for name in inputs.column_names}, **columns})


def build(table: pa.Table, scored: pa.Table, signature: Signature) -> Baseline:
    """The baseline from the reference's rows and from those the model was tried on."""
    outputs = wanted.outputs_of(signature)
    return baseline.build(inputs_of(table, signature), known_columns(table, signature), outputs, scored)


def sample_of(table: pa.Table, signature: Signature) -> Sample | None:
    """The sample of the reference's texts and embeddings; None where the model has none. Rows of a dataset have no id:
    their number names them.
    """
    if not signature.contents:
        return None
    has_ids = wanted.ID in table.column_names
    keys = table.column(wanted.ID).to_pylist() if has_ids else [f"row {number}" for number in range(table.num_rows)]
    return samples.take(table, keys, signature.contents)


def build_from_predictions(table: pa.Table, outcomes: dict[str, Any], signature: Signature) -> Baseline:
    """The baseline from kept predictions and the outcomes known of them by prediction id."""
    outputs = wanted.outputs_of(signature)
    told = [outcomes.get(name) for name in table.column(wanted.ID).to_pylist()]
    if any(one is not None for one in told):
        kind = pa.float64() if signature.task == "regression" else pa.string()
        table = table.append_column(LABEL, pa.array(told, kind))
    columns = known_columns(table, signature)
    return baseline.build(contents.complete(table, [one.name for one in columns]), columns, outputs)
