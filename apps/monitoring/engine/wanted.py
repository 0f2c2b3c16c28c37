"""What may be sent for a model, read from its signature: the columns of predictions, outcomes and feedback."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.deployments.serving.protocol import AHEAD, EARLIEST
from apps.models.engine.signatures import EMBEDDING, TEXT, Signature, class_key
from apps.monitoring.engine import bins, contents, intake
from apps.monitoring.engine.baseline import Column
from apps.monitoring.engine.bins import Outputs
from apps.monitoring.engine.intake import Field, Intake, Raw, Unreadable

ID, AT, SCORE, PREDICTION, LABEL, DELAY = "_id", "_at", "_score", "_prediction", "_label", "_delay_hours"
LONGEST_ID = 200
USED_AGAIN = "is used again further down."
KINDS = {"number": "numeric", "integer": "numeric", "boolean": "category", "string": "category"}
RESERVED = ("prediction_id", "event_time", "score", "label")


def input_fields(signature: Signature) -> list[Field]:
    """The model's inputs as columns."""
    return [Field(one.name, one.type, nullable=one.nullable) for one in signature.inputs]


def beside_fields(signature: Signature) -> list[Field]:
    """The columns of text and embeddings that come beside the inputs."""
    kinds = {TEXT: "string", EMBEDDING: "embedding"}
    return [Field(one.name, kinds[one.kind], optional=True, size=one.size) for one in signature.beside]


def prediction_fields(signature: Signature, beside: Mapping[str, str] | None = None) -> list[Field]:
    """The columns of a batch of predictions: id, event time, score, label, every input, and what may be sent `beside`
    them (name and type), for telling segments apart.
    """
    clash = [name for name in [*signature.names, *(one.name for one in signature.beside)] if name in RESERVED]
    if clash:
        raise Unreadable(
            f"The model has inputs called {', '.join(clash)}, which mean something else here; "
            "its predictions can be served by Tenure but not sent."
        )
    fields = [
        Field("prediction_id", "string", nullable=False, kept_as=ID),
        Field("event_time", "time", optional=True, kept_as=AT),
    ]
    if signature.task == "regression":
        fields.append(Field("score", "number", nullable=False, kept_as=PREDICTION))
    else:
        derived = signature.threshold is not None
        fields.append(Field("score", "number", nullable=not derived, optional=not derived, kept_as=SCORE))
        fields.append(
            Field("label", "class", nullable=derived, optional=derived, kept_as=PREDICTION, classes=signature.classes)
        )
    extra = [Field(name, kind, optional=True) for name, kind in (beside or {}).items()]
    return fields + input_fields(signature) + beside_fields(signature) + extra


def outcome_fields(signature: Signature, sent: Raw) -> list[Field]:
    """The columns of a batch of outcomes; the truth may be called "value" or what the model calls its target."""
    name = signature.target if signature.target in sent.columns and "value" not in sent.columns else "value"
    kind, classes = ("number", ()) if signature.task == "regression" else ("class", signature.classes)
    return [
        Field("prediction_id", "string", nullable=False, kept_as=ID),
        Field("event_time", "time", optional=True, kept_as=AT),
        Field(name, kind, nullable=False, kept_as=LABEL, classes=classes),
    ]


def feedback_fields() -> list[Field]:
    """The columns of a batch of feedback."""
    return [
        Field("prediction_id", "string", optional=True, kept_as=ID),
        Field("event_time", "time", optional=True, kept_as=AT),
        Field("rating", "integer", optional=True),
        Field("comment", "string", optional=True),
        Field("said_by", "string", optional=True),
    ]


def take_predictions(
    raw: Raw, signature: Signature, now: dt.datetime, beside: Mapping[str, str] | None = None
) -> Intake:
    """Predictions as they are kept: one row for each id, with score, label, inputs and columns beside them."""
    found = intake.normalise(raw, prediction_fields(signature, beside))
    found = _checked(found, now)
    return replace(found, table=with_prediction(found.table, signature))


def served_fields(signature: Signature) -> list[Field]:
    """The columns of predictions that were served here: under the names they are kept by, so that no input clashes."""
    is_number = signature.task == "regression"
    said = Field(PREDICTION, "number") if is_number else Field(PREDICTION, "class", classes=signature.classes)
    score = [] if is_number else [Field(SCORE, "number")]
    return [Field(ID, "string", nullable=False), Field(AT, "time"), said, *score, *input_fields(signature)]


