"""A sample of rows for what cannot be told from counts: texts as hashed pieces, embeddings as they are.

The rows of a sample are those whose keys have the smallest hashes (a bottom-k sketch), at most `MOST`. So a sample of
the union is the sample of the samples' union: adding is associative, commutative, and the same row twice is one row.
Of a text only the set of its hashed pieces is kept, which a classifier can learn from and nobody can read.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from apps.models.engine.signatures import EMBEDDING, TEXT, Content
from apps.monitoring.engine import codec, embeddings
from apps.monitoring.engine.exact import Floats

MAGIC = b"TNC1"
MOST = 500
PIECE = 4  # bytes
SPACE = 1 << 16  # hashes of pieces
LONGEST = 2_000  # characters of a text that are looked at

Hashes = NDArray[np.uint16]


@dataclass(frozen=True)
class Sample:
    """Rows of the smallest hashes: `keys` [n] rising; per text column the pieces of each row, one after another, and
    where each row's end; per embedding column the vectors [n, size], not a number where there was none.
    """

    keys: NDArray[np.uint64]
    texts: dict[str, tuple[Hashes, NDArray[np.int64]]]
    vectors: dict[str, NDArray[np.float32]]

    def __add__(self, other: "Sample") -> "Sample":
        return merge([self, other])

    @property
    def packed(self) -> bytes:
        """The sample as bytes: equal samples give equal bytes."""
        arrays: dict[str, NDArray] = {"keys": self.keys}
        for name, (pieces, ends) in self.texts.items():
            arrays |= {f"t.{name}": pieces, f"e.{name}": ends}
        return codec.pack({}, arrays | {f"v.{name}": one for name, one in self.vectors.items()})

    @property
    def sha256(self) -> str:
        """The hash that names this sample."""
        return hashlib.sha256(self.packed).hexdigest()

    def encode(self) -> bytes:
        """The sample as compressed bytes."""
        return codec.compress(self.packed, MAGIC)

    def pieces_of(self, name: str, row: int) -> Hashes:
        """The pieces of one text."""
        pieces, ends = self.texts[name]
        return pieces[ends[row - 1] if row else 0 : ends[row]]


def decode(blob: bytes) -> Sample:
    """A sample from its bytes; `codec.Damaged` when they were cut off or changed."""
    _, arrays = codec.unpack(codec.decompress(blob, MAGIC))
    texts = {name[2:]: (one, arrays[f"e.{name[2:]}"]) for name, one in arrays.items() if name.startswith("t.")}
    vectors = {name[2:]: one for name, one in arrays.items() if name.startswith("v.")}
    return Sample(arrays["keys"], texts, vectors)


def take(table: pa.Table, keys: Sequence[str], contents: Sequence[Content]) -> Sample:
    """The sample of these rows, named by their keys. Columns that are not there are null in every row."""
    hashes = np.frombuffer(
        b"".join(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest() for key in keys),
        dtype="<u8",
    )
    hashes, first = np.unique(hashes, return_index=True)
    rows = first[:MOST]
    chosen = table.take(pa.array(rows))
    texts, vectors = {}, {}
    for one in contents:
        column = chosen.column(one.name) if one.name in chosen.column_names else None
        if one.kind == TEXT:
            texts[one.name] = _together(pieces(text) for text in _texts(column, len(rows)))
        elif one.kind == EMBEDDING:
            vectors[one.name] = _vectors(column, len(rows), one.size)
    return Sample(hashes[:MOST].astype(np.uint64), texts, vectors)


def _texts(column: pa.ChunkedArray | None, rows: int) -> list[str]:
    return [""] * rows if column is None else pc.fill_null(column.cast(pa.string()), "").to_pylist()


def _vectors(column: pa.ChunkedArray | None, rows: int, size: int) -> NDArray[np.float32]:
    table = np.full((rows, size), np.nan, dtype=np.float32)
    if column is not None:
        found, places = embeddings.matrix(column)
        if len(places):
            table[places] = found
    return table


def _together(rows: Iterable[Hashes]) -> tuple[Hashes, NDArray[np.int64]]:
    many = list(rows)
    whole = np.concatenate(many) if many else np.empty(0, dtype=np.uint16)
    return whole, np.cumsum([len(one) for one in many], dtype=np.int64)


def pieces(text: str) -> Hashes:
    """The distinct hashes of a text's pieces: every run of four bytes of its UTF-8, lower case, white space as one."""
    plain = f" {' '.join(text[:LONGEST].lower().split())} ".encode("utf-8", "replace")
    if len(plain) < PIECE:
        return np.empty(0, dtype=np.uint16)
    letters = np.frombuffer(plain, dtype=np.uint8).astype(np.uint64)
    runs = sum(letters[at : len(letters) - PIECE + 1 + at] << np.uint64(8 * at) for at in range(PIECE))
    # Knuth's multiplicative hash: the upper half of the product is the better mixed.
    mixed = (np.asarray(runs) * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    return np.unique(mixed >> np.uint64(16)).astype(np.uint16)


def merge(samples: Iterable[Sample]) -> Sample:
    """The sample of all their rows together; at least one sample, all of the same columns."""
    many = list(samples)
    keys, first = np.unique(np.concatenate([one.keys for one in many]), return_index=True)
    owners = np.concatenate([np.full(len(one.keys), place) for place, one in enumerate(many)])
    rows = np.concatenate([np.arange(len(one.keys)) for one in many])
    chosen = [(many[owners[place]], int(rows[place])) for place in first[:MOST]]
    texts = {name: _together(one.pieces_of(name, row) for one, row in chosen) for name in many[0].texts}
    places = first[:MOST]
    vectors = {name: np.concatenate([one.vectors[name] for one in many])[places] for name in many[0].vectors}
    return Sample(keys[:MOST], texts, vectors)


def rows_with(sample: Sample, name: str) -> NDArray[np.int64]:
    """The places of the rows that have a value in this column."""
    if name in sample.vectors:
        return np.flatnonzero(~np.isnan(sample.vectors[name]).any(axis=1))
    return np.flatnonzero(np.diff(sample.texts[name][1], prepend=0) > 0)


def embeddings_of(sample: Sample, name: str) -> Floats:
    """The vectors that are there [n, size]."""
    return sample.vectors[name][rows_with(sample, name)].astype(np.float64)
