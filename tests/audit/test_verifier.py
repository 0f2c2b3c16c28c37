"""The offline verifier: the signature against its oracle, and each way of tampering by name."""

import ast
import base64
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.audit import verifier
from apps.audit.export import public_bytes
from apps.audit.verifier import Record, canonical, record_hash, signature_holds
from tests.audit.bundles import (
    KEY,
    OTHER_KEY,
    TEN,
    body_of,
    chained,
    checkpoint_at,
    contents,
    edited,
    exported,
    found,
    repacked,
    with_records,
)

# RFC 8032, section 7.1: public key, message, signature of TEST 1, TEST 2, TEST 3 and TEST SHA(abc)
RFC_VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return exported(tmp_path / "trail.zip")


def oracle(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# --- signatures


@pytest.mark.parametrize(("public_key", "message", "signature"), RFC_VECTORS)
def test_signature_holds_for_the_vectors_of_the_rfc(public_key: str, message: str, signature: str) -> None:
    assert signature_holds(bytes.fromhex(public_key), bytes.fromhex(message), bytes.fromhex(signature))
    assert not signature_holds(bytes.fromhex(public_key), bytes.fromhex(message) + b".", bytes.fromhex(signature))


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=300), bit=st.integers(0, 1023))
@settings(max_examples=60, deadline=None)
def test_signature_agrees_with_cryptography_after_any_flipped_bit(seed: bytes, message: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public_key, signature = public_bytes(key), key.sign(message)
    assert signature_holds(public_key, message, signature)

    data = bytearray(public_key + signature + message)
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    damaged = bytes(data[:32]), bytes(data[96:]), bytes(data[32:96])
    assert signature_holds(*damaged) == oracle(*damaged) == False  # noqa: E712


def test_signature_with_a_scalar_beyond_the_order_is_refused() -> None:
    signature = KEY.sign(b"message")
    scalar = int.from_bytes(signature[32:], "little") + verifier.ORDER
    malleated = signature[:32] + scalar.to_bytes(32, "little")
    assert not signature_holds(public_bytes(KEY), b"message", malleated)


@pytest.mark.parametrize(
    "public_key",
    [
        (1).to_bytes(32, "little"),  # the neutral point
        bytes(32),  # order 4
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),  # order 8
        (verifier.P + 1).to_bytes(32, "little"),  # the neutral point, written another way
        ((1 << 255) + 1).to_bytes(32, "little"),  # x = 0 with a sign
        (2).to_bytes(32, "little"),  # no point of the curve
        b"short",
    ],
)
def test_key_that_vouches_for_nothing_is_refused(public_key: bytes) -> None:
    assert not verifier.usable_key(public_key)
    assert not signature_holds(public_key, b"", (1).to_bytes(32, "little") + bytes(32))


def test_point_has_one_way_of_writing_only() -> None:
    y = 3  # a point of the curve that is not of small order
    assert verifier.usable_key(y.to_bytes(32, "little"))
    assert not verifier.usable_key((verifier.P + y).to_bytes(32, "little"))
    assert verifier._decode((1 + (1 << 255)).to_bytes(32, "little")) is None  # zero has no sign


# --- an untouched bundle


def test_intact_bundle_with_key_and_kept_checkpoint(bundle: Path) -> None:
    kept = checkpoint_at(10, TEN).line.encode()
    report, manifest = verifier.verify(bundle, [public_bytes(KEY)], kept)
    assert report.problems == []
    assert report.limits == []
    assert report.facts == [
        "Records 1 to 10: none changed, removed, inserted or out of order.",
        f"The last record has the hash {TEN[-1].hash}.",
        "Signed checkpoints that agree with the records: 3.",
    ]
    assert manifest["organization"] == "meridian-air"


def test_intact_bundle_alone_says_what_it_cannot_know(bundle: Path) -> None:
    report, _ = verifier.verify(bundle)
    assert report.problems == []
    assert [limit.split(":")[0] for limit in report.limits] == [
        "Whose the keys are",
        "Whether the holder of the signing key exported a shorter or rewritten trail",
        "What a checkpoint says of record 9 to 10",
    ]


