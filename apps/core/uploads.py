"""Files that come with a request: streamed to disk, and dropped as soon as they pass the limit."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict

from apps.core.errors import TooLarge

BESIDE = 1024**2  # what may come beside a file in one request


class BoundedUpload(TemporaryFileUploadHandler):
    """Writes an upload to a temporary file up to TENURE_UPLOAD_LIMIT bytes.

    What is larger is read to its end, so that the sender gets an answer instead of a broken connection, but is not
    kept; `refuse_too_large` then says so. Who asks before sending (Expect: 100-continue) is told at once.
    """

    def handle_raw_input(
        self, input_data: Any, META: dict, content_length: int, boundary: str, encoding: str | None = None
    ) -> tuple[QueryDict, MultiValueDict] | None:
        asks = META.get("HTTP_EXPECT", "").lower() == "100-continue"
        # A form of a page carries its proof in the body, which has to be read for that.
        if asks and "/api/v1/" in META.get("PATH_INFO", "") and content_length > settings.TENURE_UPLOAD_LIMIT + BESIDE:
            self.request.upload_too_large = "The file"  # type: ignore[union-attr]
            return QueryDict(encoding=encoding), MultiValueDict()
        return None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += len(raw_data)
        if self.received > settings.TENURE_UPLOAD_LIMIT:
            self.request.upload_too_large = self.file_name or "The file"  # type: ignore[union-attr]
            raise SkipFile
        super().receive_data_chunk(raw_data, start)


def refuse_too_large(request: Any) -> None:
    """Raise TooLarge when a file of this request was dropped because of its size."""
    # Only reading the body tells; an API request keeps it under another name.
    _ = request.data if hasattr(request, "data") else request.POST
    plain: HttpRequest = getattr(request, "_request", request)
    name = getattr(plain, "upload_too_large", "")
    if name:
        limit = settings.TENURE_UPLOAD_LIMIT / 1024**2
        raise TooLarge(
            f"{name} is larger than {limit:,.0f} MiB, the limit here. Nothing was kept. Split it, compress it, or ask "
            "an administrator to raise TENURE_UPLOAD_LIMIT."
        )
