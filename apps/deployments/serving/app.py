"""The prediction server: a plain WSGI application, one process a core, that speaks the Open Inference Protocol.

It knows the routing table in memory and the spool on the local disk, and nothing else: no database, no Django.
"""

import hmac
import http
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from apps.core.ids import uuid7
from apps.deployments.serving import metrics as exposition
from apps.deployments.serving import protocol, records
from apps.deployments.serving.config import Config
from apps.deployments.serving.journal import Journal
from apps.deployments.serving.metrics import Metrics
from apps.deployments.serving.protocol import Rejected
from apps.deployments.serving.routes import SERVED, Route, Table, Token
from apps.deployments.serving.terms import Outside
from apps.models.engine.signatures import SignatureError

log = structlog.get_logger("tenure.serving")
Environ = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], Any]
LOOPBACK = ("127.", "::1", "[::1]")
REASONS = {int(status): status.phrase for status in http.HTTPStatus}
JSON = ("Content-Type", "application/json")
EXPOSITION = ("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
NOT_RECORDED = Rejected(
    503, "The prediction could not be recorded, and this endpoint gives none without. Try again later."
)
NOT_HERE = "There is no such endpoint here, or your token may not see it."


class Application:
    """Answers requests from the table that `tables()` gives at the moment."""

    def __init__(self, config: Config, tables: Callable[[], Table], journal: Journal, metrics: Metrics) -> None:
        self.config, self.tables, self.journal, self.metrics = config, tables, journal, metrics
        self._at_once: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start: Start) -> list[bytes]:
        table = self.tables()
        route = table.infer.get(environ["PATH_INFO"])
        if route is not None and environ["REQUEST_METHOD"] == "POST":
            return self._infer(table, route, environ, start)
        try:
            found = self._look(table, environ)
        except Rejected as rejection:
            self.metrics.turned_away.labels(str(rejection.status)).inc()
            return _send(start, rejection.status, _error(rejection), [JSON, *rejection.headers])
        if isinstance(found, Route):
            return self._infer(table, found, environ, start)
        if isinstance(found, bytes):
            return _send(start, 200, found, [EXPOSITION])
        return _send(start, 200, json.dumps(found).encode(), [JSON])

    def _infer(self, table: Table, route: Route, environ: Environ, start: Start) -> list[bytes]:
        began, call = time.perf_counter(), uuid7().hex
        request_id = environ.get("HTTP_X_REQUEST_ID", "")[: protocol.ID_LENGTH] or call
        headers = [JSON, ("X-Request-Id", request_id)]
        try:
            token = _caller(table, route, environ)
        except Rejected as rejection:
            self.metrics.turned_away.labels(str(rejection.status)).inc()
            return _send(start, rejection.status, _error(rejection), [*headers, *rejection.headers])
        headers += _about(route)
        status, rows, outside, error, body, full = 200, 0, 0, "", b"", b""
        try:
            rows, outside, body, full, answer = self._predict(route, environ, call)
        except Rejected as rejection:
            status, error, answer = rejection.status, rejection.sentence, _error(rejection)
            headers += rejection.headers
            outside = rejection.rows if isinstance(rejection, Outside) else 0
        seconds, kept = time.perf_counter() - began, True
        if route.predict is not None:
            facts = _facts(route, token, call, request_id, status, seconds, rows, error, outside)
            kept = self.journal.keep(route, rows, records.encode(facts, body, full))
        if not kept and route.must_record:
            status, rows, answer = 503, 0, _error(NOT_RECORDED)
        self.metrics.count(route, status=status, seconds=seconds, rows=rows, kept=kept, outside=outside)
        return _send(start, status, answer, headers)

    def _predict(self, route: Route, environ: Environ, call: str) -> tuple[int, int, bytes, bytes, bytes]:
        """Rows, how many of them lie outside the conditions of use, request body, answer to record and to send."""
        _check_served(route)
        with self._place(route.organization):
            body = self._body(environ)
        if route.signature is None or route.predict is None:
            raise Rejected(503, route.problem, (("Retry-After", "30"),))
        ask = protocol.read(body, route.signature.names, self.config.row_limit)
        columns = ask.columns(route.signature)
        outside = route.terms.outside(columns) if route.terms.ranges else []
        try:
            outputs = route.predict(columns)
        except SignatureError as misfit:
            fields = " ".join(f"{name} {text}" for name, text in misfit.fields.items())
            raise Rejected(400, f"{misfit.sentence} {fields}".strip()) from None
        except Exception:
            log.exception("model_failed", endpoint=route.endpoint_id, version=route.version, call=call)
            sentence = "The model failed on this input. It was recorded; its owner should look at it."
            raise Rejected(500, sentence) from None
        identity = ask.id or call
        said = route.terms.said(outside)
        full = protocol.answer(route.endpoint, route.version, identity, outputs, (), said)
        wanted = ask.wanted
        answer = protocol.answer(route.endpoint, route.version, identity, outputs, wanted, said) if wanted else full
        return ask.rows, len(outside), body, full, answer

    @contextmanager
    def _place(self, organization: str) -> Iterator[None]:
        with self._lock:
            if self._at_once[organization] >= self.config.at_once:
                sentence = (
                    f"Your organization has {self.config.at_once} requests on their way here already. "
                    "Wait for their answers, then send more."
                )
                raise Rejected(429, sentence, (("Retry-After", "1"),))
            self._at_once[organization] += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_once[organization] -= 1

    def _body(self, environ: Environ) -> bytes:
        kind = environ.get("CONTENT_TYPE") or "application/json"
        if (
            kind.partition(";")[0].strip().lower() != "application/json"
            or environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity"
        ):
            raise Rejected(415, "Send plain JSON with the header Content-Type: application/json.")
        if environ.get("HTTP_INFERENCE_HEADER_CONTENT_LENGTH"):
            raise Rejected(415, "Binary tensors are not spoken here. Send the data as JSON.")
        limit = self.config.body_limit
        length = environ.get("CONTENT_LENGTH") or ""
        too_large = Rejected(
            413, f"The request is larger than {limit / 1024**2:g} MiB, the limit here. Split it and send the parts."
        )
        if length.isdecimal() and int(length) > limit:
            raise too_large
        body = environ["wsgi.input"].read(int(length) if length.isdecimal() else limit + 1)
        if len(body) > limit:
            raise too_large
        return bytes(body)

    def _look(self, table: Table, environ: Environ) -> Any:
        """What a path other than infer's shows: JSON, metrics as bytes, or a Route when it asks for a named version."""
        parts = environ["PATH_INFO"].strip("/").split("/")
        if parts == ["metrics"]:
            return self._metrics(environ)
        if parts[:1] == ["health"] and len(parts) == 2:
            return _health(table, parts[1])
        if len(parts) < 4 or parts[0] != "o" or parts[2:4] != ["serve", "v2"]:
            raise Rejected(404, "There is nothing here. The protocol begins at /o/<organization>/serve/v2.")
        rest = parts[4:]
        if rest[:1] == ["health"] and len(rest) == 2:
            return _health(table, rest[1])
        token = _holder(table, environ)
        if token.organization != parts[1]:
            raise Rejected(404, NOT_HERE)
        if not rest:
            return {"name": "tenure", "version": "1", "extensions": []}
        if rest[0] != "models" or len(rest) < 2:
            raise Rejected(404, "There is nothing here. Models are at v2/models/<endpoint>.")
        return _model(table, token, environ, rest[1], rest[2:])

    def _metrics(self, environ: Environ) -> bytes:
        """For holders of the metrics token; when none is set, for this machine alone: the labels name every tenant."""
        wanted = self.config.metrics_token
        given = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ").strip()
        is_local = str(environ.get("REMOTE_ADDR", "")).startswith(LOOPBACK)
        if not (hmac.compare_digest(given.encode("latin-1"), wanted.encode()) if wanted else is_local):
            raise Rejected(403, "Metrics are for the operators of this server.")
        return exposition.text(self.config)


