"""Arrays and a little JSON as bytes: the same content gives the same bytes, and damage is noticed."""

import json
import math
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

HEAD = struct.Struct("<4sBQI")  # magic, codec, size unpacked, checksum
RAW, ZSTD = 0, 1


class Damaged(ValueError):
    """The bytes are not what was written: cut off, changed, or of another kind."""


def pack(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Header and arrays as bytes, uncompressed and always the same for the same content, so that their hash names
    them.
    """
    index = [[name, _little(arrays[name]).dtype.str, list(arrays[name].shape)] for name in sorted(arrays)]
    text = json.dumps(
        {"header": header, "arrays": index}, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()
    parts = [struct.pack("<I", len(text)), text, *(_little(arrays[name]).tobytes() for name in sorted(arrays))]
    return b"".join(parts)


def unpack(data: bytes | memoryview) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and arrays from what `pack` wrote."""
    try:
        size = struct.unpack_from("<I", data)[0]
        described = orjson.loads(data[4 : 4 + size])
        arrays, place = {}, 4 + size
        for name, kind, shape in described["arrays"]:
            length = math.prod(shape)
            arrays[name] = np.frombuffer(data, dtype=kind, count=length, offset=place).reshape(shape)
            place += arrays[name].nbytes
        return described["header"], arrays
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise Damaged("These bytes do not hold what they should.") from error


def compress(data: bytes, magic: bytes) -> bytes:
    """The bytes compressed (zstd, or as they are where that is no gain), with a mark of their kind and a checksum."""
    smaller = pa.Codec("zstd").compress(data, asbytes=True)
    kind, body = (ZSTD, smaller) if len(smaller) < len(data) else (RAW, data)
    return HEAD.pack(magic, kind, len(data), zlib.crc32(data)) + body


def decompress(blob: bytes, magic: bytes) -> bytes:
    """What `compress` was given, or Damaged."""
    ((_, (data,)),) = stacked([blob], magic)
    return data.tobytes()


def stacked(blobs: Iterable[bytes], magic: bytes) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """What `compress` was given, or Damaged: all that is of one size together, with that size [blobs, size].

    Many frames are unpacked as one, which takes half the time of one by one.
    """
    alike: dict[tuple[int, int], tuple[list[memoryview], list[int]]] = {}
    for blob in blobs:
        if len(blob) < HEAD.size:
            raise Damaged("These bytes are cut off.")
        found, kind, size, checksum = HEAD.unpack_from(blob)
        if found != magic:
            raise Damaged(f"These bytes are of kind {found!r}, not {magic!r}.")
        bodies, checksums = alike.setdefault((kind, size), ([], []))
        bodies.append(memoryview(blob)[HEAD.size :])
        checksums.append(checksum)
    for (kind, size), (bodies, checksums) in alike.items():
        data = _unpacked(bodies, kind, size)
        if [zlib.crc32(row) for row in data] != checksums:
            raise Damaged("These bytes were changed after they were written.")
        yield size, data


def _unpacked(bodies: list[memoryview], kind: int, size: int) -> NDArray[np.uint8]:
    joined = b"".join(bodies) if len(bodies) > 1 else bodies[0]
    try:
        data = pa.Codec("zstd").decompress(joined, size * len(bodies)) if kind == ZSTD else joined
        return np.frombuffer(data, dtype=np.uint8).reshape(len(bodies), size)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Damaged("These bytes cannot be read: they are cut off or changed.") from error


def _little(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