def test_empty_trail_is_whole(tmp_path: Path) -> None:
    report, _ = verifier.verify(exported(tmp_path / "empty.zip", [], ()))
    assert report.problems == []
    assert report.facts == ["The trail is empty."]


def test_later_part_is_whole_and_says_where_it_begins(tmp_path: Path) -> None:
    sealed = [checkpoint_at(number, TEN) for number in (4, 8)]
    report, _ = verifier.verify(exported(tmp_path / "part.zip", TEN[4:], sealed=sealed))
    assert report.problems == []
    assert "What came before record 5: the export begins there." in report.limits

    other = chained(body_of(number) for number in range(11, 21))
    assert found(exported(tmp_path / "part.zip", other[4:], sealed=sealed))[0] == ("changed", 4)


# --- changed


def test_changed_body_is_named(bundle: Path) -> None:
    changed = TEN[4]._replace(body=TEN[4].body.replace("approve", "reject"))
    with_records(bundle, [*TEN[:4], changed, *TEN[5:]])
    assert found(bundle) == [("changed", 5), ("file", None)]
    report, _ = verifier.verify(bundle)
    assert report.problems[0].sentence == (
        "Record 5 (project.reject, 2026-03-01T14:30:00+00:00) was changed: its content does not match its hash."
    )


@pytest.mark.parametrize("changed", [TEN[4]._replace(previous="1" * 64), TEN[4]._replace(hash="2" * 64)])
def test_changed_link_or_hash_is_named(bundle: Path, changed: Record) -> None:
    with_records(bundle, [*TEN[:4], changed, *TEN[5:]])
    assert ("changed", 5) in found(bundle)


def test_changed_body_with_its_own_new_hash_is_named(bundle: Path) -> None:
    body = TEN[4].body.replace("approve", "reject")
    changed = Record(5, TEN[4].previous, body, record_hash(TEN[4].previous, 5, body))
    with_records(bundle, [*TEN[:4], changed, *TEN[5:]])
    assert found(bundle) == [("changed", 5), ("file", None)]


def test_changed_last_record_with_its_own_new_hash_is_named(bundle: Path) -> None:
    body = TEN[9].body.replace("approve", "reject")
    with_records(bundle, [*TEN[:9], Record(10, TEN[9].previous, body, record_hash(TEN[9].previous, 10, body))])
    assert found(bundle) == [("changed", 10), ("file", None)]


def test_chain_rewritten_from_a_record_on_is_found_by_checkpoint_and_manifest(bundle: Path) -> None:
    bodies = [record.body for record in TEN]
    bodies[5] = bodies[5].replace("approve", "reject")
    with_records(bundle, chained(bodies))
    assert found(bundle) == [("changed", 8), ("changed", 10), ("file", None)]
    report, _ = verifier.verify(bundle)
    assert report.problems[0].sentence == (
        "A record from 5 to 8 was rewritten: the checkpoint signed at 2026-03-09T09:30:00Z gives record 8 another hash."
    )


# --- removed


def test_removed_record_is_named(bundle: Path) -> None:
    with_records(bundle, [*TEN[:5], *TEN[6:]])
    assert found(bundle) == [("removed", 6), ("file", None), ("file", None)]


def test_removed_first_records_are_named(bundle: Path) -> None:
    with_records(bundle, TEN[3:])
    report, _ = verifier.verify(bundle)
    assert report.problems[0].sentence == "Records 1 to 3 are missing: removed before record 4."


def test_removed_record_with_the_rest_written_anew_is_found(bundle: Path) -> None:
    with_records(bundle, chained(record.body for record in [*TEN[:5], *TEN[6:]]))
    assert found(bundle)[:2] == [("changed", 8), ("truncated", 10)]


# --- inserted


def forged(sequence: int, previous: str) -> Record:
    body = canonical({"action": "project.forge"})
    return Record(sequence, previous, body, record_hash(previous, sequence, body))


