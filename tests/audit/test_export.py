"""The exporter: what it writes, in one stroke, record by record."""

import base64
import hashlib
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from apps.audit import verifier
from apps.audit.export import public_bytes, seal, sign_checkpoint, timestamp, write_bundle
from apps.audit.verifier import Record, canonical, key_id
from tests.audit.bundles import KEY, OTHER_KEY, START, TEN, chained, checkpoint_at, contents, exported


@cache
def in_memory() -> dict[str, bytes]:
    """The files of an export of ten records."""
    with TemporaryDirectory() as folder:
        return contents(exported(Path(folder) / "trail.zip"))


def test_bundle_holds_the_listed_files_and_no_other() -> None:
    assert set(in_memory()) == {*verifier.LISTED, verifier.MANIFEST}


def test_records_are_written_verbatim_one_a_line() -> None:
    lines = in_memory()["records.ndjson"].decode().splitlines()
    assert [Record(**json.loads(line)) for line in lines] == TEN
    assert lines == [canonical(record._asdict()) for record in TEN]


def test_hash_of_a_record_is_what_the_readme_says() -> None:
    record = json.loads(in_memory()["records.ndjson"].splitlines()[1])
    text = record["previous"] + "\n" + str(record["sequence"]) + "\n" + record["body"]
    assert hashlib.sha256(text.encode("utf-8")).hexdigest() == record["hash"]


def test_body_with_every_kind_of_text_survives(tmp_path: Path) -> None:
    bodies = [canonical({"text": text}) for text in ("å∂漢字😀", 'q"\\/', "\u2028\x00\n\t", "\x85")]
    report, _ = verifier.verify(exported(tmp_path / "trail.zip", chained(bodies), ()))
    assert report.problems == []


def test_manifest_tells_what_the_bundle_holds() -> None:
    files = in_memory()
    envelope = json.loads(files["manifest.json"])
    KEY.public_key().verify(base64.b64decode(envelope["signature"]), envelope["body"].encode())
    assert json.loads(envelope["body"]) == {
        "format": "tenure-audit-export/1",
        "organization": "meridian-air",
        "name": "Meridian Air",
        "first": 1,
        "last": 10,
        "last_hash": TEN[-1].hash,
        "count": 10,
        "files": {name: hashlib.sha256(files[name]).hexdigest() for name in verifier.LISTED},
        "exported_at": "2026-03-31T09:30:00Z",
        "key": key_id(public_bytes(KEY)),
    }


def test_public_keys_include_the_signing_key_and_older_ones(tmp_path: Path) -> None:
    path = tmp_path / "trail.zip"
    write_bundle(
        path,
        organization="meridian-air",
        records=TEN,
        checkpoints=[checkpoint_at(4, TEN, OTHER_KEY), checkpoint_at(8, TEN)],
        public_keys=[public_bytes(OTHER_KEY)],
        private_key=KEY,
        exported_at=START,
    )
    keys = json.loads(contents(path)["public_keys.json"])
    assert keys == {key_id(public_bytes(key)): base64.b64encode(public_bytes(key)).decode() for key in (KEY, OTHER_KEY)}
    report, _ = verifier.verify(path)
    assert report.problems == []


def test_verifier_in_the_bundle_is_the_verifier() -> None:
    assert in_memory()["verify.py"] == Path(verifier.__file__).read_bytes()


def test_checkpoint_is_canonical_and_signed() -> None:
    signed = checkpoint_at(8, TEN)
    KEY.public_key().verify(signed.signature, signed.body.encode())
    assert signed.body == canonical(
        {
            "organization": "meridian-air",
            "sequence": 8,
            "hash": TEN[7].hash,
            "at": "2026-03-09T09:30:00Z",
            "key": key_id(public_bytes(KEY)),
        }
    )


def test_time_is_written_in_utc() -> None:
    assert timestamp(datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == "2026-02-28T23:00:00Z"
    assert timestamp(datetime(2026, 3, 1, 1, 2, 3, 4, tzinfo=UTC)) == "2026-03-01T01:02:03.000004Z"


def test_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without zone"):
        sign_checkpoint(organization="a", sequence=1, last_hash="", at=datetime(2026, 3, 1), private_key=KEY)


def test_seal_names_the_key_it_used() -> None:
    assert json.loads(seal({"a": 1}, OTHER_KEY).body) == {"a": 1, "key": key_id(public_bytes(OTHER_KEY))}


def test_same_trail_gives_the_same_bundle(tmp_path: Path) -> None:
    assert exported(tmp_path / "a.zip").read_bytes() == exported(tmp_path / "b.zip").read_bytes()


def test_export_that_fails_leaves_the_old_bundle_and_nothing_else(tmp_path: Path) -> None:
    def failing() -> Iterator[Record]:
        yield from TEN[:3]
        raise ConnectionError("the database went away")

    path = exported(tmp_path / "trail.zip")
    before = path.read_bytes()
    with pytest.raises(ConnectionError):
        exported(path, failing(), ())  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_bundle_is_for_its_owner_only(tmp_path: Path) -> None:
    path = exported(tmp_path / "trail.zip")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_broken_trail_is_exported_as_it_is(tmp_path: Path) -> None:
    path = exported(tmp_path / "trail.zip", [*TEN[:5], *TEN[6:]], ())
    report, manifest = verifier.verify(path)
    assert manifest["count"] == 9
    assert [(problem.kind, problem.sequence) for problem in report.problems] == [("removed", 6)]
