"""The routing table: which endpoint is served by which version, and who may ask it.

The router (`manage.py serve`) writes the table to a file whenever something was deployed, turned off or granted. Each
server process reads the file, opens what is new, and puts the finished table in place of the old one in one assignment;
a request keeps the table it began with. No process that answers callers has a connection to PostgreSQL.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from apps.deployments.serving.terms import NO_TERMS, Terms
from apps.models.engine.signatures import Columns, Signature

log = structlog.get_logger("tenure.serving")
Predict = Callable[[Columns], Mapping[str, Any]]
SERVED = ("live", "draining")


@dataclass(frozen=True)
class Token:
    """A caller: what they may ask and what they may see, as endpoint ids. `expires_at` in seconds since 1970."""

    id: str
    organization: str
    asks: frozenset[str]
    sees: frozenset[str]
    expires_at: float | None = None

    def is_valid(self) -> bool:
        """Whether it still opens the door."""
        return self.expires_at is None or time.time() < self.expires_at


@dataclass(frozen=True)
class Route:
    """An endpoint and the version that answers there. `problem` says why it cannot; then there is no `predict`."""

    organization: str
    organization_id: str
    endpoint: str
    endpoint_id: str
    state: str
    version: int = 0
    version_id: str = ""
    signature: Signature | None = None
    predict: Predict | None = None
    problem: str = ""
    must_record: bool = False
    terms: Terms = NO_TERMS

    @property
    def base(self) -> str:
        """The endpoint's path."""
        return f"/o/{self.organization}/serve/v2/models/{self.endpoint}"


@dataclass(frozen=True)
class Table:
    """Everything a request needs to be answered. Never changed once made."""

    number: int = 0
    tokens: Mapping[str, Token] = field(default_factory=dict)
    routes: Mapping[tuple[str, str], Route] = field(default_factory=dict)
    infer: Mapping[str, Route] = field(default_factory=dict)

    def token(self, header: str) -> Token | None:
        """The caller behind an Authorization header."""
        kind, _, value = header.partition(" ")
        if kind.lower() != "bearer":
            return None
        token = self.tokens.get(hashlib.sha256(value.strip().encode("latin-1", "replace")).hexdigest())
        return token if token is not None and token.is_valid() else None


class Loader:
    """Makes tables from the router's file; models that stay are not opened again."""

    def __init__(self, models: Path) -> None:
        self.models = models
        self._open: dict[tuple[str, str], Predict] = {}

    def table(self, content: bytes) -> Table:
        """The table written in `content`, with every model opened that can be."""
        plain = json.loads(content)
        fresh: dict[tuple[str, str], Predict] = {}
        routes = [self._route(entry, fresh) for entry in plain["endpoints"]]
        self._open = fresh
        return Table(
            number=plain["number"],
            tokens={key: _token(entry) for key, entry in plain["tokens"].items()},
            routes={(route.organization, route.endpoint): route for route in routes},
            infer={f"{route.base}/infer": route for route in routes},
        )

    def _route(self, entry: dict[str, Any], fresh: dict[tuple[str, str], Predict]) -> Route:
        known = {key: entry[key] for key in ("organization", "organization_id", "endpoint", "endpoint_id", "state")}
        if entry["state"] not in SERVED or not entry.get("version"):
            return Route(**known, problem=entry.get("problem", ""))
        known |= {"version": entry["version"], "version_id": entry["version_id"], "must_record": entry["must_record"]}
        signature = Signature.from_json(entry["signature"])
        if entry.get("problem"):
            return Route(**known, signature=signature, problem=entry["problem"])
        key = (entry["sha256"], json.dumps(entry["signature"], sort_keys=True))
        try:
            fresh[key] = fresh.get(key) or self._open.get(key) or self._predictor(entry["sha256"], signature)
        except Exception:
            log.exception("artifact_not_opened", endpoint=entry["endpoint_id"], sha256=entry["sha256"])
            return Route(
                **known,
                signature=signature,
                problem=f"The artifact of version {entry['version']} could not be opened on this server.",
            )
        terms = Terms.read(entry.get("terms", []), entry["signature"])
        return Route(**known, signature=signature, predict=fresh[key], terms=terms)

    def _predictor(self, sha256: str, signature: Signature) -> Predict:
        from apps.models.engine.onnx_runtime import OnnxModel

        content = (self.models / f"{sha256}.onnx").read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError("The file is not the one that was approved.")
        return OnnxModel(content, signature, threads=1).predict


def _token(entry: dict[str, Any]) -> Token:
    return Token(
        entry["id"], entry["organization"], frozenset(entry["asks"]), frozenset(entry["sees"]), entry.get("expires_at")
    )