@pytest.mark.parametrize(("place", "line"), [(4, 5), (5, 6)])
def test_inserted_record_is_told_from_the_right_one(bundle: Path, place: int, line: int) -> None:
    with_records(bundle, [*TEN[:place], forged(5, TEN[3].hash), *TEN[place:]])
    report, _ = verifier.verify(bundle)
    assert report.problems[0] == (
        "inserted",
        5,
        f"Record 5 at line {line} was inserted: record 6 names another record 5.",
    )


def test_inserted_copy_far_away_is_named(bundle: Path) -> None:
    with_records(bundle, [*TEN[:8], TEN[2], *TEN[8:]])
    assert found(bundle)[0] == ("inserted", 3)


def test_inserted_copy_right_behind_is_named(bundle: Path) -> None:
    with_records(bundle, [*TEN[:8], TEN[7], *TEN[8:]])
    assert found(bundle)[0] == ("inserted", 8)


def test_inserted_record_at_the_end_is_named(bundle: Path) -> None:
    with_records(bundle, [*TEN, forged(11, TEN[9].hash)])
    assert found(bundle)[0] == ("inserted", 11)


def test_inserted_rival_of_the_last_record_is_told_by_the_manifest(bundle: Path) -> None:
    with_records(bundle, [*TEN, forged(10, TEN[8].hash)])
    report, _ = verifier.verify(bundle)
    assert report.problems[0].sentence == "Record 10 at line 11 was inserted: the manifest names another record 10."


def test_inserted_record_with_the_rest_written_anew_is_found(bundle: Path) -> None:
    bodies = [record.body for record in TEN]
    with_records(bundle, chained([*bodies[:5], forged(6, "").body, *bodies[5:]]))
    assert found(bundle)[:2] == [("changed", 8), ("inserted", 11)]


# --- reordered


def test_swapped_records_are_named(bundle: Path) -> None:
    with_records(bundle, [*TEN[:4], TEN[5], TEN[4], *TEN[6:]])
    assert found(bundle) == [("reordered", 5), ("file", None)]


def test_moved_record_is_named_with_its_line(bundle: Path) -> None:
    with_records(bundle, [TEN[0], *TEN[2:], TEN[1]])
    report, _ = verifier.verify(bundle)
    assert report.problems[0].sentence == (
        "Record 2 (project.approve, 2026-03-01T11:30:00+00:00) is out of order: line 10 holds it, after record 10."
    )


def test_reversed_trail_is_all_out_of_order(bundle: Path) -> None:
    with_records(bundle, TEN[::-1])
    assert found(bundle) == [*(("reordered", number) for number in range(9, 0, -1)), ("file", None)]


def test_moved_and_changed_record_is_both(bundle: Path) -> None:
    body = TEN[4].body.replace("approve", "reject")
    changed = Record(5, TEN[4].previous, body, record_hash(TEN[4].previous, 5, body))
    with_records(bundle, [*TEN[:4], *TEN[5:], changed])
    assert found(bundle) == [("reordered", 5), ("changed", 5), ("file", None)]


def test_moved_records_with_a_foreign_neighbour_are_held_against_each_other(bundle: Path) -> None:
    foreign = forged(5, "3" * 64)
    with_records(bundle, [*TEN[:4], *TEN[6:], foreign, TEN[5]])
    assert found(bundle)[:4] == [("reordered", 5), ("changed", 4), ("reordered", 6), ("changed", 5)]


# --- truncated


def test_cut_off_records_are_named_by_manifest_and_checkpoint(bundle: Path) -> None:
    with_records(bundle, TEN[:6])
    report, _ = verifier.verify(bundle)
    assert [problem.sentence for problem in report.problems[:2]] == [
        "Records 7 to 8 were cut off at the end: the checkpoint signed at 2026-03-09T09:30:00Z knows record 8.",
        "Records 7 to 10 were cut off at the end: the manifest says the last is record 10.",
    ]


def test_cut_off_by_the_holder_of_the_key_shows_only_against_a_kept_checkpoint(tmp_path: Path) -> None:
    shorter = exported(tmp_path / "trail.zip", TEN[:6], checkpoints=(4,))
    assert found(shorter, public_bytes(KEY)) == []
    assert found(shorter, public_bytes(KEY), kept=checkpoint_at(8, TEN).line.encode()) == [("truncated", 7)]


