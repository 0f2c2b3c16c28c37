"""The small additive state that a batch is reduced to: adding two states is adding the rows behind them.

 All numbers of a state are whole (counts, and sums in units, see `exact`), so adding is associative and commutative
to the last bit, and the smallest and largest values are kept by minimum and maximum. What the numbers mean is said by
the layout whose `fingerprint` the state carries (`bins.Bins` for predictions, `outcomes.OutcomeBins` for labelled
predictions).
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.monitoring.engine import codec
from apps.monitoring.engine.exact import Floats, Integers, carry

MAGIC = b"TNS2"
HEAD = struct.Struct("<32sQIIIB")  # fingerprint, rows, counts, sums, extremes, bytes a count
WIDTHS = {1: "<u1", 2: "<u2", 4: "<u4", 8: "<i8"}
OTHER_BINS = "These states were counted with different bins; rebuild one of them from its batches first."
HIGH, LOW = 8, 4  # bytes of a sum's halves
TOGETHER = 256  # states whose planes of bytes are added in 16 bits: 256 times 255 fits


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

    @property
    def packed(self) -> bytes:
        """The state as bytes, not compressed: equal states give equal bytes."""
        most = int(self.counts.max(initial=0))
        wide = next(size for size in WIDTHS if size == 8 or most < 1 << (8 * size))
        head = HEAD.pack(self.fingerprint, self.rows, len(self.counts), len(self.high), len(self.lowest), wide)
        whole = [_planes(self.counts, wide), _planes(self.high, HIGH), _planes(self.low, LOW)]
        ends = [one.astype("<f8").tobytes() for one in (self.lowest, self.highest)]
        return b"".join([head, *whole, *ends])

    def encode(self) -> bytes:
        """The state as compressed bytes."""
        return codec.compress(self.packed, MAGIC)


def _planes(numbers: Integers, wide: int) -> bytes:
    """Whole numbers byte by byte: first the lowest byte of all, then the next. Small numbers leave planes of zeros,
    which compress to nothing and are read twice as fast.
    """
    return numbers.astype(WIDTHS[wide]).view("u1").reshape(-1, wide).T.tobytes()


def _from_planes(planes: NDArray[Any]) -> Integers:
    """Whole numbers [count] from their planes [bytes, count], or sums of numbers from sums of planes."""
    found = planes[0].astype(np.uint64)
    for number in range(1, len(planes)):
        found += planes[number].astype(np.uint64) << np.uint64(8 * number)
    return found.view(np.int64)


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
    return unpack(codec.decompress(blob, MAGIC))


def unpack(data: bytes | memoryview) -> State:
    """A state from what `State.packed` gave."""
    fingerprint, rows, counts, sums, extremes, wide = HEAD.unpack_from(data)
    arrays, place = [], HEAD.size
    for count, size in ((counts, wide), (sums, HIGH), (sums, LOW)):
        planes = np.frombuffer(data, dtype="u1", count=count * size, offset=place)
        arrays.append(_from_planes(planes.reshape(size, count)))
        place += count * size
    ends = np.frombuffer(data, dtype="<f8", count=2 * extremes, offset=place)
    return State(fingerprint, rows, arrays[0], arrays[1], arrays[2], ends[:extremes], ends[extremes:])


def total(blobs: Iterable[bytes], shape: Shape) -> State:
    """The state of all rows behind stored states. Their planes are added before they are put together: many times
    faster than to `merge` what `decode` gives.
    """
    parts = [empty(shape)]
    for _, packed in codec.stacked(blobs, MAGIC):
        if (packed[:, : len(shape.fingerprint)] != np.frombuffer(shape.fingerprint, dtype=np.uint8)).any():
            raise Mismatch(OTHER_BINS)
        parts += [_together(packed[first : first + TOGETHER], shape) for first in range(0, len(packed), TOGETHER)]
    return merge(parts) if len(parts) != 2 else parts[1]


def _together(packed: NDArray[np.uint8], shape: Shape) -> State:
    """The sum of at most `TOGETHER` packed states of one size [states, size]."""
    rows, wide = sum(HEAD.unpack_from(one)[1] for one in packed), HEAD.unpack_from(packed[0])[-1]
    planes = shape.counts * wide, shape.sums * HIGH, shape.sums * LOW
    ends = list(accumulate((HEAD.size, *planes)))
    added = np.add.reduce(packed[:, HEAD.size : ends[-1]], axis=0, dtype=np.uint16)
    counts, high, low = (
        _from_planes(added[a - HEAD.size : b - HEAD.size].reshape(size, -1))
        for (a, b), size in zip(pairwise(ends), (wide, HIGH, LOW), strict=True)
    )
    extremes = np.ascontiguousarray(packed[:, ends[-1] :]).view("<f8").reshape(len(packed), 2, shape.extremes)
    lowest, highest = extremes[:, 0].min(axis=0), extremes[:, 1].max(axis=0)
    return State(shape.fingerprint, rows, counts, *carry(high, low), lowest, highest)


def merge(states: Iterable[State]) -> State:
    """The state of all their rows together. At least one state; all of the same bins."""
    many = list(states)
    if not many:
        raise ValueError("There is nothing to merge: give at least one state, if only an empty one.")
    if len({one.fingerprint for one in many}) > 1:
        raise Mismatch(OTHER_BINS)
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
