"""Traces by setting, at a real OTLP receiver: one trace from request over outbox to worker; off, nothing."""

import gzip
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.urls import resolve
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from apps.core import tracing
from apps.core.tenancy import tenant
from apps.monitoring.models import Monitor
from apps.work.models import OutboxMessage
from config.celery import app
from tests.monitoring.field import START, Field

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Receiver:
    """Takes OTLP over HTTP and keeps the spans by name."""

    def __init__(self):
        self.spans, self.services = [], set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                receiver.keep(self.path, body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keep(self, path, body):
        assert path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            told = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.services.add(told["service.name"])
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    def named(self, name):
        tracing.flush()
        return [span for span in self.spans if span.name == name]


def attributes(span):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


@pytest.fixture
def receiver(monkeypatch, settings):
    found = Receiver()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
    settings.TENURE_TRACES = True
    tracing._providers.clear()
    yield found
    tracing.flush()
    tracing._providers.clear()
    found.server.shutdown()


def work(organization):
    """Everything that waits, run as a worker does: with the headers of its message, and the signals of its tasks."""
    app.loader.import_default_modules()
    while True:
        with tenant(organization.pk):
            waiting = list(OutboxMessage.objects.filter(delivered_at=None).order_by("id"))
            for message in waiting:
                message.delivered_at = message.available_at
                message.save()
        if not waiting:
            return
        for message in waiting:
            headers = {tracing.HEADER: message.trace} if message.trace else {}
            app.tasks[message.task].apply([str(organization.pk), *message.arguments], headers=headers, throw=True)


def test_one_trace_goes_from_the_request_to_the_worker(receiver, inside, sign_in):
    field = Field(inside)
    predictions, _ = field.rows(250)
    client = sign_in(field.cast.otto)
    address = f"/o/{field.cast.meridian.key}/api/v1/monitoring/{field.endpoint.key}/predictions/"
    answer = client.post(
        address, json.dumps(predictions), content_type="application/json", headers={"traceparent": CALLER}
    )
    assert answer.status_code == 202, answer.content
    work(field.cast.meridian)
    request = next(span for span in receiver.named(f"POST {route_of(address)}"))
    received, counted = receiver.named("monitoring.receive")[0], receiver.named("monitoring.count")[0]
    task = next(span for span in receiver.named("monitoring.count_rows") if span.span_id == counted.parent_span_id)
    assert {one.trace_id.hex() for one in (request, received, counted, task)} == {CALLER.split("-")[1]}
    assert request.parent_span_id.hex() == CALLER.split("-")[2]
    assert received.parent_span_id == request.span_id
    assert task.parent_span_id == received.span_id
    assert attributes(request)["http.response.status_code"] == 202
    assert attributes(task)["tenure.organization"] == str(field.cast.meridian.pk)
    assert receiver.services == {"tenure"}


def route_of(address):
    return f"/{resolve(address).route}"


def test_check_of_a_monitor_is_traced_window_by_window(receiver, inside):
    field = Field(inside)
    monitor = field.monitor()
    field.fly(250, labelled=False)
    field.fly(1, START.replace(day=2), labelled=False)
    from apps.monitoring import actions

    with tracing.span("somebody asks"):
        actions.start_check(monitor=Monitor.objects.get(pk=monitor.pk), by=field.cast.otto)
    work(field.cast.meridian)
    asked, check = receiver.named("somebody asks")[0], receiver.named("monitoring.check")
    window = next(span for span in check if "tenure.window" in attributes(span))
    door = next(span for span in check if span.span_id == window.parent_span_id)
    assert door.parent_span_id == asked.span_id
    assert attributes(window)["tenure.rows"] == 250
    assert attributes(window)["tenure.level"] == "quiet"


def test_what_fails_is_marked_and_told(receiver):
    with pytest.raises(ValueError, match="no"), tracing.span("breaks"):
        raise ValueError("no")
    span = receiver.named("breaks")[0]
    assert span.status.code == 2
    assert attributes(span.events[0])["exception.message"] == "no"


def test_without_the_setting_nothing_is_imported_or_carried(inside, settings):
    settings.TENURE_TRACES = False
    with tracing.span("nothing") as span:
        assert span is None
        assert tracing.carried() == ""
    field = Field(inside)
    field.fly(5, labelled=False)
    assert set(OutboxMessage.objects.values_list("trace", flat=True)) == {""}
    code = (
        "import os, sys, django; os.environ.pop('OTEL_EXPORTER_OTLP_ENDPOINT', None); django.setup();"
        "from django.core.handlers.wsgi import WSGIHandler; WSGIHandler(); import apps.work.tasks;"
        "print(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
