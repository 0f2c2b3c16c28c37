"""What bodies of the API are read by: what no database can keep, or nobody should have to hold, is told at the door."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from rest_framework import parsers
from rest_framework.exceptions import ParseError

from apps.core.errors import TooLarge


class Json(parsers.JSONParser):
    """A JSON body of bounded size and depth."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The content; raises TooLarge or ParseError with a sentence."""
        request = (parser_context or {}).get("request")
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if request is not None and int(request.META.get("CONTENT_LENGTH") or 0) > limit:
            raise TooLarge(f"A body of JSON holds at most {limit // 1024**2} MiB. Send larger content as a file.")
        try:
            content = super().parse(stream, media_type, parser_context)
            _check_text([content])
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
        return content


class Form(parsers.FormParser):
    """Fields of a form."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The fields; raises ParseError with a sentence."""
        fields = super().parse(stream, media_type, parser_context)
        _check_text(fields.lists())
        return fields


class Files(parsers.MultiPartParser):
    """Files, and fields beside them."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Fields and files; raises ParseError with a sentence."""
        parts = super().parse(stream, media_type, parser_context)
        _check_text(parts.data.lists())
        return parts


def _check_text(parts: Iterable[Any]) -> None:
    for part in parts:
        if isinstance(part, str):
            if "\0" in part:
                raise ParseError("The body holds the character NUL, which cannot be kept. Leave it out.")
            try:
                part.encode()
            except UnicodeEncodeError:
                raise ParseError("The body holds half a character, which is not valid Unicode.") from None
        elif isinstance(part, dict):
            _check_text(part)
            _check_text(part.values())
        elif isinstance(part, list | tuple):
            _check_text(part)
