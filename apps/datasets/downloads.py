"""Rows and files on their way out, by page and API alike."""

from typing import Any

from django.http import FileResponse

from apps.core import files
from apps.core.errors import NotVisible
from apps.datasets import actions, folders, policies
from apps.datasets.models import DatasetVersion, Origin


def download(version: DatasetVersion, what: str, user: Any) -> FileResponse:
    """A response that streams the rows, or the file as it came; sensitive rows leave a record."""
    if what not in ("table", "original") or (what == "original" and not version.raw_file):
        raise NotVisible()
    policies.check_see_rows(user, version)
    if what == "table":
        policies.require_readable(version)
    if policies.is_sensitive(version):
        actions.note_download(version=version, what=what, by=user)
    if what == "table":
        name = f"{version.dataset.key}-v{version.number}.parquet"
        return FileResponse(files.open_file(version.file), as_attachment=True, filename=name)
    if version.origin == Origin.REFERENCED:
        return FileResponse(folders.find(version.raw_file).open("rb"), as_attachment=True, filename=version.raw_name)
    return FileResponse(files.open_file(version.raw_file), as_attachment=True, filename=version.raw_name)
