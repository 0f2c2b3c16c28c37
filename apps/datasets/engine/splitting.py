"""Dividing a table into parts, by time or at random: the same plan on the same rows always gives the same parts."""

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .errors import DataError, RecipeInvalid
from .hashing import SALTS, mixed, row_hashes
from .profile import Moments, plain
from .schema import DATE, NUMBER, TEMPORAL, Column, Schema, counted, listed
from .tables import Progress, Table, TableFile, TableWriter, silent
from .values import plain_value, typed

TIME, RANDOM = "time", "random"
MOST_PARTS = 10
MOST_STRATA = 10_000
BALANCED = 20


@dataclass(frozen=True)
class Part:
    """One part of a plan: its share of the rows, or the time up to which its rows reach (not included)."""

    name: str
    share: float = 0.0
    until: str = ""


@dataclass(frozen=True)
class SplitPlan:
    """How to divide a table.

    method     time: cut `column` at each part's `until`; the last part takes the rest
               random: each part gets its `share`; `seed` decides which rows
    stratify   random only: each value of this column is divided by the same shares
    together   random only: rows with the same value of this column stay in one part
    target     the column whose balance over the parts is reported
    """

    method: str
    parts: tuple[Part, ...]
    column: str = ""
    seed: int = 0
    stratify: str = ""
    together: str = ""
    target: str = ""

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "SplitPlan":
        """The plan from plain values; raises RecipeInvalid with every problem by its field."""
        known = ("method", "parts", "column", "seed", "stratify", "together", "target")
        problems = [(name, f"A split has no {name}; it has {listed(known)}.") for name in raw if name not in known]
        parts = _parts(raw.get("parts"), problems)
        seed = raw.get("seed", 0)
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
            problems.append(("seed", "The seed must be a whole number from 0 on."))
            seed = 0
        texts = {name: str(raw.get(name) or "") for name in ("method", "column", "stratify", "together", "target")}
        plan = cls(parts=parts, seed=seed, **texts)
        problems += plan._problems()
        if problems:
            raise RecipeInvalid(
                problems[0][1],
                [{"step": 0, "kind": "split", "field": name, "sentence": sentence} for name, sentence in problems],
            )
        return plan

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        key = "until" if self.method == TIME else "share"
        parts = [
            {"name": part.name, key: getattr(part, key)} if getattr(part, key) else {"name": part.name}
            for part in self.parts
        ]
        raw: dict[str, Any] = {"method": self.method, "parts": parts}
        for name in ("column", "stratify", "together", "target"):
            if getattr(self, name):
                raw[name] = getattr(self, name)
        return raw | ({"seed": self.seed} if self.method == RANDOM else {})

    def sentence(self) -> str:
        """What the plan does, in words."""
        if self.method == TIME:
            cuts = [f"{part.name} up to {part.until}" for part in self.parts if part.until]
            return f"By {self.column}: {', '.join(cuts)}, then {self.parts[-1].name}"
        shares = ", ".join(f"{part.name} {part.share:.0%}" for part in self.parts)
        return f"At random with seed {self.seed}: {shares}"

    def _problems(self) -> list[tuple[str, str]]:
        problems = []
        names = [part.name for part in self.parts]
        if not 2 <= len(names) <= MOST_PARTS:
            problems.append(("parts", f"A split has between 2 and {MOST_PARTS} parts."))
        if len(set(names)) < len(names) or not all(name.replace("_", "").replace("-", "").isalnum() for name in names):
            problems.append(("parts", "Every part needs a name of its own, of letters, digits, - and _."))
        if self.method == TIME:
            problems += self._time_problems()
        elif self.method == RANDOM:
            problems += self._random_problems()
        else:
            problems.append(("method", f"{self.method!r} is not a way to split; split by time or at random."))
        return problems

    def _time_problems(self) -> list[tuple[str, str]]:
        problems = []
        if not self.column:
            problems.append(("column", "A split by time needs a column with dates or times."))
        if any(not part.until for part in self.parts[:-1]):
            problems.append(("parts", "Every part but the last needs the time up to which it reaches."))
        if self.stratify or self.together:
            problems.append(("stratify", "A split by time cannot keep values together or in shares."))
        return problems

    def _random_problems(self) -> list[tuple[str, str]]:
        problems = []
        total = sum(part.share for part in self.parts)
        # Written so that a share that is no number fails too.
        if not all(part.share > 0 for part in self.parts) or not abs(total - 1) <= 1e-6:
            problems.append(("parts", "The shares must be above 0 and add up to 1."))
        if self.stratify and self.together:
            problems.append(("together", "Rows can be kept together or divided by shares of a column, not both."))
        return problems

    def check(self, schema: Schema) -> None:
        """Raise RecipeInvalid when the plan does not fit the columns."""
        for name in ("column", "stratify", "together", "target"):
            column = getattr(self, name)
            if column and column not in schema:
                raise _misfit(name, f"There is no column {column!r}; the columns are {listed(schema.names)}.")
        if self.method == TIME:
            self._cuts(schema)

    def _cuts(self, schema: Schema) -> list[Any]:
        kind = schema[self.column].type
        if kind not in TEMPORAL:
            raise _misfit("column", f"{self.column} is {kind}; a split by time needs dates or times.")
        try:
            cuts = [typed(part.until, kind).as_py() for part in self.parts if part.until]
        except ValueError as error:
            raise _misfit("parts", str(error)) from error
        if any(later <= earlier for earlier, later in itertools.pairwise(cuts)):
            raise _misfit("parts", "The times up to which the parts reach must rise from part to part.")
        return cuts


