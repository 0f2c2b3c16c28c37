"""Advisories: versions in their ranges, sources as osv.dev has them, an honest reason where none can be read."""

from __future__ import annotations

import http.server
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apps.validation import advisories as configured
from apps.validation.engine import advisories
from apps.validation.engine.base import Kind, Verdict
from apps.validation.engine.case import Case
from apps.validation.engine.plans import default_item
from apps.validation.engine.registry import registry
from apps.validation.engine.runner import run_item
from tests.validation.faults import worlds


def advisory(*events: dict[str, str], name: str = "Scikit_Learn", **more: Any) -> dict[str, Any]:
    part = {"package": {"ecosystem": "PyPI", "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}
    return {"id": "PYSEC-1", "summary": "Leaks tokens.", "affected": [part], **more}


OLD = advisory({"introduced": "0"}, {"fixed": "1.5.0"})
PACKAGES = {"scikit-learn": "1.4.2", "numpy": "2.1.0"}


@pytest.mark.parametrize(
    ("version", "events", "expected"),
    [
        ("1.4.2", [{"introduced": "0"}, {"fixed": "1.5.0"}], True),
        ("1.5.0", [{"introduced": "0"}, {"fixed": "1.5.0"}], False),
        ("1.5.0rc1", [{"introduced": "0"}, {"fixed": "1.5.0"}], True),
        ("1.10", [{"introduced": "0"}, {"fixed": "1.9"}], False),
        ("2.1", [{"introduced": "2"}, {"last_affected": "2.1"}], True),
        ("2.2", [{"introduced": "2"}, {"last_affected": "2.1"}], False),
        ("3.1", [{"introduced": "0"}, {"fixed": "2"}, {"introduced": "3"}, {"fixed": "3.2"}], True),
        ("2.5", [{"introduced": "3"}, {"fixed": "3.2"}, {"introduced": "0"}, {"fixed": "2"}], False),
        ("not a version", [{"introduced": "0"}, {"fixed": "2"}], True),
    ],
)
def test_version_is_held_against_the_ranges(version: str, events: list[dict[str, str]], expected: bool) -> None:
    found = advisories.affecting({"scikit-learn": version}, iter([advisory(*events)]))

    assert bool(found) is expected


def test_what_is_withdrawn_of_another_package_or_ecosystem_is_left_out() -> None:
    listed = {"id": "B", "affected": [{"package": {"ecosystem": "PyPI", "name": "numpy"}, "versions": ["2.1.0"]}]}
    npm = {"id": "C", "affected": [{"package": {"ecosystem": "npm", "name": "numpy"}, "versions": ["2.1.0"]}]}
    others = [{**OLD, "withdrawn": "2024-01-01T00:00:00Z"}, advisory({"introduced": "0"}, name="torch"), npm]

    found = advisories.affecting(PACKAGES, iter([OLD, listed, *others]))

    assert [(one["package"], one["id"], one["fixed"]) for one in found] == [
        ("numpy", "B", ""), ("scikit-learn", "PYSEC-1", "1.5.0"),
    ]  # fmt: skip


def test_source_is_a_file_or_an_archive(tmp_path: Path) -> None:
    single, many, archive = tmp_path / "one.json", tmp_path / "many.json", tmp_path / "all.zip"
    single.write_text(json.dumps(OLD))
    many.write_text(json.dumps({"vulns": [OLD, OLD]}))
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("PYSEC-1.json", json.dumps(OLD))

    for path in (single, many, archive):
        assert len(advisories.affecting(PACKAGES, advisories.read(path))) == 1
    for text in ("", "{}", "[1]", '"x"'):
        single.write_text(text)
        with pytest.raises(advisories.BadSource):
            list(advisories.read(single))


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server on this machine that publishes the advisory, and nothing at other addresses."""
    (tmp_path / "all.json").write_text(json.dumps([OLD]))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, directory=str(tmp_path), **more)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def asked(facts: dict[str, Any], tier: str = "high") -> Any:
    """What the check says of a case with these facts about dependencies."""
    case: Case = worlds.base()
    case = replace(case, facts={**case.facts, "dependencies": facts}) if facts else case
    return run_item(case, default_item(registry().get("sec.dependencies"), tier, Kind.BINARY))


def test_vulnerable_library_fails_and_a_source_out_of_reach_is_no_pass(
    address: str, tmp_path: Path, settings: Any
) -> None:
    settings.TENURE_DATA = tmp_path / "data"
    settings.TENURE_OUTGOING_HOSTS = {"127.0.0.1"}
    settings.TENURE_ADVISORIES = f"{address}/all.json"
    unfetched = configured.about(PACKAGES)
    configured.fetch()
    known = configured.about(PACKAGES)
    (tmp_path / "all.json").unlink()
    configured.fetch()
    kept = configured.about(PACKAGES)
    settings.TENURE_ADVISORIES = f"{address}/other.json"
    configured.fetch()
    gone = configured.about(PACKAGES)
    settings.TENURE_ADVISORIES = ""

    assert [one["id"] for one in known["found"]] == ["PYSEC-1"] and kept == known
    result = asked(known)
    assert (result.verdict, result.value) == (Verdict.FAILED, 1)
    assert result.sentence == "Advisories against it: 1, about scikit-learn 1.4.2."
    assert asked({**known, "found": []}).verdict is Verdict.PASSED
    assert "found" not in unfetched, "only fetch() goes to the network"
    for facts, word in ((gone, "answered 404"), (configured.about(PACKAGES), "TENURE_ADVISORIES")):
        silent = asked(facts)
        assert silent.verdict is Verdict.NOT_RUN and word in silent.reason