def test_rewriting_by_the_holder_of_the_key_shows_only_against_a_kept_checkpoint(tmp_path: Path) -> None:
    rewritten = exported(tmp_path / "trail.zip", chained(body_of(number) for number in range(2, 12)))
    assert found(rewritten, public_bytes(KEY)) == []
    assert found(rewritten, public_bytes(KEY), kept=checkpoint_at(8, TEN).line.encode()) == [("changed", 8)]


# --- signatures inside the bundle


def test_everything_rewritten_with_another_key_shows_only_against_the_right_key(tmp_path: Path) -> None:
    path = exported(tmp_path / "trail.zip", chained(body_of(number) for number in range(2, 12)), key=OTHER_KEY)
    assert found(path) == []
    assert found(path, public_bytes(KEY)) == [("signature", None)]
    report, _ = verifier.verify(path, [public_bytes(KEY)])
    assert "Whether 2 checkpoints are right: they are signed with a key you did not give." in report.limits


def test_bundle_signed_with_a_key_it_does_not_bring(bundle: Path) -> None:
    edited(bundle, verifier.KEYS, lambda _: b"{}\n")
    assert found(bundle)[0] == ("signature", None)


def test_forged_signature_of_a_checkpoint_is_named(bundle: Path) -> None:
    forged_line = checkpoint_at(8, TEN)._replace(signature=bytes(64)).line
    edited(bundle, verifier.CHECKPOINTS, lambda text: text.splitlines(True)[0] + f"{forged_line}\n".encode())
    assert found(bundle) == [("signature", 8), ("file", None)]


def test_changed_checkpoint_is_named(bundle: Path) -> None:
    edited(bundle, verifier.CHECKPOINTS, lambda text: text.replace(b'sequence\\":8', b'sequence\\":9'))
    assert found(bundle) == [("signature", 9), ("file", None)]


def test_changed_manifest_is_named(bundle: Path) -> None:
    edited(bundle, verifier.MANIFEST, lambda text: text.replace(b"meridian-air", b"harbour-bank"))
    assert found(bundle) == [("signature", None), ("checkpoint", 4), ("checkpoint", 8)]


def test_key_under_a_wrong_name_is_refused(bundle: Path) -> None:
    wrong = f',"{"0" * 16}":"{base64.b64encode(public_bytes(OTHER_KEY)).decode()}"}}'.encode()
    edited(bundle, verifier.KEYS, lambda text: text.replace(b"}", wrong))
    assert found(bundle) == [("signature", None), ("file", None)]


@pytest.mark.parametrize("text", [b"[]", b"{", b'{"a":1}', b'{"a":"%"}', b"\xff"])
def test_unreadable_keys_are_said_to_be(bundle: Path, text: bytes) -> None:
    edited(bundle, verifier.KEYS, lambda _: text)
    assert found(bundle)[0] == ("file", None)


# --- the archive


def test_foreign_file_in_the_archive_is_named(bundle: Path) -> None:
    repacked(bundle, {**contents(bundle), "notes.txt": b"trust me"})
    report, _ = verifier.verify(bundle)
    assert [problem.sentence for problem in report.problems] == [
        "The bundle holds a file that no export writes: 'notes.txt'."
    ]


@pytest.mark.parametrize("name", [*verifier.LISTED, verifier.MANIFEST])
def test_missing_file_is_named(bundle: Path, name: str) -> None:
    files = contents(bundle)
    del files[name]
    report, _ = verifier.verify(repacked(bundle, files))
    assert report.problems[0].sentence == f"The bundle lacks {name}."


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_file_that_comes_twice_is_named(bundle: Path) -> None:
    with zipfile.ZipFile(bundle, "a") as archive:
        archive.writestr(verifier.RECORDS, b"")
    report, _ = verifier.verify(bundle)
    assert report.problems[0].sentence == "The bundle holds 'records.ndjson' more than once."


@pytest.mark.parametrize("name", [verifier.VERIFIER, verifier.README])
def test_exchanged_file_is_named(bundle: Path, name: str) -> None:
    edited(bundle, name, lambda text: text + b"\n")
    assert found(bundle) == [("file", None)]