def _parts(raw: Any, problems: list[tuple[str, str]]) -> tuple[Part, ...]:
    if not isinstance(raw, list) or not all(isinstance(part, Mapping) and part.get("name") for part in raw):
        problems.append(("parts", "Parts are a list, each with a name and a share or a time."))
        return ()
    parts = []
    for part in raw:
        share = part.get("share") or 0.0
        if isinstance(share, bool) or not isinstance(share, int | float):
            problems.append(("parts", f"The share of {part['name']} must be a number."))
            share = 0.0
        parts.append(Part(str(part["name"]), float(share), str(plain_value(part.get("until") or ""))))
    return tuple(parts)


def _misfit(name: str, sentence: str) -> RecipeInvalid:
    return RecipeInvalid(sentence, [{"step": 0, "kind": "split", "field": name, "sentence": sentence}])


@dataclass(frozen=True)
class SplitResult:
    """The files of the parts by name, and the report."""

    files: dict[str, TableFile]
    report: dict[str, Any]


def split(source: Path, folder: Path, plan: SplitPlan, progress: Progress = silent) -> SplitResult:
    """Write each part of the table as `<folder>/<part>.parquet`, its rows in their order.

    Random parts are drawn from a hash of seed and row number, so they depend on nothing else; their sizes are exact to
    one row (in each stratum, when stratified). Rows without a time belong to no part of a split by time, and are
    counted.
    """
    table = Table(source)
    plan.check(table.schema)
    assigned = _by_time(table, plan) if plan.method == TIME else _at_random(table, plan)
    _refuse_empty(plan, assigned)
    writers = {part.name: TableWriter(Path(folder) / f"{part.name}.parquet", table.schema) for part in plan.parts}
    balances = {part.name: _Balance(table.schema, plan) for part in plan.parts}
    start = 0
    for batch in table.batches():
        numbers = assigned[start : start + batch.num_rows]
        for number, part in enumerate(plan.parts):
            chosen = batch.filter(pa.array(numbers == number))
            writers[part.name].write(chosen)
            balances[part.name].saw(chosen)
        start += batch.num_rows
        progress(start, table.rows)
    files = {name: writer.close() for name, writer in writers.items()}
    return SplitResult(files, _report(table, plan, files, balances, int((assigned < 0).sum())))


def _by_time(table: Table, plan: SplitPlan) -> np.ndarray:
    cuts = pa.array(plan._cuts(table.schema), table.schema[plan.column].physical)
    whole = pa.int32() if table.schema[plan.column].type == DATE else pa.int64()
    edges = cuts.cast(whole).to_numpy()
    found = []
    for values in table.column(plan.column):
        places = np.searchsorted(edges, pc.fill_null(values.cast(whole), 0).to_numpy(), side="right")
        # A last part with a time of its own ends there; what comes later belongs to none.
        outside = pc.is_null(values).to_numpy(zero_copy_only=False) | (places >= len(plan.parts))
        found.append(np.where(outside, -1, places).astype(np.int8))
    return np.concatenate(found) if found else np.zeros(0, np.int8)


def _at_random(table: Table, plan: SplitPlan) -> np.ndarray:
    seed = mixed(np.array([plan.seed], np.uint64) ^ SALTS[0])[0]
    shares = np.array([part.share for part in plan.parts])
    if plan.together:
        return _groups_at_random(table, plan, seed, shares)
    keys = mixed(np.arange(table.rows, dtype=np.uint64) ^ seed)
    if not plan.stratify:
        return _drawn(np.argsort(keys, kind="stable"), shares, table.rows)
    strata = _codes(table, table.schema[plan.stratify])
    count = int(strata.max()) + 1 if len(strata) else 0
    if count > MOST_STRATA:
        raise DataError(
            f"{plan.stratify} has {count:,} values; at most {MOST_STRATA:,} can be divided each by the same shares.",
            code="too_many_strata",
        )
    assigned = np.full(table.rows, -1, np.int8)
    order = np.lexsort((keys, strata))
    starts = np.searchsorted(strata[order], np.arange(count + 1))
    for low, high in itertools.pairwise(starts):
        rows = order[low:high]
        assigned[rows] = _drawn(np.arange(len(rows)), shares, len(rows))
    return assigned


