"""What a file is, and what the static gate says about ONNX files that try something."""

from __future__ import annotations

import gzip
import io
import pickle  # noqa: TID251 - to make the file that has to be refused
import zipfile
from pathlib import Path

import onnx
import pytest

from apps.models.engine import formats, gate
from tests.models.engine import hostile


def codes(content: bytes, **keywords: object) -> list[str]:
    """Codes of what stops a file."""
    report = gate.examine(content, **keywords)  # type: ignore[arg-type]
    return [finding.code for finding in report.findings if finding.severity == "stop"]


def test_honest_model_passes_and_is_described() -> None:
    report = gate.examine(hostile.honest())

    assert report.passes
    assert report.graph["inputs"] == [{"name": "x", "type": "float", "shape": [None, 2]}]
    assert report.graph["operators"] == {"MatMul": 1}


@pytest.mark.parametrize("name", hostile.HOSTILE)
def test_hostile_model_is_stopped(name: str) -> None:
    build, code = hostile.HOSTILE[name]

    report = gate.examine(build().SerializeToString())

    assert not report.passes
    assert code in [finding.code for finding in report.findings]
    assert all(finding.sentence.endswith(".") for finding in report.findings)


def test_allowed_operator_passes() -> None:
    build, _ = hostile.HOSTILE["chance"]

    assert codes(build().SerializeToString(), allow=("RandomNormalLike",)) == []


def test_cut_off_file_is_stopped() -> None:
    assert codes(hostile.honest()[:-20]) == ["parse"]


def test_too_large_a_file_is_stopped_before_it_is_parsed() -> None:
    assert codes(hostile.honest(), size_limit=10) == ["size"]


def test_graph_that_is_not_well_formed_is_stopped() -> None:
    broken = hostile.model([onnx.helper.make_node("MatMul", ["x", "nowhere"], ["value"])])

    assert codes(broken.SerializeToString()) == ["structure"]


class Payload:
    """Would run a program if it were unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("touch /tmp/ran",)


def archive(*names: str) -> bytes:
    """A zip with empty members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in names:
            made.writestr(name, b"")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (pickle.dumps(Payload()), "pickle"),
        (pickle.dumps(Payload(), protocol=0), "pickle"),
        (pickle.dumps(Payload(), protocol=2), "pickle"),
        (gzip.compress(pickle.dumps(Payload()), mtime=0), "compressed"),
        (archive("archive/data.pkl"), "torch"),
        (archive("schema.json"), "skops"),
        (archive("a.txt"), "zip"),
        (b"PK\x03\x04 broken", "zip"),
        (b"tree\nversion=v4\n", "lightgbm"),
        (b'{"learner": {}}', "xgboost"),
        (b"a,b\n1,2\n", "text"),
        (b"id,day\n1,2\n3,4\n", "text"),
        (b"hello", "text"),
        (b"", "empty"),
        (b"\xff\x00\x13", "unknown"),
        (hostile.honest(), "onnx"),
    ],
)
def test_format_is_read_from_the_content(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)

    assert formats.detect(path) == found


def test_refusal_says_what_it_is_and_what_to_do() -> None:
    assert formats.refusal("pickle", "model.onnx") == (
        "This file is a Python pickle, although its name ends in .onnx. A pickle is a program that runs when it is "
        "opened, so it is never opened here. Export the model as ONNX or skops and upload that."
    )
