"""What is kept of a call: a few facts, and the request and the answer as the bytes they were.

Nothing is encoded again on the way of the answer; the recorder reads the bytes at leisure with the same protocol.
"""

import datetime as dt
import json
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apps.deployments.serving import protocol

LENGTHS = struct.Struct("<II")
OK, REFUSED, FAILED = "ok", "refused", "failed"


@dataclass(frozen=True)
class Facts:
    """What the server knows of a call. `seconds` is the time from the request's arrival to its answer."""

    call: str
    organization: str
    endpoint: str
    version: str
    at: float
    seconds: float
    status: str
    rows: int
    request_id: str
    token: str = ""
    error: str = ""
    outside: int = 0  # rows outside what the version's conditions of use allow


@dataclass(frozen=True)
class Prediction:
    """One row of a call: the prediction as it is recorded. `outputs` and `inputs` are values by name."""

    id: uuid.UUID
    prediction_id: str
    row: int
    at: dt.datetime
    event_at: dt.datetime
    inputs: dict[str, Any]
    outputs: dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A recorded call with its predictions; a refused or failed one has none."""

    facts: Facts
    predictions: list[Prediction] = field(default_factory=list)

    @property
    def at(self) -> dt.datetime:
        """When it was answered."""
        return dt.datetime.fromtimestamp(self.facts.at, dt.UTC)


def encode(facts: Facts, body: bytes = b"", answer: bytes = b"") -> bytes:
    """A record's bytes."""
    head = json.dumps(list(vars(facts).values()), separators=(",", ":")).encode()
    return b"".join((LENGTHS.pack(len(head), len(body)), head, body, answer))


def facts(payload: bytes) -> Facts:
    """The facts in a record's bytes."""
    size, _ = LENGTHS.unpack_from(payload)
    return Facts(*json.loads(payload[LENGTHS.size : LENGTHS.size + size]))


def decode(payload: bytes, names_of: Callable[[Facts], list[str]]) -> Call:
    """The call in a record's bytes; `names_of(facts)` gives the model's input names in order."""
    head_size, body_size = LENGTHS.unpack_from(payload)
    known = facts(payload)
    if known.status != OK:
        return Call(known)
    begin = LENGTHS.size + head_size
    body, answer = payload[begin : begin + body_size], payload[begin + body_size :]
    return Call(known, _predictions(known, body, answer, names_of(known)))


def _predictions(facts: Facts, body: bytes, answer: bytes, names: list[str]) -> list[Prediction]:
    ask = protocol.read(body, names, row_limit=facts.rows)
    at = dt.datetime.fromtimestamp(facts.at, dt.UTC)
    first = uuid.UUID(facts.call).int
    outputs = {tensor["name"]: _by_row(tensor, ask.rows) for tensor in json.loads(answer)["outputs"]}
    ids = protocol.row_ids(ask.id or facts.call, ask.ids, ask.rows)
    return [
        Prediction(
            # The same call gives the same ids, however often its record is read.
            id=uuid.UUID(int=first + row),
            prediction_id=ids[row],
            row=row + 1,
            at=at,
            event_at=dt.datetime.fromisoformat(ask.events[row]) if ask.events else at,
            inputs={name: values[row] for name, values in ask.lists.items()},
            outputs={name: values[row] for name, values in outputs.items()},
        )
        for row in range(ask.rows)
    ]


def _by_row(tensor: dict[str, Any], rows: int) -> list:
    data = tensor["data"]
    width = len(data) // rows
    return data if width == 1 else [data[row * width : (row + 1) * width] for row in range(rows)]
