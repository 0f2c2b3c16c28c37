"""OpenTelemetry traces, where OTEL_EXPORTER_OTLP_ENDPOINT says where to send them. Without it nothing is imported and
nothing happens.

A request continues the trace its caller names, an outbox message carries it over the commit, and the worker's task goes
on with it. The library's own settings (OTEL_SERVICE_NAME, OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER and so on)
hold as they are documented there.
"""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

HEADER = "traceparent"
QUIET = ("/static/", "/health/", "/metrics")

_providers: dict[int, Any] = {}  # by process: a thread that sends does not survive a fork


def is_on() -> bool:
    """Whether traces are sent anywhere."""
    return bool(settings.TENURE_TRACES)


def _tracer() -> Any:
    if os.getpid() not in _providers:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "tenure"}
        provider = TracerProvider(resource=Resource.create(named))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        _providers[os.getpid()] = provider
    return _providers[os.getpid()].get_tracer("tenure")


def flush() -> None:
    """Send what waits: a process that ends calls it."""
    if provider := _providers.get(os.getpid()):
        provider.force_flush()


@contextmanager
def span(name: str, parent: str = "", kind: str = "internal", **attributes: Any) -> Iterator[Any]:
    """A span around the block, continuing `parent` (a traceparent) if given, else the span around it; an exception
    marks it as failed. Gives the span, or None while traces are off.
    """
    if not is_on():
        yield None
        return
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind

    around = extract({HEADER: parent}) if parent else None
    kinds = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "consumer": SpanKind.CONSUMER}
    known = {f"tenure.{name}": value for name, value in attributes.items() if value is not None}
    with _tracer().start_as_current_span(name, context=around, kind=kinds[kind], attributes=known) as one:
        yield one


def traced(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A span of this name around every call of a function."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inner(*arguments: Any, **more: Any) -> Any:
            if not is_on():
                return function(*arguments, **more)
            with span(name):
                return function(*arguments, **more)

        return inner

    return wrap


def note(**attributes: Any) -> None:
    """Write on the current span what is known by now: rows, windows, levels."""
    if is_on():
        from opentelemetry.trace import get_current_span

        get_current_span().set_attributes({f"tenure.{name}": value for name, value in attributes.items()})


def failed(reason: str) -> None:
    """Mark the current span as failed."""
    if is_on():
        from opentelemetry.trace import StatusCode, get_current_span

        get_current_span().set_status(StatusCode.ERROR, reason)


def carried() -> str:
    """The current span as a traceparent, for whoever goes on with it; empty where there is none."""
    if not is_on():
        return ""
    from opentelemetry.propagate import inject

    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get(HEADER, "")


class Traces:
    """A span for each request, continuing the trace that the caller names."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not is_on():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(QUIET):
            return self.get_response(request)
        method = str(request.method)
        with span(method, parent=request.headers.get(HEADER, ""), kind="server") as one:
            response = self.get_response(request)
            match = request.resolver_match
            route = f"/{match.route}" if match else "no such page"
            one.update_name(f"{method} {route}")
            one.set_attributes(
                {"http.request.method": method, "http.route": route, "http.response.status_code": response.status_code}
            )
            if response.status_code >= 500:
                failed(response.reason_phrase)
            return response
