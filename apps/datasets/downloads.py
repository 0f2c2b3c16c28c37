"""Rows and files on their way out, by page and API alike."""

from typing import Any

from django.http import FileResponse

from apps.core import files
from apps.core.errors import Conflict, NotVisible
from apps.datasets import actions, folders, policies
from apps.datasets.models import DatasetVersion, Origin


def download(version: DatasetVersion, what: str, user: Any) -> FileResponse:
    """A response that streams the rows ("table") or the file as it came ("original"); sensitive rows leave a record."""
    if what not in ("table", "original"):
        raise NotVisible()
    policies.check_see_rows(user, version)
    if what == "table":
        policies.require_readable(version)
    elif not version.raw_file:
        raise Conflict(f"“{version}” was made from another version; there is no file as it came. Download its table.")
    if policies.is_sensitive(version):
        actions.note_download(version=version, what=what, by=user)
    if what == "table":
        name = f"{version.dataset.key}-v{version.number}.parquet"
        return files.attachment(version, version.file, version.sha256, name)
    if version.origin == Origin.REFERENCED:
        return FileResponse(folders.find(version.raw_file).open("rb"), as_attachment=True, filename=version.raw_name)
    return files.attachment(version, version.raw_file, version.raw_sha256, version.raw_name)
