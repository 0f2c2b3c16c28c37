"""What is counted of a text or an embedding: a few numbers and a language, as columns of their own.

`review` gives `review.length`, `review.words` and so on. They are counted, compared and judged as any other column, so
that what can be said of a text without reading it costs a check no more than a number does. Null and empty are null.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.models.engine.signatures import EMBEDDING, TEXT
from apps.monitoring.engine import embeddings

LONGEST_LOOK = 300  # characters of a text that its language is told by
UNKNOWN = "unknown"
SURE = 0.8  # probability from which a language is told
LEAST_LETTERS = 12  # letters without which a language is a guess

DEFINITIONS = {
    "length": "Characters of the text.",
    "words": "Runs of characters between white space.",
    "letters": "Share of characters that are letters, of any script.",
    "digits": "Share of characters that are decimal digits.",
    "foreign": "Share of characters beyond ASCII.",
    "language": f"Language of the first {LONGEST_LOOK} characters as py3langid tells it; "
    f"“{UNKNOWN}” with fewer than {LEAST_LETTERS} letters in them, or less sure than {SURE:.0%}.",
    "norm": "Euclidean length of the embedding.",
}
MEASURES = {TEXT: ("length", "words", "letters", "digits", "foreign", "language"), EMBEDDING: ("norm",)}


def counted_of(name: str, kind: str) -> list[tuple[str, str]]:
    """The columns that are counted of this one, each with its kind."""
    return [(f"{name}.{one}", "category" if one == "language" else "numeric") for one in MEASURES[kind]]


def complete(table: pa.Table, names: Iterable[str]) -> pa.Table:
    """The table with those of the columns named that are counted of texts and embeddings in it."""
    known = set(table.column_names)
    for name in names:
        source, _, measure = name.rpartition(".")
        if name not in known and source in known and measure in MAKERS:
            table = table.append_column(name, MAKERS[measure](table.column(source)))
    return table


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = column.cast(pa.string())
    return pc.if_else(pc.match_substring_regex(text, r"\S"), text, pa.scalar(None, pa.string()))


def _length(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.utf8_length(_text(column)).cast(pa.float64())


def _counted(pattern: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.count_substring_regex(_text(column), pattern).cast(pa.float64())


def _share(pattern: str) -> Callable[[pa.ChunkedArray], pa.ChunkedArray]:
    return lambda column: pc.divide(_counted(pattern, column), _length(column))


def _languages(column: pa.ChunkedArray) -> pa.ChunkedArray:
    encoded = pc.utf8_slice_codeunits(_text(column), 0, LONGEST_LOOK).combine_chunks().dictionary_encode()
    told = pa.array([language_of(one) for one in encoded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([told.take(encoded.indices)])


def language_of(text: str) -> str:
    """The language of a text as its code in ISO 639."""
    if sum(map(str.isalpha, text)) < LEAST_LETTERS and text.isascii():
        return UNKNOWN
    told, sure = _identifier().classify(text)
    return str(told) if sure >= SURE else UNKNOWN


@functools.cache
def _identifier() -> Any:
    from py3langid import langid

    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)


def _norms(column: pa.ChunkedArray) -> pa.ChunkedArray:
    found, rows = embeddings.matrix(column)
    values = np.full(len(column), np.nan)
    values[rows] = np.linalg.norm(found.astype(np.float64), axis=1) if len(rows) else 0.0
    return pa.chunked_array([pa.array(values, from_pandas=True)])


MAKERS: dict[str, Callable[[Any], pa.ChunkedArray]] = {
    "length": _length,
    "words": lambda column: _counted(r"\S+", column),
    "letters": _share(r"\p{L}"),
    "digits": _share(r"\p{Nd}"),
    "foreign": _share(r"[^\x00-\x7F]"),
    "language": _languages,
    "norm": _norms,
}
