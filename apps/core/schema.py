"""The OpenAPI description: every operation also answers with problem bodies."""

from typing import Any
from uuid import UUID

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema

from apps.core.tenancy import tenant

NOBODY = UUID(int=0)
PROBLEM = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence that says what to do."},
        "errors": {"type": "object", "description": "Sentences by field, where the input does not fit."},
        "legal": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The legal moves, where the state does not allow this one.",
        },
    },
}
ANSWERS = {
    "401": "No valid token or session.",
    "403": "Not allowed.",
    "404": "Not there, or not to be seen.",
    "409": "Not in this state.",
    "422": "The input does not fit.",
    "429": "Too many calls.",
}


class Schema(AutoSchema):
    """Names a component by its app as well: several apps have a `VersionOut` of their own."""

    def _get_serializer_name(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> str:
        name: str = super()._get_serializer_name(serializer, direction, bypass_extensions)
        module = type(serializer).__module__.split(".")
        return f"{module[1].title()}{name}" if module[0] == "apps" else name


class Generator(SchemaGenerator):
    """Draws the description for an organization that does not exist: filters ask for rows, and there are none."""

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        """The whole description."""
        with tenant(NOBODY):
            return super().get_schema(request, public)


def add_problems(result: dict, generator: Any, request: Any, public: bool) -> dict:
    """A drf-spectacular hook: document the error answers once for every operation."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            for code, description in ANSWERS.items():
                operation["responses"].setdefault(code, {"description": description, "content": content})
    return result
