"""Putting documents beside a version, which plans may ask for."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from apps.audit.actions import action, record
from apps.core.errors import Invalid
from apps.validation import evidence_files, policies, required_evidence
from apps.validation.models import EvidenceDocument


@action
def add_document(
    *, version: Any, title: str, by: Any, file: Any = None, name: str = "", url: str = "", note: str = ""
) -> EvidenceDocument:
    """Put a file or a link beside a version under a title; a later one of the same title takes its place."""
    policies.check_add_document(by, version)
    title, url = title.strip(), url.strip()
    if not 0 < len(title) <= required_evidence.LONGEST_TITLE:
        needed = f"A title has 1 to {required_evidence.LONGEST_TITLE} letters."
        raise Invalid("Say what the document is.", {"title": needed})
    if (file is None) == (not url):
        raise Invalid("Give a file or a link.", {"file": "Give either a file or a link."})
    if url and urlsplit(url).scheme not in {"http", "https"}:
        raise Invalid("The link cannot be used.", {"url": "A link begins with https:// or http://."})
    document = EvidenceDocument(version=version, title=title, url=url, note=note.strip(), added_by=by)
    if file is not None:
        stored = evidence_files.store(file, name or "document")
        document.file, document.sha256, document.size = stored.path, stored.sha256, stored.size
        document.name = Path(name or "document").name[:200]
    document.save(force_insert=True)
    record(
        by=by,
        action="document.added",
        subject=document,
        reason=document.note,
        details={"title": title, "url": url, "sha256": document.sha256, "size": document.size},
    )
    return document
