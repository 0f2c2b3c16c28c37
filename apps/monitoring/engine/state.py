"""The small additive state that a batch is reduced to: adding two states is adding the rows behind them.

 All numbers of a state are whole (counts, and sums in units, see `exact`), so adding is associative and commutative
to the last bit, and the smallest and largest values are kept by minimum and maximum. What the numbers mean is said by
the layout whose `fingerprint` the state carries (`bins.Bins` for predictions, `outcomes.OutcomeBins` for labelled
predictions).
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from apps.monitoring.engine import codec
from apps.monitoring.engine.exact import Floats, Integers, carry

MAGIC = b"TNS1"
HEAD = struct.Struct("<32sQIIIB")  # fingerprint, rows, counts, sums, extremes, bytes a count
WIDTHS = {1: "<u1", 2: "<u2", 4: "<u4", 8: "<i8"}


class Mismatch(ValueError):
    """States of different bins cannot be added."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How many numbers a state of this fingerprint has."""

    fingerprint: bytes
    counts: int
    sums: int
    extremes: int


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Counts, exact sums (two halves) and extremes of some rows."""

    fingerprint: bytes
    rows: int
    counts: Integers
    high: Integers
    low: Integers
    lowest: Floats
    highest: Floats

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self.encode() == other.encode()

    def __hash__(self) -> int:
        return hash(self.encode())

    def __add__(self, other: "State") -> "State":
        return merge([self, other])

    @property
    def is_empty(self) -> bool:
        """Whether no row is behind it."""
        return self.rows == 0

    def encode(self) -> bytes:
        """The state as bytes: equal states give equal bytes."""
        most = int(self.counts.max(initial=0))
        wide = next(size for size in WIDTHS if size == 8 or most < 1 << (8 * size))
        head = HEAD.pack(self.fingerprint, self.rows, len(self.counts), len(self.high), len(self.lowest), wide)
        parts = [self.counts.astype(WIDTHS[wide]), self.high.astype("<i8"), self.low.astype("<i8")]
        parts += [self.lowest.astype("<f8"), self.highest.astype("<f8")]
        return codec.compress(b"".join([head, *(part.tobytes() for part in parts)]), MAGIC)


def empty(shape: Shape) -> State:
    """The state of no rows: adding it changes nothing."""
    zeros = np.zeros(shape.sums, dtype=np.int64)
    return State(
        shape.fingerprint,
        0,
        np.zeros(shape.counts, dtype=np.int64),
        zeros,
        zeros,
        np.full(shape.extremes, np.inf),
        np.full(shape.extremes, -np.inf),
    )


def decode(blob: bytes) -> State:
    """A state from its bytes; `codec.Damaged` when they were cut off or changed."""
    data = codec.decompress(bytes(blob), MAGIC)
    fingerprint, rows, counts, sums, extremes, wide = HEAD.unpack_from(data)
    lengths = [(WIDTHS[wide], counts), ("<i8", sums), ("<i8", sums), ("<f8", extremes), ("<f8", extremes)]
    arrays, place = [], HEAD.size
    for kind, length in lengths:
        arrays.append(np.frombuffer(data, dtype=kind, count=length, offset=place))
        place += arrays[-1].nbytes
    whole = [array.astype(np.int64) for array in arrays[:3]]
    return State(fingerprint, rows, whole[0], whole[1], whole[2], arrays[3], arrays[4])


def merge(states: Iterable[State]) -> State:
    """The state of all their rows together. At least one state; all of the same bins."""
    many = list(states)
    if not many:
        raise ValueError("There is nothing to merge: give at least one state, if only an empty one.")
    if len({one.fingerprint for one in many}) > 1:
        raise Mismatch("These states were counted with different bins; rebuild one of them from its batches first.")
    high, low = carry(sum_of(one.high for one in many), sum_of(one.low for one in many))
    lowest, highest = many[0].lowest, many[0].highest
    for one in many[1:]:
        lowest, highest = np.minimum(lowest, one.lowest), np.maximum(highest, one.highest)
    counts = sum_of(one.counts for one in many)
    return State(many[0].fingerprint, sum(one.rows for one in many), counts, high, low, lowest, highest)


def subtract(whole: State, part: State) -> State:
    """The state without the rows of `part`, which must be among them. Extremes stay: they cannot be taken back."""
    if whole.fingerprint != part.fingerprint:
        raise Mismatch("These states were counted with different bins.")
    high, low = carry(whole.high - part.high, whole.low - part.low)
    counts = whole.counts - part.counts
    if whole.rows < part.rows or counts.min(initial=0) < 0:
        raise ValueError("There is more to take away than was counted.")
    return State(whole.fingerprint, whole.rows - part.rows, counts, high, low, whole.lowest, whole.highest)


def sum_of(arrays: Iterable[Integers]) -> Integers:
    """The arrays added up; at least one."""
    rest = iter(arrays)
    total = next(rest).copy()
    for array in rest:
        total += array
    return total


GRAINS = ("hour", "day", "month")


def start_of(moment: datetime, grain: str) -> datetime:
    """The start of the hour, day or month (UTC) that holds the moment."""
    moment = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if grain == "day":
        return moment.replace(hour=0)
    return moment.replace(hour=0, day=1) if grain == "month" else moment


def end_of(start: datetime, grain: str) -> datetime:
    """The start of the following hour, day or month (UTC)."""
    if grain == "month":
        return (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return start + (timedelta(days=1) if grain == "day" else timedelta(hours=1))


def roll(states: Mapping[datetime, State], grain: str) -> dict[datetime, State]:
    """Finer states added up to days or months, without loss."""
    gathered: dict[datetime, list[State]] = {}
    for start in sorted(states):
        gathered.setdefault(start_of(start, grain), []).append(states[start])
    return {start: merge(many) for start, many in gathered.items()}
