"""The advisories that the operator has configured, and what they say of the libraries a version was trained with."""

import datetime as dt
import hashlib
import os
import time
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.core.canonical import sha256_of
from apps.core.files import scratch
from apps.validation.engine import advisories
from apps.work import outgoing

FRESH = dt.timedelta(days=1)
SECONDS = 120.0  # that a fetch may take
MOST_BYTES = 512 * 1024**2
NOT_CONFIGURED = "No source of advisories is configured (TENURE_ADVISORIES): known vulnerabilities were not looked for."


def is_configured() -> bool:
    """Whether there is something to look in."""
    return bool(settings.TENURE_ADVISORIES)


def about(packages: dict[str, str]) -> dict[str, Any]:
    """What is known of the packages: {packages, found, source, read_at, sha256}, or {reason} why it was not looked."""
    if not is_configured():
        return {"reason": NOT_CONFIGURED}
    if not packages:
        return {"reason": "No record says with which libraries it was made, so nothing can be looked up."}
    try:
        path = _local(settings.TENURE_ADVISORIES)
        found = advisories.affecting(packages, advisories.read(path))
        digest = sha256_of(path)
    except (OSError, advisories.BadSource) as error:
        source = settings.TENURE_ADVISORIES
        return {"reason": f"Known vulnerabilities were not looked for in {source}: {error}"[:400]}
    return {"packages": packages, "found": found, "source": settings.TENURE_ADVISORIES, "sha256": digest}


def fetch() -> None:
    """Bring a source from the network here when the copy is older than a day; what failed is kept for `about`.

    Called before a transaction begins, so that nobody who waits for a network holds rows meanwhile.
    """
    source = settings.TENURE_ADVISORIES
    if not _is_remote(source):
        return
    kept, why_not = _kept(source)
    if kept.exists() and time.time() - kept.stat().st_mtime <= FRESH.total_seconds():
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        with scratch() as spool:
            with (spool / "fetched").open("wb") as file:
                outgoing.download(source, file, MOST_BYTES, SECONDS)
            os.replace(spool / "fetched", kept)
    except OSError as error:
        why_not.write_text(str(error))
    else:
        why_not.unlink(missing_ok=True)


def _is_remote(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _kept(source: str) -> tuple[Path, Path]:
    """Where the copy of a source in the network lies, and why the last fetch failed where it did."""
    kept = Path(settings.TENURE_DATA) / "advisories" / hashlib.sha256(source.encode()).hexdigest()[:16]
    return kept, kept.with_suffix(".failed")


def _local(source: str) -> Path:
    """The source as a file here; OSError where the last fetch of one from the network failed."""
    if not _is_remote(source):
        return Path(source)
    kept, why_not = _kept(source)
    if why_not.exists():
        raise OSError(why_not.read_text())
    return kept
