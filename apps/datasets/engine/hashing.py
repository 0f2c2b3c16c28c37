"""Hashes of values and rows that are the same in every run, and what is built on them: duplicates, distinct counts.

A value is hashed twice to 64 bits with different constants. Two rows count as equal when both hashes agree; for a
hundred million rows the chance of one wrong match is below one in ten thousand million million.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .schema import TEXTUAL, Column

_MASK = (1 << 64) - 1
_NULL = np.uint64(0x9E3779B97F4A7C15)
SALTS = (np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344))
_PERIOD = 4096


def mixed(values: np.ndarray) -> np.ndarray:
    """Each 64-bit value scattered over 64 bits (the finaliser of splitmix64, a bijection)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _weights(salt: np.uint64) -> np.ndarray:
    return mixed(np.arange(_PERIOD, dtype=np.uint64) ^ salt) | np.uint64(1)


_WEIGHTS = {int(salt): _weights(salt) for salt in SALTS}


def hashed(values: pa.Array, kind: str, salt: np.uint64 = SALTS[0]) -> np.ndarray:
    """One 64-bit hash per value; a null has a hash of its own."""
    if kind in TEXTUAL:
        coded = values.dictionary_encode()
        words = _hashed_texts(coded.dictionary, salt)
        places = pc.fill_null(coded.indices, 0).to_numpy(zero_copy_only=False)
        result = words[places] if len(words) else np.zeros(len(values), np.uint64)
    else:
        result = mixed(_bits(values) ^ salt)
    if values.null_count:
        result[pc.is_null(values).to_numpy(zero_copy_only=False)] = _NULL ^ salt
    return result


def _bits(values: pa.Array) -> np.ndarray:
    """The bits of numbers, times, dates and truths; 0.0 and -0.0 are one value."""
    if pa.types.is_floating(values.type):
        return (pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False) + 0.0).view(np.uint64)
    if pa.types.is_boolean(values.type):
        return pc.fill_null(values, False).to_numpy(zero_copy_only=False).astype(np.uint64)
    if pa.types.is_date32(values.type):
        values = values.cast(pa.int32())
    return pc.fill_null(values.cast(pa.int64()), 0).to_numpy(zero_copy_only=False).view(np.uint64)