@pytest.mark.parametrize("text", [b"", b"{}", b"[]\n", b'{"body":1,"signature":2}', b'{"body":"{}","signature":"%"}'])
def test_file_that_is_no_manifest_is_named(bundle: Path, text: bytes) -> None:
    edited(bundle, verifier.MANIFEST, lambda _: text or b"\n")
    assert found(bundle) == [("file", None)]


def test_packing_that_no_export_uses_is_refused(bundle: Path) -> None:
    files = contents(bundle)
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(verifier.Unreadable, match="packed"):
        verifier.verify(bundle)


@pytest.mark.parametrize("keep", [0, 10, 500, -30])
def test_cut_archive_is_not_examined(bundle: Path, keep: int) -> None:
    bundle.write_bytes(bundle.read_bytes()[:keep])
    with pytest.raises(verifier.Unreadable):
        verifier.verify(bundle)


def test_damaged_archive_is_not_examined(bundle: Path) -> None:
    data = bytearray(bundle.read_bytes())
    data[200] ^= 255
    bundle.write_bytes(data)
    with pytest.raises(verifier.Unreadable):
        verifier.verify(bundle)


# --- hostile content


LINE = canonical(TEN[4]._asdict()).encode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"{",
        b"\xff\xfe",
        b" " + LINE,
        LINE.replace(b'"sequence":5', b'"sequence":"5"'),
        LINE.replace(b'"sequence":5', b'"sequence":5.0'),
        LINE.replace(b'"sequence":5', b'"sequence":true'),
        LINE.replace(b'"sequence":5', b'"sequence":5,"sequence":5'),
        LINE.replace(b'"sequence":5', b'"sequence":' + b"9" * 20),
        LINE.replace(b'"sequence":5', b'"sequence":' + b"9" * 100_000),
        LINE.replace(b'"sequence":5', b'"note":"","sequence":5'),
        LINE.replace(b'{"body"', b'{"body":"","body"'),
        LINE.replace(TEN[4].hash.encode(), b"\\ud800"),
        LINE.replace(f'"{TEN[4].hash}"'.encode(), b"null"),
        b"[" * 100_000,
    ],
)
def test_line_that_is_no_record_is_named(bundle: Path, line: bytes) -> None:
    edited(bundle, verifier.RECORDS, lambda text: text.replace(LINE, line))
    assert found(bundle)[:1] == [("malformed", None)]
    assert ("removed", 5) in found(bundle)


@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(1, 255))
@settings(max_examples=80, deadline=None)
def test_any_changed_byte_of_the_records_is_found(place: float, value: int) -> None:
    import io

    from tests.audit.test_export import in_memory

    files = in_memory()
    records = bytearray(files[verifier.RECORDS])
    records[int(place * len(records))] ^= value
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in {**files, verifier.RECORDS: bytes(records)}.items():
            archive.writestr(name, content)
    report, _ = verifier.verify(packed)
    assert ("file", None) in [(problem.kind, problem.sequence) for problem in report.problems]


def test_line_without_end_is_not_read_into_memory(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "MAX_LINE", 200)
    with pytest.raises(verifier.Unreadable, match="longer than 200 bytes"):
        verifier.verify(bundle)


def test_search_ends_after_a_thousand_faults(tmp_path: Path) -> None:
    many = chained(body_of(number) for number in range(5000))
    path = with_records(exported(tmp_path / "trail.zip", many, ()), many[::-2])
    report, _ = verifier.verify(path)
    assert len(report.problems) == verifier.MAX_PROBLEMS
    assert report.limits == ["What else is wrong: after 1000 faults the search ended."]


def test_sentences_do_not_steer_the_terminal(bundle: Path) -> None:
    evil = TEN[4]._replace(body=canonical({"action": "\x1b[2J\x07all is well"}))
    with_records(bundle, [*TEN[:4], evil, *TEN[5:]])
    lines = list(verifier.sentences(*verifier.verify(bundle)))
    assert lines[1] == "WRONG: Record 5 (?[2J?all is well) was changed: its content does not match its hash."


