"""Columns of embeddings as they are received and kept: lists of 32-bit floats, all of one size, or null."""

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

TYPE = pa.list_(pa.float32())
LARGEST = float(np.finfo(np.float32).max)


def at_once(array: pa.Array, size: int) -> pa.Array | None:
    """The whole column as lists of floats; None when a value may not fit, so that they have to be looked at singly."""
    kinds = pa.types
    if kinds.is_null(array.type):
        return array.cast(TYPE)
    is_list = kinds.is_list(array.type) or kinds.is_large_list(array.type) or kinds.is_fixed_size_list(array.type)
    if not is_list or not (kinds.is_floating(array.type.value_type) or kinds.is_integer(array.type.value_type)):
        return None
    lengths = pc.list_value_length(array)
    found = array.cast(TYPE) if not pc.any(pc.not_equal(lengths, size)).as_py() else None
    numbers = None if found is None else found.flatten()
    if numbers is None or numbers.null_count or not pc.all(pc.is_finite(numbers), min_count=0).as_py():
        return None
    return found


def parsed(value: Any, size: int) -> list[float]:
    """One embedding from a list, or from JSON text as CSV has it; ValueError says what is wrong."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, list) or len(value) != size:
        raise ValueError(f"must be a list of {size} numbers.")
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in value):
        raise ValueError(f"must be a list of {size} numbers.")
    if not all(math.isfinite(one) and abs(one) <= LARGEST for one in value):
        raise ValueError("must hold finite numbers of 32 bits.")
    return [float(one) for one in value]


def matrix(column: pa.ChunkedArray) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The embeddings that are there [n, size], and the rows they stand in [n]."""
    array = column.combine_chunks()
    rows = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
    flat = np.asarray(array.drop_null().flatten(), dtype=np.float32)
    return flat.reshape(len(rows), -1) if len(rows) else np.empty((0, 0), dtype=np.float32), rows
