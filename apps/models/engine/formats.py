"""What a file really is, read from its bytes. Names and endings of uploads say nothing."""

from __future__ import annotations

import pickletools
import re
import zipfile
from pathlib import Path

HEAD = 4096
PICKLE_LOOK = 1 << 20
_NAMED = re.compile(r"[\w.]+ [\w.<>]+")

# Formats that Tenure takes. Everything else is named in its refusal.
ACCEPTED = {"onnx", "skops"}

TITLES = {
    "onnx": "ONNX",
    "skops": "skops",
    "pickle": "a Python pickle",
    "compressed": "a compressed file, as joblib writes them",
    "torch": "a PyTorch checkpoint (a pickle in a zip)",
    "zip": "a zip archive",
    "keras": "a Keras model",
    "hdf5": "an HDF5 file",
    "tflite": "a TensorFlow Lite model",
    "gguf": "a GGUF language model",
    "safetensors": "a safetensors file (weights without a model)",
    "lightgbm": "a LightGBM text model",
    "xgboost": "an XGBoost model",
    "json": "a JSON file",
    "parquet": "a Parquet file",
    "text": "a text file",
    "empty": "empty",
    "unknown": "of a kind Tenure does not know",
}

ADVICE = {
    "pickle": "A pickle is a program that runs when it is opened, so it is never opened here.",
    "compressed": "joblib files are pickles, programs that run when they are opened, so they are never opened here.",
    "torch": "A checkpoint is opened by unpickling, which runs code, so it is never opened here.",
}

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "compressed"),
    (b"\x78\x01", "compressed"),
    (b"\x78\x5e", "compressed"),
    (b"\x78\x9c", "compressed"),
    (b"\x78\xda", "compressed"),
    (b"BZh", "compressed"),
    (b"\xfd7zXZ\x00", "compressed"),
    (b"\x04\x22\x4d\x18", "compressed"),
    (b"\x28\xb5\x2f\xfd", "compressed"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"GGUF", "gguf"),
    (b"PAR1", "parquet"),
    (b"tree\n", "lightgbm"),
    (b"{L\x00", "xgboost"),
    (b"{", "json"),
)


def detect(path: Path) -> str:
    """The format of a file; a key of TITLES. Nothing is executed, no archive is unpacked."""
    with open(path, "rb") as handle:
        head = handle.read(HEAD)
    if not head:
        return "empty"
    if head.startswith(b"PK\x03\x04"):
        return _zip(path)
    if head[:1] == b"\x80" and head[1:2] in b"\x01\x02\x03\x04\x05":
        return "pickle"
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return "xgboost" if name == "json" and b'"learner"' in head else name
    if head[4:8] == b"TFL3":
        return "tflite"
    if len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 30:
        return "safetensors"
    if _is_pickle(path):
        return "pickle"
    if head[:1] in (b"\x08", b"\x12", b"\x1a", b"\x3a", b"\x42"):
        return "onnx"  # a protobuf message so far; the gate parses it whole
    return "text" if _is_text(head) else "unknown"


def _zip(path: Path) -> str:
    """What kind of archive: by its members."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return "zip"
    if "schema.json" in names:
        return "skops"
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        return "torch"
    return "keras" if "config.json" in names and "model.weights.h5" in names else "zip"


def _is_pickle(path: Path) -> bool:
    """Whether the bytes are a complete pickle of the old text protocol; pickletools reads without executing."""
    with open(path, "rb") as handle:
        data = handle.read(PICKLE_LOOK)
    found = False
    try:
        for opcode, argument, _ in pickletools.genops(data):
            # Text may begin like a pickle that names something, as the first line of a CSV does.
            named = opcode.name not in ("GLOBAL", "INST") or _NAMED.fullmatch(str(argument))
            found = found or (opcode.name in ("REDUCE", "GLOBAL", "INST", "OBJ", "BUILD") and bool(named))
    except Exception:
        return found and len(data) == PICKLE_LOOK
    return found


def _is_text(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return len(head) == HEAD and error.start > HEAD - 4  # cut within a character
    return b"\x00" not in head


def refusal(found: str, name: str) -> str:
    """The sentence for a file that is not taken."""
    ending = Path(name).suffix.lower()
    named = f", although its name ends in {ending}" if ending in (".onnx", ".skops") else ""
    advice = ADVICE.get(found, "")
    return f"This file is {TITLES[found]}{named}. {advice} Export the model as ONNX or skops and upload that.".replace(
        "  ", " "
    )
