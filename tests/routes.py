"""Every route under /o/<organization>/, found by walking the URLs, with real arguments from the world."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

PREFIX = "o/<slug:organization>/"
ARGUMENT = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")
REGEX_ARGUMENT = re.compile(r"\(\?P<(?P<name>\w+)>(?P<pattern>[^()]*(?:\([^()]*\)[^()]*)*)\)")
ANCHORS = re.compile(r"(?<!\[)\^|\$|\\Z")


@dataclass(frozen=True)
class Route:
    """One route: its pattern behind the organization, the view behind it, its name."""

    pattern: str
    view: Any
    name: str

    @property
    def is_api(self) -> bool:
        return self.pattern.startswith("api/v1/")

    @property
    def view_class(self) -> Any:
        return getattr(self.view, "view_class", None) or getattr(self.view, "cls", None)

    @property
    def methods(self) -> set[str]:
        """The HTTP methods it answers, in upper case."""
        actions = getattr(self.view, "actions", None)
        if actions:
            return {method.upper() for method in actions} & {"GET", "POST", "PUT", "PATCH", "DELETE"}
        allowed = getattr(self.view_class, "http_method_names", ["get", "post"])
        return {method.upper() for method in allowed if hasattr(self.view_class, method)} - {"OPTIONS", "HEAD"} or {
            "GET"
        }

    @property
    def names(self) -> list[str]:
        """The names of its arguments."""
        return [match["name"] for match in ARGUMENT.finditer(self.pattern)] + [
            match["name"] for match in REGEX_ARGUMENT.finditer(self.pattern)
        ]

    def path(self, organization: str, given: dict[str, Any]) -> str:
        """The address with arguments filled in."""
        filled = REGEX_ARGUMENT.sub(lambda match: str(given[match["name"]]), self.pattern)
        filled = ARGUMENT.sub(lambda match: str(given[match["name"]]), filled)
        return f"/o/{organization}/{ANCHORS.sub('', filled)}"


def every_route() -> list[Route]:
    """All routes of the tenant, pages and API, sorted by pattern."""
    found = [
        Route(ANCHORS.sub("", pattern[len(PREFIX) :]), view, name)
        for pattern, view, name in _walk(get_resolver(), "", "")
        if pattern.startswith(PREFIX)
    ]
    unique = {route.pattern: route for route in found}
    return [unique[pattern] for pattern in sorted(unique)]


def _walk(resolver: URLResolver, prefix: str, namespace: str) -> Iterator[tuple[str, Any, str]]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield pattern, entry.callback, f"{namespace}{entry.name or ''}"
        else:
            yield from _walk(entry, pattern, f"{namespace}{entry.namespace + ':' if entry.namespace else ''}")


def arguments(route: Route, world: Any) -> dict[str, Any]:
    """Real arguments of a route: from the view's own model and lookups where it says them, else from the world."""
    given: dict[str, Any] = {}
    view = route.view_class
    model = getattr(view, "model", None)
    lookups = dict(getattr(view, "lookups", {}) or {})
    field = getattr(view, "lookup_field", None)
    if field and route.is_api:
        lookups.setdefault(getattr(view, "lookup_url_kwarg", None) or field, field)
    row = world.row(model) if model is not None else None
    for name in route.names:
        value = None
        if row is not None and name in lookups:
            value = _follow(row, lookups[name])
        given[name] = value if value is not None else world.argument(name, route)
    return given


def _follow(row: Any, path: str) -> Any:
    for step in path.split("__"):
        row = getattr(row, step, None)
    return row
