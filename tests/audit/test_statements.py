"""Signed statements: as the specifications have them, and found out when a byte is another."""

import base64
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apps.audit import statement_verifier, statements
from apps.audit.export import public_bytes
from apps.audit.verifier import Unreadable, canonical

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = public_bytes(KEY)
MODEL = b"the model's file"
PLAN = {"seed": 7, "lines": [{"key": "perf.auc", "fail": 0.7}]}
SUBJECTS = {
    "artifact": hashlib.sha256(MODEL).hexdigest(),
    "plan": hashlib.sha256(canonical(PLAN).encode()).hexdigest(),
}


@pytest.fixture
def envelope() -> str:
    predicate = {"plan": {"content": PLAN}, "verdict": "passed"}
    return statements.sign(statements.statement(SUBJECTS, "urn:example:v1", predicate), KEY)


def test_envelope_is_what_dsse_and_in_toto_say(envelope: str) -> None:
    found = json.loads(envelope)
    payload = base64.b64decode(found["payload"])
    kind = "application/vnd.in-toto+json"
    signed = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload

    assert found["payloadType"] == kind
    KEY.public_key().verify(base64.b64decode(found["signatures"][0]["sig"]), signed)  # raises where it is wrong
    statement = json.loads(payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"][0] == {"name": "artifact", "digest": {"sha256": SUBJECTS["artifact"]}}


def test_example_of_the_specification_is_encoded_as_it_says() -> None:
    encoded = statement_verifier.pre_authentication("http://example.com/HelloWorld", b"hello world")

    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_same_content_is_the_same_text(envelope: str) -> None:
    predicate = {"verdict": "passed", "plan": {"content": PLAN}}

    assert statements.sign(statements.statement(SUBJECTS, "urn:example:v1", predicate), KEY) == envelope


def test_sound_statement_holds_against_its_files(envelope: str, tmp_path: Path) -> None:
    model = tmp_path / "late.onnx"
    model.write_bytes(MODEL)

    report, statement = statement_verifier.verify(envelope.encode(), [PUBLIC], [model])

    assert report.is_intact, report.problems
    assert "late.onnx is the statement's artifact." in report.facts
    assert statement["predicate"]["verdict"] == "passed"


def changed(envelope: str, place: int) -> str:
    """The envelope with one byte of its payload turned."""
    found = json.loads(envelope)
    payload = bytearray(base64.b64decode(found["payload"]))
    payload[place] ^= 1
    return json.dumps({**found, "payload": base64.b64encode(payload).decode()})


def test_each_turned_byte_of_the_payload_is_found(envelope: str) -> None:
    length = len(base64.b64decode(json.loads(envelope)["payload"]))

    for place in range(0, length, 23):
        report, _ = statement_verifier.verify(changed(envelope, place).encode(), [PUBLIC])
        assert "signature" in {problem.kind for problem in report.problems}, place


def test_other_key_and_other_type_are_found(envelope: str) -> None:
    other = public_bytes(Ed25519PrivateKey.generate())
    renamed = json.dumps({**json.loads(envelope), "payloadType": "text/plain"})

    assert not statement_verifier.verify(envelope.encode(), [other])[0].is_intact
    assert not statement_verifier.verify(envelope.encode(), [])[0].is_intact
    assert not statement_verifier.verify(renamed.encode(), [PUBLIC])[0].is_intact


def test_other_file_and_other_plan_are_found(tmp_path: Path) -> None:
    model = tmp_path / "late.onnx"
    model.write_bytes(MODEL + b" ")
    told = {"plan": {"content": {**PLAN, "seed": 8}}}
    signed = statements.sign(statements.statement(SUBJECTS, "urn:example:v1", told), KEY)

    report, _ = statement_verifier.verify(signed.encode(), [PUBLIC], [model])

    assert [problem.kind for problem in report.problems] == ["plan", "file"]


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"payload": 1}', b'{"payload": "x", "signatures": {}}', b"\xff"])
def test_what_is_no_statement_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(Unreadable, match="no signed statement"):
        statement_verifier.verify(text, [PUBLIC])


START = """
import runpy, sys
sys.path.insert(0, ".")  # as for a script; without the portal, its packages and its environment
sys.argv[0] = "verify.py"
runpy.run_path("verify.py", run_name="__main__")
"""


def test_bundle_verifies_itself_where_there_is_no_portal(envelope: str, tmp_path: Path) -> None:
    made = statements.bundle(envelope, PUBLIC, {"model.onnx": MODEL})
    zipfile.ZipFile(io.BytesIO(made)).extractall(tmp_path)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-c", START, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert statements.bundle(envelope, PUBLIC, {"model.onnx": MODEL}) == made
    sound = run("statement.json", "model.onnx", "--public-key", PUBLIC.hex())
    assert (sound.returncode, sound.stdout.splitlines()[-1]) == (0, "Result: everything holds."), sound
    assert "Whose the key is" in run("statement.json").stdout
    (tmp_path / "statement.json").write_text(changed(envelope, 40))
    assert run("statement.json").returncode == 1
    assert run("README.txt").returncode == 2