def _drawn(order: np.ndarray, shares: np.ndarray, rows: int) -> np.ndarray:
    """The part of each row when rows are handed out in this order; sizes by largest remainder."""
    sizes = np.floor(shares * rows + 1e-9).astype(np.int64)
    remainders = shares * rows - sizes
    for place in np.argsort(-remainders, kind="stable")[: rows - int(sizes.sum())]:
        sizes[place] += 1
    assigned = np.empty(rows, np.int8)
    assigned[order] = np.repeat(np.arange(len(shares), dtype=np.int8), sizes)
    return assigned


def _codes(table: Table, column: Column) -> np.ndarray:
    """For each row a number of its value, rising with the value's hash; missing is a value."""
    hashes = [row_hashes(batch, [column])[0] for batch in table.batches([column.name])]
    if not hashes:
        return np.zeros(0, np.int64)
    return np.unique(np.concatenate(hashes), return_inverse=True)[1].reshape(-1)


def _groups_at_random(table: Table, plan: SplitPlan, seed: np.uint64, shares: np.ndarray) -> np.ndarray:
    """Whole groups in random order; a group goes to the part in which its middle row falls."""
    column = table.schema[plan.together]
    hashes = [row_hashes(batch, [column])[0] for batch in table.batches([column.name])]
    groups, codes, sizes = np.unique(np.concatenate(hashes), return_inverse=True, return_counts=True)
    order = np.argsort(mixed(groups ^ seed), kind="stable")
    ends = np.cumsum(sizes[order])
    middles = (ends - sizes[order] / 2) / table.rows
    parts = np.minimum(np.searchsorted(np.cumsum(shares), middles, side="right"), len(shares) - 1)
    of_group = np.empty(len(groups), np.int8)
    of_group[order] = parts
    return of_group[codes.reshape(-1)]


def _refuse_empty(plan: SplitPlan, assigned: np.ndarray) -> None:
    empty = [part.name for number, part in enumerate(plan.parts) if not (assigned == number).any()]
    if empty:
        advice = "move the times" if plan.method == TIME else "change the shares, or use more rows"
        raise DataError(
            f"No row falls into {listed(empty)}; {advice}, so that every part has rows.", code="empty_part", parts=empty
        )


class _Balance:
    """The distribution of the target, and the range of the time column, in one part."""

    def __init__(self, schema: Schema, plan: SplitPlan) -> None:
        self.target = schema[plan.target] if plan.target else None
        self.time = plan.column if plan.method == TIME else ""
        self.counts: Counter[Any] = Counter()
        self.moments = Moments()
        self.first: Any = None
        self.last: Any = None

    def saw(self, batch: pa.RecordBatch) -> None:
        """Take more rows of the part."""
        if not batch.num_rows:
            return
        if self.time:
            span = pc.min_max(batch.column(self.time)).as_py()
            self.first = span["min"] if self.first is None else min(self.first, span["min"])
            self.last = span["max"] if self.last is None else max(self.last, span["max"])
        if self.target is None:
            return
        values = batch.column(self.target.name)
        if self.target.type == NUMBER:
            known = values.drop_null().to_numpy(zero_copy_only=False)
            self.moments.add(known[np.isfinite(known)])
            return
        counts = pc.value_counts(values)
        self.counts.update(
            dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))
        )

    def report(self, rows: int) -> dict[str, Any]:
        """What is said of the part."""
        said: dict[str, Any] = {}
        if self.time:
            said |= {"from": plain_value(self.first), "to": plain_value(self.last)}
        if self.target is not None and self.target.type == NUMBER:
            said["target"] = {"mean": plain(self.moments.mean), "sd": plain(self.moments.sd)}
        elif self.target is not None:
            top = sorted(self.counts.items(), key=lambda item: (-item[1], str(item[0])))[:BALANCED]
            said["target"] = {
                "values": [
                    {"value": plain_value(value), "count": count, "share": round(count / rows, 6)}
                    for value, count in top
                ]
            }
        return said


def _report(
    table: Table, plan: SplitPlan, files: dict[str, TableFile], balances: dict[str, _Balance], unplaced: int
) -> dict[str, Any]:
    parts = [
        {
            "name": name,
            "rows": file.rows,
            "share": round(file.rows / table.rows, 6),
            "sha256": file.sha256,
            "bytes": file.bytes,
            **balances[name].report(file.rows),
        }
        for name, file in files.items()
    ]
    notes = []
    if unplaced:
        belong = "belongs" if unplaced == 1 else "belong"
        rows = counted(unplaced, "row")
        notes.append(f"{rows} without a time in {plan.column}, or after the last part, {belong} to no part.")
    return {"rows": table.rows, "unplaced": unplaced, "parts": parts, "notes": notes, "sentence": plan.sentence()}
