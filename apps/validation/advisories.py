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


def _local(source: str) -> Path:
    """The source as a file here; one from the network is fetched when the copy is older than a day."""
    if not source.startswith(("http://", "https://")):
        return Path(source)
    folder = Path(settings.TENURE_DATA) / "advisories"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / hashlib.sha256(source.encode()).hexdigest()[:16]
    if not kept.exists() or time.time() - kept.stat().st_mtime > FRESH.total_seconds():
        with scratch() as spool:
            with (spool / "fetched").open("wb") as file:
                outgoing.download(source, file, MOST_BYTES, SECONDS)
            os.replace(spool / "fetched", kept)
    return kept