def _holder(table: Table, environ: Environ) -> Token:
    token = table.token(environ.get("HTTP_AUTHORIZATION", ""))
    if token is None:
        sentence = (
            "Send the header Authorization: Bearer TOKEN with a token that is valid; "
            "this one is missing, unknown, expired or revoked."
        )
        raise Rejected(401, sentence, (("WWW-Authenticate", "Bearer"),))
    return token


def _caller(table: Table, route: Route, environ: Environ) -> Token:
    """Who asks for predictions, if they may."""
    token = _holder(table, environ)
    if route.endpoint_id not in token.asks:
        if token.organization != route.organization or route.endpoint_id not in token.sees:
            raise Rejected(404, NOT_HERE)
        raise Rejected(
            403, "This token may not ask for predictions here. It takes the scope “predict” and a role that allows it."
        )
    return token


def _check_served(route: Route) -> None:
    if route.state == "off":
        raise Rejected(
            410, "This endpoint was turned off. Its page in the portal names the successor, if there is one."
        )
    if route.state not in SERVED:
        raise Rejected(503, "Nothing has been deployed to this endpoint yet.", (("Retry-After", "30"),))
    if route.predict is None:
        raise Rejected(
            503, route.problem or "Nothing has been deployed to this endpoint yet.", (("Retry-After", "30"),)
        )