def take_served(raw: Raw, signature: Signature, now: dt.datetime) -> Intake:
    """Predictions that were served here: checked when they were made, so other columns are left aside."""
    return _checked(intake.normalise(raw, served_fields(signature), strict=False), now)


def take_outcomes(raw: Raw, signature: Signature, now: dt.datetime) -> Intake:
    """Outcomes as they are kept; of several for one id in a batch the last counts, the others are refused."""
    return _checked(intake.normalise(raw, outcome_fields(signature, raw)), now)


def take_feedback(raw: Raw, now: dt.datetime) -> Intake:
    """Feedback as it is kept: a rating of 1 to 5, a comment, or both."""
    found = _checked(intake.normalise(raw, feedback_fields()), now, unique=False)
    rating, comment = found.table.column("rating"), found.table.column("comment")
    wrong = pc.or_kleene(pc.less(rating, 1), pc.greater(rating, 5)).fill_null(False)
    nothing = pc.and_(pc.is_null(rating), pc.is_null(comment))
    return found.without(
        [("rating", wrong, "must be from 1 to 5."), ("comment", nothing, "must be given where there is no rating.")]
    )


def with_prediction(table: pa.Table, signature: Signature) -> pa.Table:
    """The table with the predicted label where only the score was sent."""
    if signature.task != "binary" or signature.threshold is None:
        return table
    negative, positive = (class_key(one) for one in signature.classes)
    said = pc.if_else(pc.greater_equal(table.column(SCORE), signature.threshold), positive, negative)
    label = pc.coalesce(table.column(PREDICTION), said.cast(pa.string()))
    return table.set_column(table.column_names.index(PREDICTION), PREDICTION, label)


def outputs_of(signature: Signature) -> Outputs:
    """What the model gives back, for the engine."""
    labels = tuple(class_key(one) for one in signature.classes)
    task = {"binary": bins.BINARY, "multiclass": bins.MULTICLASS}.get(signature.task, bins.REGRESSION)
    return Outputs(task, labels, PREDICTION, SCORE, LABEL)


def columns_of(signature: Signature) -> list[Column]:
    """The model's inputs, for the engine; of text and embeddings what is counted of them."""
    plain = [Column(one.name, KINDS[one.type]) for one in signature.inputs if not one.is_text]
    return plain + [Column(*found) for one in signature.contents for found in contents.counted_of(one.name, one.kind)]


def hours_of(moments: pa.ChunkedArray) -> np.ndarray:
    """The hour of each moment, as hours since 1970."""
    return np.asarray(moments.cast(pa.int64()).to_numpy()) // 3_600_000_000


def hour_at(hours: int) -> dt.datetime:
    """The moment at which that hour begins."""
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=int(hours))


def _checked(found: Intake, now: dt.datetime, unique: bool = True) -> Intake:
    """Rows with a time; ids too long, ids used twice and times that cannot be are refused."""
    table = found.table
    if AT in table.column_names:
        moments = table.column(AT).fill_null(pa.scalar(now, table.column(AT).type))
        found = replace(found, table=table.set_column(table.column_names.index(AT), AT, moments))
    moments, ids = found.table.column(AT), found.table.column(ID)
    problems = [
        ("event_time", pc.greater(moments, now + AHEAD), "lies in the future."),
        ("event_time", pc.less(moments, EARLIEST), f"lies before {EARLIEST:%Y}, as from a clock that was never set."),
        ("prediction_id", pc.greater(pc.utf8_length(ids), LONGEST_ID), f"is longer than {LONGEST_ID} characters."),
    ]
    if unique:
        problems.append(("prediction_id", _replaced(ids), USED_AGAIN))
    return found.without(problems)


def _replaced(ids: pa.ChunkedArray) -> np.ndarray:
    """Per row whether the same id comes again later."""
    if len(ids) == 0:
        return np.zeros(0, dtype=bool)
    codes = np.asarray(ids.combine_chunks().dictionary_encode().indices)
    _, first_from_end = np.unique(codes[::-1], return_index=True)
    last = np.zeros(len(codes), dtype=bool)
    last[len(codes) - 1 - first_from_end] = True
    return ~last
