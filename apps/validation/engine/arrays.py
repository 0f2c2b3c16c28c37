"""Names for the arrays that the checks pass around, and turning them into JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
Columns = Mapping[str, Array]
Line = dict[str, Any]


def plain(value: Any) -> Any:
    """The value as JSON can carry it: NumPy scalars as Python's, arrays as lists, NaN and infinities as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    return str(value)


def is_number(values: Array) -> bool:
    """True for a column of figures; categories and text come as objects."""
    return bool(np.issubdtype(values.dtype, np.number) or np.issubdtype(values.dtype, np.bool_))


def is_missing(values: Array) -> Flags:
    """Which entries are absent: NaN in figures; None, NaN or "" among objects (models are given "" for absent)."""
    if np.issubdtype(values.dtype, np.floating):
        return np.isnan(values)
    if values.dtype == object:
        return np.array([item is None or item == "" or item != item for item in values.tolist()], dtype=bool)
    return np.zeros(len(values), dtype=bool)


def word(item: Any) -> str:
    """An entry as a reader would write it: 1.0 is 1."""
    return f"{item:g}" if isinstance(item, float) else str(item)


def codes(values: Array, levels: list[str] | None = None) -> tuple[Whole, list[str]]:
    """Whole numbers for the distinct values in sorted order, and their names; -1 for missing or not among `levels`."""
    missing = is_missing(values)
    names = np.array([word(item) for item in values.tolist()], dtype=object)
    if levels is None:
        levels = sorted(set(names[~missing].tolist()))
    place = {name: number for number, name in enumerate(levels)}
    found = np.array([place.get(name, -1) for name in names.tolist()], dtype=np.int64)
    found[missing] = -1
    return found, levels


_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def mixed(numbers: Array) -> Array:
    """64 bits of each whole number stirred so that near numbers come out far apart (splitmix64)."""
    stirred = numbers.astype(np.uint64) + _MIX[0]
    stirred = (stirred ^ (stirred >> np.uint64(30))) * _MIX[1]
    stirred = (stirred ^ (stirred >> np.uint64(27))) * _MIX[2]
    return np.asarray(stirred ^ (stirred >> np.uint64(31)))


def figure_bits(figures: Floats) -> Array:
    """The bits of each figure; every NaN is the same and zero has one sign."""
    same = figures + 0.0
    same[np.isnan(same)] = np.nan
    return same.view(np.uint64)
