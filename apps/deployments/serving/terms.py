"""Conditions of use, row by row: inputs outside what a version was found fit for, and who has to confirm.

Ranges cost two comparisons a column and nothing where there are none. A missing value lies outside nothing: whether it
may be missing, the model's signature says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.deployments.serving.protocol import Rejected
from apps.models.engine.signatures import MISSING_TEXT, Columns

MOST_NAMED = 1_000  # rows named in an answer; all are counted


class Outside(Rejected):
    """Rows that the conditions do not allow; `rows` says how many."""

    def __init__(self, sentence: str, rows: int) -> None:
        super().__init__(422, sentence)
        self.rows = rows


@dataclass(frozen=True)
class Range:
    """One column's limits. `mask(values)` is true where a row lies outside."""

    column: str
    mask: Callable[[Any], np.ndarray]
    words: str
    is_strict: bool


@dataclass(frozen=True)
class Terms:
    """The conditions under which a version answers."""

    ranges: tuple[Range, ...] = ()
    needs_confirmation: bool = False

    @classmethod
    def read(cls, terms: Sequence[Mapping[str, Any]], signature: Mapping[str, Any]) -> "Terms":
        """The terms of an entry of the routing file."""
        types = {column["name"]: column["type"] for column in signature["inputs"]}
        ranges = tuple(_range(term, types) for term in terms if term["kind"] == "inputs")
        return cls(ranges, any(term["kind"] == "confirm" for term in terms))

    def outside(self, columns: Columns) -> list[int]:
        """The rows outside, counted from 1; raises Outside where a strict condition does not allow one."""
        found: np.ndarray | None = None
        for one in self.ranges:
            mask = one.mask(columns[one.column])
            if not mask.any():
                continue
            if one.is_strict:
                rows = np.flatnonzero(mask) + 1
                more = f" and {len(rows) - 1:,} more rows" if len(rows) > 1 else ""
                raise Outside(f"Row {rows[0]}{more} cannot be answered here. {one.words}", len(rows))
            found = mask if found is None else found | mask
        return [] if found is None else [int(row) + 1 for row in np.flatnonzero(found)]

    def said(self, outside: Sequence[int]) -> dict[str, Any]:
        """What an answer says about the conditions; empty when there is nothing to say."""
        said: dict[str, Any] = {"needs_confirmation": True} if self.needs_confirmation else {}
        if outside:
            said |= {"rows_outside_conditions": list(outside[:MOST_NAMED]), "outside_conditions": len(outside)}
        return said


NO_TERMS = Terms()


def _range(term: Mapping[str, Any], types: Mapping[str, str]) -> Range:
    limits = term["limits"]
    column = limits["column"]
    mask = _among(limits["values"], types[column]) if "values" in limits else _between(limits["least"], limits["most"])
    return Range(column, mask, term["words"], bool(term["is_strict"]))


def _between(least: float | None, most: float | None) -> Callable[[Any], np.ndarray]:
    low = -np.inf if least is None else np.float32(least)
    high = np.inf if most is None else np.float32(most)
    return lambda values: (values < low) | (values > high)


def _among(allowed: Sequence[str], kind: str) -> Callable[[Any], np.ndarray]:
    if kind == "boolean":
        known = [1.0 if one == "true" else 0.0 for one in allowed]
        return lambda values: ~(np.isin(values, known) | np.isnan(values))
    inside = {*allowed, MISSING_TEXT}
    return lambda values: np.fromiter((value not in inside for value in values), dtype=bool, count=len(values))