def _hashed_texts(values: pa.Array, salt: np.uint64) -> np.ndarray:
    """Sum of bytes times weights by place, period by period, then scattered with the length."""
    count = len(values)
    if not count:
        return np.zeros(0, np.uint64)
    offsets = np.frombuffer(values.buffers()[1], np.int32, count + 1, values.offset * 4).astype(np.int64)
    data = values.buffers()[2]
    letters = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    letters = letters[offsets[0] : offsets[-1]].astype(np.uint64) + np.uint64(1)
    starts = offsets[:-1] - offsets[0]
    lengths = np.diff(offsets)
    places = np.arange(len(letters), dtype=np.int64) - np.repeat(starts, lengths)
    # Beyond the period the weights are scattered anew, so that long texts do not repeat them.
    weights = _WEIGHTS[int(salt)][places % _PERIOD]
    far = np.flatnonzero(places >= _PERIOD)
    weights[far] = mixed(weights[far] ^ (places[far] // _PERIOD).astype(np.uint64)) | np.uint64(1)
    sums = np.zeros(count, np.uint64)
    filled = lengths > 0
    if filled.any():
        sums[filled] = np.add.reduceat(letters * weights, starts[filled])
    return mixed(sums ^ mixed(lengths.astype(np.uint64) ^ salt))


def row_hashes(batch: pa.RecordBatch, columns: Iterable[Column]) -> tuple[np.ndarray, np.ndarray]:
    """Two independent hashes per row over these columns, in their order."""
    columns = list(columns)
    first, second = (
        _combined([hashed(batch.column(column.name), column.type, salt) for column in columns], batch.num_rows, salt)
        for salt in SALTS
    )
    return first, second


def _combined(parts: list[np.ndarray], rows: int, salt: np.uint64) -> np.ndarray:
    total = np.full(rows, salt, np.uint64)
    for part in parts:
        total = mixed(total * np.uint64(0xD6E8FEB86659FD93) + part)
    return total


@dataclass(frozen=True)
class Repeats:
    """Rows that occur more than once: for each repeated row but the one kept, its index."""

    rows: int
    dropped: np.ndarray
    groups: int

    def mask(self, start: int, length: int) -> np.ndarray:
        """Which of `length` rows from `start` on are kept."""
        kept = np.ones(length, dtype=bool)
        low, high = np.searchsorted(self.dropped, [start, start + length])
        kept[self.dropped[low:high] - start] = False
        return kept


class RepeatFinder:
    """Finds equal rows from their hashes, kept on disk and compared a share at a time, so memory stays bounded."""

    ROWS_AT_ONCE = 4_000_000

    def __init__(self, folder: Path) -> None:
        self._path = Path(folder) / "hashes.bin"
        self._file = self._path.open("wb")
        self.rows = 0

    def add(self, batch: pa.RecordBatch, columns: Iterable[Column]) -> None:
        """Take the next rows."""
        self._file.write(np.column_stack(row_hashes(batch, columns)).tobytes())
        self.rows += batch.num_rows

    def find(self, keep: str = "first") -> Repeats:
        """The rows to drop so that one of each remains: the first or the last of its kind."""
        self._file.close()
        shares = max(1, -(-self.rows // self.ROWS_AT_ONCE))
        found = [_repeated(places, pairs, keep) for places, pairs in self._shares(shares)]
        self._path.unlink()
        dropped = np.sort(np.concatenate([part for part, _ in found])) if found else np.zeros(0, np.int64)
        return Repeats(self.rows, dropped, sum(groups for _, groups in found))

    def _shares(self, shares: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The rows divided by their hash, so that equal rows fall into one share; each with its index in the table."""
        for share in range(shares if self.rows else 0):
            places, pairs, start = [], [], 0
            for piece in self._pieces():
                chosen = np.flatnonzero(piece[:, 0] % np.uint64(shares) == share)
                places.append(chosen + start)
                pairs.append(piece[chosen])
                start += len(piece)
            yield np.concatenate(places), np.concatenate(pairs)

    def _pieces(self) -> Iterator[np.ndarray]:
        with self._path.open("rb") as file:
            while data := file.read(16 * 1_000_000):
                yield np.frombuffer(data, np.uint64).reshape(-1, 2)


def _repeated(places: np.ndarray, pairs: np.ndarray, keep: str) -> tuple[np.ndarray, int]:
    order = np.lexsort((places, pairs[:, 1], pairs[:, 0]))
    ordered = pairs[order]
    same = (ordered[1:] == ordered[:-1]).all(axis=1)
    follows, leads = np.zeros(len(order), bool), np.zeros(len(order), bool)
    follows[1:], leads[:-1] = same, same
    dropped = places[order[follows if keep == "first" else leads]]
    return dropped, int((leads & ~follows).sum())


class DistinctCounter:
    """Counts distinct values: exactly up to a bound, beyond it by HyperLogLog with 2^14 registers (error about 0.8 %).

    Flajolet, Fusy, Gandouet, Meunier (2007), HyperLogLog.
    """

    BITS = 14

    def __init__(self, bound: int = 1_000_000) -> None:
        self._bound = bound
        self._exact: np.ndarray | None = np.zeros(0, np.uint64)
        self._waiting: list[np.ndarray] = []
        self._waiting_size = 0
        self._registers = np.zeros(1 << self.BITS, np.uint8)

    def add(self, values: pa.Array, kind: str) -> None:
        """Take more values; nulls do not count."""
        hashes = np.unique(hashed(values.drop_null(), kind))
        if self._exact is None:
            self._register(hashes)
            return
        self._waiting.append(hashes)
        self._waiting_size += len(hashes)
        if self._waiting_size > self._bound:
            self._settle()

    def _settle(self) -> None:
        if self._exact is None:
            return
        self._exact = np.unique(np.concatenate([self._exact, *self._waiting]))
        self._waiting, self._waiting_size = [], 0
        if len(self._exact) > self._bound:
            self._register(self._exact)
            self._exact = None

    def _register(self, hashes: np.ndarray) -> None:
        places = (hashes >> np.uint64(64 - self.BITS)).astype(np.int64)
        rest = (hashes << np.uint64(self.BITS)) | np.uint64(1 << (self.BITS - 1))
        # The place of the first set bit; frexp is exact for the leading bit once the lower half is cut off.
        high = (rest >> np.uint64(32)).astype(np.float64)
        low = (rest & np.uint64(0xFFFFFFFF)).astype(np.float64)
        leading = np.where(high > 0, 33 - np.frexp(high)[1], 65 - np.frexp(low)[1])
        np.maximum.at(self._registers, places, leading.astype(np.uint8))

    @property
    def is_exact(self) -> bool:
        self._settle()
        return self._exact is not None

    @property
    def count(self) -> int:
        """How many distinct values were seen; an estimate unless `is_exact`."""
        self._settle()
        if self._exact is not None:
            return len(self._exact)
        return round(_cardinality(self._registers, 64 - self.BITS))


def _cardinality(registers: np.ndarray, most: int) -> float:
    """Ertl (2017), New cardinality estimation algorithms for HyperLogLog sketches, algorithm 6: no bias at any size."""
    size = len(registers)
    counts = np.bincount(registers, minlength=most + 2)
    total = size * _tau(1 - counts[most + 1] / size)
    for rank in range(most, 0, -1):
        total = 0.5 * (total + counts[rank])
    total += size * _sigma(counts[0] / size)
    return size**2 / (2 * math.log(2) * total)


def _sigma(x: float) -> float:
    if x == 1:
        return math.inf
    total, power, before = x, 1.0, -1.0
    while total != before:
        x, before = x * x, total
        total += x * power
        power *= 2
    return total


def _tau(x: float) -> float:
    if x in (0, 1):
        return 0.0
    total, power, before = 1 - x, 1.0, -1.0
    while total != before:
        x, before = math.sqrt(x), total
        power /= 2
        total -= (1 - x) ** 2 * power
    return total / 3
