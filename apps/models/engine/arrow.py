"""From Arrow tables and Parquet files to the columns of a signature, and to the truth of a target."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .signatures import (
    LARGEST_EXACT_INTEGER,
    MISSING_TEXT,
    Columns,
    Input,
    Signature,
    SignatureError,
    class_key,
    summary,
)


def read(path: Path, names: list[str]) -> pa.Table:
    """The named columns of a Parquet file; raises SignatureError for a broken file or missing columns."""
    return opened(path, names).read(columns=names)


def opened(path: Path, names: list[str]) -> pq.ParquetFile:
    """A Parquet file with these columns, not yet read; raises SignatureError for a broken file or missing columns."""
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise SignatureError(
            "The file cannot be read as Parquet. It may be damaged; prepare the dataset again."
        ) from error
    missing = [name for name in names if name not in file.schema_arrow.names]
    if missing:
        problems = dict.fromkeys(missing, "is missing.")
        raise SignatureError(summary("The dataset lacks columns", problems), problems)
    return file


def column_names(path: Path) -> list[str]:
    """The column names of a Parquet file."""
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowInvalid, OSError) as error:
        raise SignatureError(
            "The file cannot be read as Parquet. It may be damaged; prepare the dataset again."
        ) from error


def columns(signature: Signature, table: pa.Table) -> Columns:
    """Arrays for every input of the signature; raises SignatureError naming every column that does not fit."""
    problems = {name: "is missing." for name in signature.names if name not in table.column_names}
    arrays: Columns = {}
    for column in signature.inputs:
        if column.name in problems:
            continue
        try:
            arrays[column.name] = array(column, table.column(column.name))
        except ValueError as error:
            problems[column.name] = str(error)
    if problems:
        raise SignatureError(summary("The data do not fit the model", problems), problems)
    return arrays


def kind_of(type_: pa.DataType) -> str | None:
    """The signature type that an Arrow type can travel as, or None."""
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_boolean(type_):
        return "boolean"
    if pa.types.is_integer(type_):
        return "integer"
    if pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "number"
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return "string"
    return "number" if pa.types.is_null(type_) else None


def array(column: Input, values: pa.ChunkedArray) -> np.ndarray:
    """One column in its travelling form; raises ValueError with what is wrong, beginning with a verb."""
    found = kind_of(values.type)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if values.null_count and not column.nullable:
        raise ValueError("must not have empty values.")
    if column.type == "string":
        return _text(values, found)
    if found not in ("number", "integer", "boolean"):
        raise ValueError(f"must be of type {column.type}, but holds {values.type}.")
    numbers = np.asarray(pc.cast(values, pa.float64()).to_numpy(), dtype=np.float64)
    if column.type == "integer":
        _check_whole(numbers)
    return numbers.astype(np.float32)


def _text(values: pa.ChunkedArray, found: str | None) -> np.ndarray:
    """Words; whole numbers and booleans that serve as codes become words too."""
    if found == "integer":
        values = values.cast(pa.string())
    elif found == "boolean":
        values = pc.if_else(values, "true", "false")
    elif found != "string" and not pa.types.is_null(values.type):
        raise ValueError(f"must be of type string, but holds {values.type}.")
    texts = pc.fill_null(values.cast(pa.string()), MISSING_TEXT).to_numpy(zero_copy_only=False)
    return np.asarray(texts, dtype=object)


def _check_whole(numbers: np.ndarray) -> None:
    known = numbers[~np.isnan(numbers)]
    if known.size and np.any(known != np.floor(known)):
        raise ValueError("must hold whole numbers.")
    if known.size and np.abs(known).max() > LARGEST_EXACT_INTEGER:
        raise ValueError(f"must lie within ±{LARGEST_EXACT_INTEGER}; treat larger codes as text.")


def truth(signature: Signature, values: pa.ChunkedArray) -> np.ndarray:
    """Regression: float64 with NaN for unknown. Classes: int32 positions in `classes`, -1 for unknown or foreign."""
    if signature.task == "regression":
        if kind_of(values.type) not in ("number", "integer"):
            raise SignatureError(f"The target {signature.target} must hold numbers, but holds {values.type}.")
        return np.asarray(pc.cast(values, pa.float64()).to_numpy(), dtype=np.float64)
    position = {class_key(value): index for index, value in enumerate(signature.classes)}
    unique = values.combine_chunks().dictionary_encode()
    codes = np.array(
        [position.get(class_key(item), -1) for item in unique.dictionary.to_pylist()] or [-1], dtype=np.int32
    )
    indices = pc.fill_null(unique.indices, -1).to_numpy(zero_copy_only=False)
    return np.where(indices < 0, np.int32(-1), codes[np.maximum(indices, 0)]).astype(np.int32)
