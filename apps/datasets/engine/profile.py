"""What a table holds, column by column, as plain values for JSON: counts, ranges, distributions, and what looks odd."""

import datetime as dt
import math
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .hashing import DistinctCounter, RepeatFinder, mixed
from .schema import BOOLEAN, DATE, DATETIME, INTEGER, NUMERIC, STRING, TEMPORAL, TEXTUAL, Column, counted, listed
from .tables import Progress, Table, silent

BINS = 20
TOP = 20
# From how many times the range of 99 % of the values on the ends are left out of a histogram.
TAILS = 3
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
EXACT_ROWS = 2_000_000
SAMPLED = 1_000_000
COUNTED = 200_000
IDENTIFIER_ROWS = 50
_PERSONAL = {
    "e-mail address": re.compile(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}"),
    "telephone number": re.compile(r"\+\d[\d ()./-]{7,}\d"),
    "internet address": re.compile(r"(?:\d{1,3}\.){3}\d{1,3}"),
}


@dataclass(frozen=True)
class Limits:
    """Up to where counts are exact; beyond, quantiles come from a sample and distinct counts from a sketch."""

    exact_rows: int = EXACT_ROWS
    sampled: int = SAMPLED
    counted: int = COUNTED
    distinct: int = 1_000_000


def profile(
    path: Path, *, correlations: bool = False, limits: Limits | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Describe every column of a canonical table and the table as a whole; equal tables give equal profiles.

    Memory holds one column at a time (up to `limits.exact_rows` of its values). `progress` counts rows of the table,
    moved on as the columns are done.
    """
    table, limits = Table(path), limits or Limits()
    columns = []
    for number, column in enumerate(table.schema, 1):
        columns.append(_described(table, column, limits))
        progress(table.rows * number // (len(table.schema) + 1), table.rows)
    result: dict[str, Any] = {
        "rows": table.rows,
        "columns": columns,
        "nulls": sum(column["nulls"] for column in columns),
        "duplicates": duplicates(table),
    }
    if correlations:
        result["correlations"] = _correlations(table)
    result["remarks"] = _remarks(result)
    progress(table.rows, table.rows)
    return result


def duplicates(table: Table) -> dict[str, Any]:
    """How many rows are a repetition of an earlier one, over all columns."""
    with tempfile.TemporaryDirectory(prefix="tenure-") as folder:
        finder = RepeatFinder(Path(folder))
        for batch in table.batches():
            finder.add(batch, table.schema)
        repeats = finder.find()
    return {"rows": len(repeats.dropped), "groups": repeats.groups, "share": _share(len(repeats.dropped), table.rows)}


def _described(table: Table, column: Column, limits: Limits) -> dict[str, Any]:
    distinct = DistinctCounter(limits.distinct)
    nulls = 0
    for values in table.column(column.name):
        nulls += values.null_count
        distinct.add(values, column.type)
    known = table.rows - nulls
    described: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        "unit": column.unit,
        "role": column.role,
        "nulls": nulls,
        "null_share": _share(nulls, table.rows),
        "distinct": {"count": distinct.count, "exact": distinct.is_exact},
        "all_null": known == 0,
        "constant": known > 0 and distinct.count == 1,
        "identifier": _is_identifier(column, known, distinct),
    }
    if not known:
        return described
    if column.type in NUMERIC:
        described |= _numbers(table, column, limits)
    elif column.type in TEMPORAL:
        described |= _times(table, column, limits)
    if column.type in (*TEXTUAL, BOOLEAN) or (column.type == INTEGER and distinct.count <= TOP):
        described |= _tops(table, column, known, limits)
    if column.type in TEXTUAL:
        described |= _texts(table, column)
    return described


def _is_identifier(column: Column, known: int, distinct: DistinctCounter) -> bool:
    close = distinct.count >= (known if distinct.is_exact else 0.97 * known)
    return column.type in (INTEGER, STRING) and known >= IDENTIFIER_ROWS and close


class Sample:
    """Numbers of one column: all of them up to a limit, beyond it those whose places have the smallest hashes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parts: list[np.ndarray] = []
        self._keys: list[np.ndarray] = []
        self._size = 0
        self.seen = 0
        self.is_exact = True

    def add(self, values: np.ndarray) -> None:
        """Take more values; each has the same chance to stay."""
        self._parts.append(values)
        self._keys.append(mixed(np.arange(self.seen, self.seen + len(values), dtype=np.uint64)))
        self.seen += len(values)
        self._size += len(values)
        if self._size > (self._limits.exact_rows if self.is_exact else 2 * self._limits.sampled):
            self._thin()

    def _thin(self) -> None:
        self.is_exact = False
        keys, parts = np.concatenate(self._keys), np.concatenate(self._parts)
        if len(keys) > self._limits.sampled:
            kept = np.argpartition(keys, self._limits.sampled)[: self._limits.sampled]
            keys, parts = keys[kept], parts[kept]
        self._keys, self._parts, self._size = [keys], [parts], len(keys)

    def values(self) -> np.ndarray:
        """What was kept, sorted."""
        if not self.is_exact:
            self._thin()
        return np.sort(np.concatenate(self._parts)) if self._parts else np.zeros(0)


class Moments:
    """Count, mean, sum of squared deviations and range, merged piece by piece (Chan, Golub, LeVeque 1979)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0
        self.low: Any = None
        self.high: Any = None

    def add(self, values: np.ndarray) -> None:
        """Take more values."""
        if not len(values):
            return
        low, high = values.min(), values.max()
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)
        floats = values.astype(np.float64)
        count, mean = len(floats), float(floats.mean())
        squares = float(((floats - mean) ** 2).sum())
        total, apart = self.count + count, mean - self.mean
        self.squares += squares + apart**2 * self.count * count / total
        self.mean += apart * count / total
        self.count = total

    @property
    def sd(self) -> float | None:
        """The standard deviation of a sample (divided by n - 1)."""
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else None


def _finite(values: pa.Array) -> np.ndarray:
    known = values.drop_null().to_numpy(zero_copy_only=False)
    return known[np.isfinite(known)] if known.dtype == np.float64 else known


def _numbers(table: Table, column: Column, limits: Limits) -> dict[str, Any]:
    moments, sample, zeros, below, known = Moments(), Sample(limits), 0, 0, 0
    for values in table.column(column.name):
        finite = _finite(values)
        known += len(values) - values.null_count
        moments.add(finite)
        sample.add(finite)
        zeros += int((finite == 0).sum())
        below += int((finite < 0).sum())
    if not moments.count:
        return {"infinite": known}
    return {
        "min": plain(moments.low),
        "max": plain(moments.high),
        "mean": plain(moments.mean),
        "sd": plain(moments.sd),
        "zeros": zeros,
        "negative": below,
        "infinite": known - moments.count,
        "quantiles": _quantiles(sample),
        "histogram": _histogram(table, column, moments, sample),
    }


def _quantiles(sample: Sample) -> dict[str, Any]:
    values = sample.values()
    found = np.quantile(values, QUANTILES)
    named = {f"p{round(share * 100):02d}": plain(value) for share, value in zip(QUANTILES, found, strict=True)}
    return {**named, "exact": sample.is_exact}


def _histogram(table: Table, column: Column, moments: Moments, sample: Sample) -> dict[str, Any]:
    """Counts in equal bins, of all rows even where only a sample stayed; what lies far out is counted beside them."""
    low, high = float(moments.low), float(moments.high)
    if low == high or not math.isfinite(high - low):
        return {"edges": [low, high], "counts": [moments.count], "below": 0, "above": 0}
    edges = _edges(low, high, column.type, sample.values())
    if sample.is_exact:
        counts = np.histogram(sample.values(), edges)[0]
    else:
        counts = np.zeros(len(edges) - 1, np.int64)
        for values in table.column(column.name):
            counts += np.histogram(_as_numbers(values, column.type), edges)[0]
    below, above = _outside(table, column, edges) if edges[0] > low or edges[-1] < high else (0, 0)
    return {
        "edges": [plain(edge) for edge in edges],
        "counts": [int(count) for count in counts],
        "below": below,
        "above": above,
    }


def _edges(low: float, high: float, kind: str, values: np.ndarray) -> np.ndarray:
    """Edges of the bins: a few values far out are left aside, and whole numbers have bins of whole width."""
    if kind in NUMERIC:
        first, last = np.quantile(values, [0.005, 0.995])
        if last > first and high - low > TAILS * (last - first):
            low, high = float(first), float(last)
    if kind == INTEGER:
        low, high = math.floor(low), math.ceil(high)
        width = max(1, math.ceil((high - low + 1) / BINS))
        bins = math.ceil((high - low + 1) / width)
        return low - 0.5 + width * np.arange(bins + 1, dtype=np.float64)
    return np.linspace(low, high, BINS + 1)


def _outside(table: Table, column: Column, edges: np.ndarray) -> tuple[int, int]:
    below = above = 0
    for values in table.column(column.name):
        numbers = _as_numbers(values, column.type)
        below += int((numbers < edges[0]).sum())
        above += int((numbers > edges[-1]).sum())
    return below, above


def _as_numbers(values: pa.Array, kind: str) -> np.ndarray:
    """Finite numbers; times as microseconds and dates as days since 1970."""
    if kind == DATETIME:
        values = values.cast(pa.int64())
    elif kind == DATE:
        values = values.cast(pa.int32())
    return _finite(values)


def _times(table: Table, column: Column, limits: Limits) -> dict[str, Any]:
    moments, sample = Moments(), Sample(limits)
    for values in table.column(column.name):
        numbers = _as_numbers(values, column.type)
        moments.add(numbers)
        sample.add(numbers)
    histogram = _histogram(table, column, moments, sample)
    seconds = (int(moments.high) - int(moments.low)) / 1e6 if column.type == DATETIME else None
    days = None if seconds is not None else int(moments.high) - int(moments.low)
    return {
        "min": _moment(moments.low, column.type),
        "max": _moment(moments.high, column.type),
        "span_seconds": seconds if seconds is not None else (days or 0) * 86_400,
        "histogram": {
            "edges": [_moment(edge, column.type) for edge in histogram["edges"]],
            "counts": histogram["counts"],
        },
    }


def _moment(value: Any, kind: str) -> str:
    if kind == DATE:
        return (dt.date(1970, 1, 1) + dt.timedelta(days=math.floor(value))).isoformat()
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(value))
    return moment.isoformat().replace("+00:00", "Z")


def _tops(table: Table, column: Column, known: int, limits: Limits) -> dict[str, Any]:
    """The most frequent values with exact counts; which they are is itself exact up to a number of different values."""
    counts: Counter[Any] = Counter()
    exact = True
    for values in table.column(column.name):
        found = pc.value_counts(values.drop_null())
        counts.update(dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True)))
        if len(counts) > limits.counted:
            exact = False
            counts = Counter(dict(counts.most_common(limits.counted // 2)))
    # Equal counts are listed by value, so that a profile does not depend on the order of the rows.
    top = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:TOP]
    if not exact:
        top = _recounted(table, column, [value for value, _ in top])
    listed_rows = sum(count for _, count in top)
    return {
        "top": [{"value": value, "count": count, "share": _share(count, known)} for value, count in top],
        "top_exact": exact,
        "other": known - listed_rows,
    }


def _recounted(table: Table, column: Column, chosen: list[Any]) -> list[tuple[Any, int]]:
    wanted = pa.array(chosen, column.physical)
    counts: Counter[Any] = Counter()
    for values in table.column(column.name):
        found = pc.value_counts(values.filter(pc.is_in(values, value_set=wanted)))
        counts.update(dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True)))
    return sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))


def _texts(table: Table, column: Column) -> dict[str, Any]:
    low, high, total, known, blank = math.inf, 0, 0, 0, 0
    first: list[str] = []
    for values in table.column(column.name):
        texts = values.drop_null()
        if not len(texts):
            continue
        lengths = pc.utf8_length(texts)
        extremes = pc.min_max(lengths).as_py()
        low, high = min(low, extremes["min"]), max(high, extremes["max"])
        total += pc.sum(lengths).as_py()
        known += len(texts)
        blank += pc.sum(pc.equal(pc.binary_length(pc.utf8_trim_whitespace(texts)), 0)).as_py()
        first = first or texts.slice(0, 1000).to_pylist()
    return {
        "length": {"min": int(low), "max": int(high), "mean": plain(total / known)},
        "blank": blank,
        "personal": [
            name
            for name, shape in _PERSONAL.items()
            if sum(bool(shape.fullmatch(text)) for text in first) > len(first) / 2
        ],
    }


def _correlations(table: Table, at_most: int = 40) -> dict[str, Any]:
    """Pearson's correlation of each pair of numeric columns over the rows where both are known."""
    names = [column.name for column in table.schema if column.type in NUMERIC][:at_most]
    size = len(names)
    counts, sums, products, squares = (np.zeros((size, size)) for _ in range(4))
    shift: np.ndarray | None = None
    for batch in table.batches(names):
        values = np.column_stack(
            [column.cast(pa.float64()).to_numpy(zero_copy_only=False) for column in batch.columns] or [[]]
        )
        known = np.isfinite(values)
        if shift is None:
            # A value near the mean taken off everywhere keeps the sums small and the differences exact.
            shift = np.where(known, values, 0.0).sum(0) / known.sum(0).clip(1)
        centred = np.where(known, values - shift, 0.0)
        marks = known.astype(float)
        counts += marks.T @ marks
        sums += centred.T @ marks
        products += centred.T @ centred
        squares += (centred**2).T @ marks
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = products - sums * sums.T / counts
        spread = squares - sums**2 / counts
        matrix = covariance / np.sqrt(spread * spread.T)
    return {"columns": names, "matrix": [[plain(value) for value in row] for row in np.clip(matrix, -1, 1)]}


def _remarks(result: dict[str, Any]) -> list[dict[str, Any]]:
    columns = result["columns"]
    found = []
    for flag, code, words in (
        ("all_null", "all_null", "No value at all in {}; a model learns nothing from it."),
        ("constant", "constant", "Only one value in {}; a model learns nothing from it."),
        ("identifier", "identifier", "A different value in every row in {}: probably an identifier, not a feature."),
        ("personal", "personal", "The values in {} look like personal data; check the classification of the source."),
    ):
        names = [column["name"] for column in columns if column.get(flag)]
        if names:
            found.append({"code": code, "columns": names, "sentence": words.format(listed(names))})
    repeated = result["duplicates"]["rows"]
    if repeated:
        sentence = (
            f"{counted(repeated, 'row')} {'repeats' if repeated == 1 else 'repeat'} an earlier row in every column."
        )
        found.append({"code": "duplicates", "columns": [], "sentence": sentence})
    return found


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def plain(value: Any) -> Any:
    """A number as JSON can carry it: Python's own types, and None where it is not finite."""
    if value is None:
        return None
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
