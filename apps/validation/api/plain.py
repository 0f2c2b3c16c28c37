"""Plans and templates through the API as text: YAML, or JSON, which is read by the same rules."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from rest_framework import parsers, renderers
from rest_framework.exceptions import ParseError
from rest_framework.response import Response

from apps.core.errors import NotVisible, TooLarge
from apps.core.text import unkeepable
from apps.organizations import access

YAML = "application/yaml"
MOST_BYTES = 800_000
TEXT_IN = {YAML: OpenApiTypes.STR, "application/json": OpenApiTypes.OBJECT}
TEXT_OUT = {(200, YAML): OpenApiTypes.STR, (200, "application/json"): OpenApiTypes.OBJECT}


class Plain(parsers.BaseParser):
    """A body as text, whatever it calls itself."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The text; raises TooLarge or ParseError with a sentence."""
        content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise TooLarge(f"A plan or a template as text has at most {MOST_BYTES:,} bytes.")
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise ParseError("This is not text in UTF-8.") from None
        if sentence := unkeepable(text):
            raise ParseError(sentence)
        return text


def text_of(request: Any) -> str:
    """The body that `Plain` read; empty where there is none, which no parser is asked about."""
    return request.data if isinstance(request.data, str) else ""


class Yaml(renderers.BaseRenderer):
    """Plain values as YAML."""

    media_type = YAML
    format = "yaml"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> str:
        """The text."""
        from apps.validation.engine.written import dump

        return dump(data)


WRITTEN = [Yaml, renderers.JSONRenderer]


def schema_of(what: str, user: Any) -> Response:
    """The schema of a plan or a template, for members."""
    from apps.validation.engine.written import schema

    if access.membership(user) is None:
        raise NotVisible()
    return Response(schema(what))