# --- the command


def run(*arguments: str | Path) -> tuple[int, str]:
    """The verifier as a stranger runs it: no site packages, no project on the path."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_command_from_the_bundle_itself_proves_the_trail(bundle: Path, tmp_path: Path) -> None:
    script = tmp_path / "verify.py"
    script.write_bytes(contents(bundle)["verify.py"])
    kept = tmp_path / "kept.ndjson"
    kept.write_text(checkpoint_at(10, TEN).line)
    code, output = run(script, bundle, "--public-key", public_bytes(KEY).hex(), "--checkpoint", kept)
    assert (code, output.splitlines()[0]) == (0, "Audit trail of Meridian Air, exported at 2026-03-31T09:30:00Z.")
    assert output.splitlines()[-1] == "Result: the trail is whole."

    with_records(bundle, TEN[:6])
    code, output = run(script, bundle)
    assert (code, output.splitlines()[-1]) == (1, "Result: the trail is NOT whole.")

    bundle.write_text("no archive")
    code, output = run(script, bundle)
    assert (code, output) == (
        2,
        "Result: not examined. The bundle is damaged or no ZIP archive: File is not a zip file.\n",
    )


@pytest.mark.parametrize("form", ["hex", "raw", "base64", "hex file", "pem", "json"])
def test_public_key_is_read_in_every_usual_form(bundle: Path, tmp_path: Path, form: str) -> None:
    raw = public_bytes(KEY)
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    texts = {
        "raw": raw,
        "base64": base64.b64encode(raw) + b"\n",
        "hex file": raw.hex().encode() + b"\n",
        "pem": pem,
        "json": contents(bundle)[verifier.KEYS],
    }
    argument = raw.hex()
    if form != "hex":
        name = "k" * (64 - len(str(tmp_path)) - 1) or "key"  # where it fits, a path as long as a key in hex
        argument = str(tmp_path / name)
        (tmp_path / name).write_bytes(texts[form])
    assert verifier.parse_public_key(argument) == [raw]


@pytest.mark.parametrize("text", [b"", b"{", b"{}", b"short", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END", bytes(32)])
def test_public_key_that_is_none_is_refused(bundle: Path, tmp_path: Path, text: bytes, capsys) -> None:
    (tmp_path / "key").write_bytes(text)
    assert verifier.main([str(bundle), "--public-key", str(tmp_path / "key")]) == 2
    assert (
        capsys.readouterr().out == "Result: not examined. What was given as public key is not an Ed25519 public key.\n"
    )


@pytest.mark.parametrize("option", ["--public-key", "--checkpoint"])
def test_missing_file_of_an_option_is_said(bundle: Path, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verifier.main([str(bundle), option, "/nowhere"]) == 2
    assert "No such file" in capsys.readouterr().out


def test_kept_checkpoint_of_another_organization_is_named(bundle: Path) -> None:
    other = verifier.canonical({"organization": "harbor"})
    assert found(bundle, kept=other.encode()) == [("file", None)]
    foreign = checkpoint_at(10, TEN, OTHER_KEY).line.replace("meridian-air", "harbor-bank")
    assert found(bundle, kept=foreign.encode()) == [("checkpoint", 10)]


# --- the file itself


def test_verifier_imports_nothing_but_the_standard_library() -> None:
    tree = ast.parse(Path(verifier.__file__).read_text(), feature_version=(3, 9))
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(str(node.module).split(".")[0])
    assert modules - set(sys.stdlib_module_names) == set()


@pytest.mark.skipif(sys.platform != "linux", reason="memory limits of processes are Linux's here")
def test_large_trail_is_verified_in_little_memory(tmp_path: Path) -> None:
    import resource

    bodies = (canonical({"n": number, "text": "x" * 1500}) for number in range(100_000))
    path = exported(tmp_path / "large.zip", chained(bodies), ())
    limit = 100 * 1024 * 1024  # the records alone are 160 MB
    done = subprocess.run(
        [sys.executable, "-I", "-S", verifier.__file__, str(path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
