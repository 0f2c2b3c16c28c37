"""What bodies of the API are read by: what no database can keep, or nobody should have to hold, is told at the door."""

from typing import Any

from django.conf import settings
from rest_framework import parsers
from rest_framework.exceptions import ParseError

from apps.core.errors import TooLarge
from apps.core.text import unkeepable


class Json(parsers.JSONParser):
    """A JSON body of bounded size and depth."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The content; raises TooLarge or ParseError with a sentence."""
        request = (parser_context or {}).get("request")
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if request is not None and int(request.META.get("CONTENT_LENGTH") or 0) > limit:
            raise TooLarge(f"A body of JSON holds at most {limit // 1024**2} MiB. Send larger content as a file.")
        try:
            return _kept(super().parse(stream, media_type, parser_context))
        except RecursionError:
            raise ParseError("This is nested too deeply.") from None


class Form(parsers.FormParser):
    """Fields of a form."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The fields; raises ParseError with a sentence."""
        fields = super().parse(stream, media_type, parser_context)
        _kept(list(fields.lists()))
        return fields


class Files(parsers.MultiPartParser):
    """Files, and fields beside them."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Fields and files; raises ParseError with a sentence."""
        parts = super().parse(stream, media_type, parser_context)
        _kept(list(parts.data.lists()))
        return parts


def _kept(content: Any) -> Any:
    if sentence := unkeepable(content):
        raise ParseError(sentence)
    return content
