"""Files that tools outside of Tenure wrote, on their way out, by page and API alike."""

from django.http import FileResponse

from apps.core import files
from apps.core.errors import Conflict, NotVisible
from apps.validation.models import OutsideAnswer


def download(answer: OutsideAnswer) -> FileResponse:
    """The evidence as a file to keep. Nobody here knows what is in it, so no browser is told to show it."""
    if not answer.file:
        raise NotVisible()
    try:
        content = files.open_file(answer.file)
    except OSError as error:
        lost = f"The evidence of “{answer}” is not in storage. Have it restored from the backup; its hash is "
        raise Conflict(f"{lost}{answer.sha256}.") from error
    response = FileResponse(
        content, as_attachment=True, filename=answer.file_name, content_type="application/octet-stream"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
