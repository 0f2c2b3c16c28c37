"""Which of some packages are known to be vulnerable, by advisories in the Open Source Vulnerability format (OSV 1.6).

A source is a JSON file with one advisory, a list of them or {"vulns": [...]}, or a ZIP archive of such files, as
osv.dev publishes for each ecosystem. Only advisories about packages of PyPI are looked at.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

ECOSYSTEM = "pypi"
MOST_BYTES = 1024**3  # of one source, unpacked


class BadSource(ValueError):
    """The source cannot be read as advisories; the message says why."""


def read(path: Path) -> Iterator[Mapping[str, Any]]:
    """The advisories of a source, one after the other; BadSource where it holds something else."""
    try:
        if zipfile.is_zipfile(path):
            yield from _unpacked(path)
        else:
            yield from _listed(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise BadSource(f"The advisories cannot be read: {error}.") from error


def _unpacked(path: Path) -> Iterator[Mapping[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        if sum(item.file_size for item in archive.infolist()) > MOST_BYTES:
            raise BadSource("The advisories are larger than 1 GiB unpacked.")
        for name in archive.namelist():
            if name.endswith(".json"):
                yield from _listed(json.loads(archive.read(name)))


def _listed(found: Any) -> list[Mapping[str, Any]]:
    if isinstance(found, dict):
        found = found.get("vulns", [found])
    if not isinstance(found, list) or not all(isinstance(one, dict) and "id" in one for one in found):
        raise ValueError("it is no list of OSV records")
    return found


def affecting(packages: Mapping[str, str], advisories: Iterator[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The advisories that a package of this version falls under: package, version, id, summary, first fixed version."""
    wanted = {normalised(name): (name, said) for name, said in packages.items()}
    found = []
    for advisory in advisories:
        for part in () if advisory.get("withdrawn") else advisory.get("affected") or ():
            about = part.get("package") or {}
            if str(about.get("ecosystem", "")).lower() != ECOSYSTEM:
                continue
            name, said = wanted.get(normalised(str(about.get("name", ""))), ("", ""))
            if name and is_affected(said, part):
                summary = str(advisory.get("summary") or advisory.get("details") or "")[:200]
                told = {"package": name, "version": said, "id": str(advisory["id"]), "summary": summary}
                found.append({**told, "fixed": ", ".join(_events(part, "fixed"))})
    unique = {(one["package"], one["id"]): one for one in found}
    return [unique[key] for key in sorted(unique)]


def is_affected(said: str, part: Mapping[str, Any]) -> bool:
    """Whether a version is listed, or lies in a range, of an advisory's part about the package."""
    if said in (part.get("versions") or ()):
        return True
    try:
        version = Version(said)
        return any(_inside(version, one.get("events") or ()) for one in _ranges(part))
    except InvalidVersion:
        return True  # what cannot be compared is not called safe


def _ranges(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in part.get("ranges") or () if one.get("type") == "ECOSYSTEM"]


def _events(part: Mapping[str, Any], kind: str) -> list[str]:
    return [str(event[kind]) for one in _ranges(part) for event in one.get("events") or () if kind in event]


def _inside(version: Version, events: Any) -> bool:
    """OSV's evaluation: of the events up to the version, the last one decides."""
    inside = False
    for event in sorted(events, key=_place):
        kind, said = next(iter(event.items()))
        if version > _parsed(said) or (version == _parsed(said) and kind != "last_affected"):
            inside = kind == "introduced"
    return inside


def _place(event: Mapping[str, str]) -> tuple[Version, bool]:
    return _parsed(next(iter(event.values()))), "introduced" in event


def _parsed(said: str) -> Version:
    return Version("0.dev0" if said == "0" else said)


def normalised(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