def _model(table: Table, token: Token, environ: Environ, name: str, rest: list[str]) -> Any:
    route = table.routes.get((token.organization, name))
    if route is None or route.endpoint_id not in token.sees:
        raise Rejected(404, NOT_HERE)
    if rest[:1] == ["versions"] and len(rest) > 1:
        if rest[1] != str(route.version):
            raise Rejected(404, f"Version {rest[1][:20]} is not served at {name}; version {route.version} is.")
        rest = rest[2:]
    method = environ["REQUEST_METHOD"]
    if rest == ["infer"]:
        if method != "POST":
            raise Rejected(405, "Send inputs with POST.", (("Allow", "POST"),))
        return route
    if method not in {"GET", "HEAD"}:
        raise Rejected(405, "Read this with GET.", (("Allow", "GET"),))
    if rest == ["ready"]:
        _check_served(route)
        return {"name": name, "ready": True}
    if rest:
        raise Rejected(404, "There is nothing here. Try ready, infer, or the model itself.")
    if route.signature is None:
        _check_served(route)
        raise Rejected(503, route.problem)
    return protocol.metadata(name, [route.version], route.signature)


def _health(table: Table, what: str) -> dict[str, bool]:
    if what == "live":
        return {"live": True}
    if what != "ready":
        raise Rejected(404, "There is nothing here. Try live or ready.")
    if table.number == 0:
        raise Rejected(503, "The server has not read its routing table yet.", (("Retry-After", "1"),))
    return {"ready": True}


def _error(rejection: Rejected) -> bytes:
    return json.dumps({"error": rejection.sentence}, ensure_ascii=False).encode()


def _send(start: Start, status: int, body: bytes, headers: list[tuple[str, str]]) -> list[bytes]:
    start(f"{status} {REASONS[status]}", [*headers, ("Content-Length", str(len(body)))])
    return [body]


def _about(route: Route) -> list[tuple[str, str]]:
    about = [("X-Model-Version", str(route.version))]
    if route.terms.needs_confirmation:
        about.append(("X-Needs-Confirmation", "true"))
    return [*about, ("Deprecation", "true")] if route.state == "draining" else about


def _facts(
    route: Route,
    token: Token,
    call: str,
    request_id: str,
    status: int,
    seconds: float,
    rows: int,
    error: str,
    outside: int,
) -> records.Facts:
    kind = records.OK if status == 200 else records.FAILED if status >= 500 else records.REFUSED
    ids = (call, route.organization_id, route.endpoint_id, route.version_id)
    return records.Facts(*ids, time.time(), seconds, kind, rows, request_id, token.id, error, outside)
