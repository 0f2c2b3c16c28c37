"""The router: what the database says is deployed, as the file the prediction servers read.

It alone talks to PostgreSQL; the servers keep answering from their table when the database is away, and after a restart
from the file. An artifact enters the table when its content has the hash that was approved and a child has opened it.
"""

import datetime as dt
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import structlog
from django.db import Error, connection
from django.db.models import Q
from django.utils import timezone

from apps.core import files, sandbox, tenancy
from apps.deployments.models import Deployment, DeploymentState, Endpoint, EndpointState, ServingReport
from apps.deployments.publishing import CHANNEL
from apps.deployments.serving.config import Config, replace
from apps.models.models import ModelVersion
from apps.organizations import access
from apps.organizations.models import ApiToken
from apps.organizations.people import system
from apps.organizations.roles import Permission
from apps.validation.actions import trigger_revalidation
from apps.validation.engine.conditions import CONFIRM, INPUTS
from apps.validation.models import Trigger

log = structlog.get_logger("tenure.router")
LIMITS = sandbox.Limits(wall=60, memory=4 * sandbox.GIB, threads=1)
# Roles, grants until a date and tokens change without a revision of ours: everything is read again this often.
REFRESH = 30.0
LOOK = 1.0
# The conditions of use that hold row by row; the gate and the daily look see to the others.
SERVED_TERMS = (INPUTS, CONFIRM)
CHANGED = "is not the file that was approved; its content has changed."


class Router:
    """Keeps one host's routing file current. `step` looks once and waits up to a second for news."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._routes: dict[UUID, dict[str, Any]] = {}
        self._revisions: dict[UUID, int] = {}
        self._opened: dict[tuple[str, str], str] = {}
        self._reported: dict[str, tuple[UUID, str]] = {}
        self._refreshed_at = -REFRESH
        self._number = 0
        self._ear: psycopg.Connection | None = None

    def step(self) -> None:
        """Bring the file up to date, then wait for a change or a second; a database that is away costs a log line."""
        try:
            self.look()
            self._wait()
        except (Error, psycopg.Error) as error:
            log.warning("router_waits", reason=str(error).strip())
            self.close()
            time.sleep(LOOK)

    def look(self) -> bool:
        """Read what has changed and write the file when something has; whether it did."""
        now = time.monotonic()
        everything = now - self._refreshed_at >= REFRESH
        current = revisions()
        changed = [one for one in current if everything or self._revisions.get(one) != current[one][1]]
        gone = set(self._routes) - set(current)
        for organization_id in gone:
            del self._routes[organization_id]
        for organization_id in changed:
            with tenancy.tenant(organization_id), access.remembered():
                found = routes(current[organization_id][0])
            self._prepare(organization_id, found["endpoints"])
            self._routes[organization_id] = found
        self._revisions = {one: number for one, (_, number) in current.items()}
        if everything:
            self._refreshed_at = now
        return self._write() if changed or gone or not self._number else False

    def close(self) -> None:
        """Let go of the database."""
        connection.close()
        if self._ear is not None:
            self._ear.close()
            self._ear = None

    def _wait(self) -> None:
        """Up to a second, or until somebody publishes, on a connection of our own."""
        if self._ear is None:
            parameters = connection.get_connection_params() | {"autocommit": True, "connect_timeout": 3}
            for name in ("cursor_factory", "context", "prepare_threshold"):
                parameters.pop(name, None)
            self._ear = psycopg.connect(**parameters)
            self._ear.execute(f"listen {CHANNEL}")
        for _ in self._ear.notifies(timeout=LOOK, stop_after=1):
            return

    def _prepare(self, organization_id: UUID, endpoints: list[dict[str, Any]]) -> None:
        """Have each served artifact opened once in a child, and report what came of it."""
        for entry in endpoints:
            deployment_id = entry.pop("deployment_id")
            path = entry.pop("path")
            if not path:
                continue
            entry["problem"] = self._check(organization_id, entry, path)
            said = (deployment_id, entry["problem"])
            if self._reported.get(entry["endpoint_id"]) != said:
                with tenancy.tenant(organization_id):
                    report(UUID(entry["endpoint_id"]), *said)
                self._reported[entry["endpoint_id"]] = said

    def _check(self, organization_id: UUID, entry: dict[str, Any], path: str) -> str:
        """Why the artifact cannot serve; empty when it can, and lies where the servers find it."""
        key = (entry["sha256"], json.dumps(entry["signature"], sort_keys=True))
        if key in self._opened:
            return self._opened[key]
        name = f"The artifact of version {entry['version']}"
        target = self.config.models / f"{entry['sha256']}.onnx"
        try:
            with _fetched(organization_id, path, target) as fetched:
                if hashlib.sha256(fetched.read_bytes()).hexdigest() != entry["sha256"]:
                    return f"{name} {CHANGED}"
                problem = _try_opening(fetched, entry["signature"])
                if not problem:
                    fetched.replace(target)
        except OSError as error:
            log.exception("artifact_not_fetched", path=path)
            return f"{name} could not be read from storage ({error.strerror or type(error).__name__})."
        # What a child said about this very content will not change; what storage said may.
        self._opened[key] = f"{name} could not be opened: {problem}" if problem else ""
        return self._opened[key]

    def _write(self) -> bool:
        # Servers tell tables apart by this number; a router that starts anew goes on above the last one.
        self._number = max(self._number + 1, time.time_ns())
        endpoints = [entry for found in self._routes.values() for entry in found["endpoints"]]
        tokens = {key: entry for found in self._routes.values() for key, entry in found["tokens"].items()}
        content = {"number": self._number, "endpoints": endpoints, "tokens": tokens}
        replace(self.config.routes, json.dumps(content).encode())
        return True


def revisions() -> dict[UUID, tuple[str, int]]:
    """Key and revision of every organization with endpoints, through their door."""
    with connection.cursor() as cursor:
        cursor.execute("select organization_id, key, number from door_routing_revisions()")
        return {organization_id: (key, number) for organization_id, key, number in cursor.fetchall()}


def routes(organization: str) -> dict[str, Any]:
    """Endpoints and tokens of the ambient organization as the routing file holds them; `organization` is its key."""
    endpoints = list(Endpoint.objects.select_related("model"))
    live = Deployment.objects.filter(state=DeploymentState.LIVE).select_related("version__artifact")
    answering = {deployment.endpoint_id: deployment for deployment in live}
    return {
        "endpoints": [_entry(organization, endpoint, answering.get(endpoint.pk)) for endpoint in endpoints],
        "tokens": _tokens(organization, endpoints),
    }


def report(endpoint_id: UUID, deployment_id: UUID, problem: str) -> None:
    """Keep what the prediction server says about a deployment, for the endpoint's page."""
    ServingReport.objects.update_or_create(
        endpoint_id=endpoint_id,
        defaults={"deployment_id": deployment_id, "problem": problem, "reported_at": timezone.now()},
    )
    if problem.endswith(CHANGED):
        rows = Deployment.objects.select_related("endpoint", "version__model__project", "organization")
        deployment = rows.get(pk=deployment_id)
        trigger_revalidation(
            version=deployment.version,
            trigger=Trigger.ARTIFACT,
            reason=problem,
            source=deployment.get_absolute_url(),
            by=system(),
        )


def _entry(organization: str, endpoint: Endpoint, deployment: Deployment | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "organization": organization,
        "organization_id": str(endpoint.organization_id),
        "endpoint": endpoint.key,
        "endpoint_id": str(endpoint.pk),
        "state": endpoint.state,
        "must_record": endpoint.must_record,
        "problem": "",
        "deployment_id": None,
        "path": "",
    }
    if deployment is None or endpoint.state == EndpointState.OFF:
        return entry
    version: ModelVersion = deployment.version
    halted = f"This version may not answer now. {deployment.breach}" if deployment.is_halted else ""
    return entry | {
        "version": version.number,
        "version_id": str(version.pk),
        "signature": version.signature,
        "sha256": version.artifact.sha256,
        "path": "" if halted else version.artifact.path,
        "problem": halted,
        "deployment_id": deployment.pk,
        "terms": [term for term in deployment.terms if term["kind"] in SERVED_TERMS],
    }


def _tokens(organization: str, endpoints: list[Endpoint]) -> dict[str, dict[str, Any]]:
    now = timezone.now()
    valid = ApiToken.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None, user__is_active=True)
    return {token.token_hash: _token(organization, token, endpoints) for token in valid.select_related("user")}


def _token(organization: str, token: ApiToken, endpoints: list[Endpoint]) -> dict[str, Any]:
    holder = token.user
    holder.token_scopes = frozenset(token.scopes) if token.scopes else None
    seen = set(access.visible(Endpoint.objects.all(), holder).values_list("pk", flat=True))
    asks = [one for one in endpoints if one.pk in seen and access.can(holder, Permission.PREDICT, one)]
    expires: dt.datetime | None = token.expires_at
    return {
        "id": str(token.pk),
        "organization": organization,
        "sees": sorted(str(key) for key in seen),
        "asks": sorted(str(one.pk) for one in asks),
        "expires_at": expires.timestamp() if expires else None,
    }


def _try_opening(model: Path, signature: dict[str, Any]) -> str:
    """What is wrong with a model when a child opens it; empty when nothing is."""
    try:
        sandbox.run(
            function="apps.deployments.engine.opening:open_once",
            payload={"signature": signature},
            inputs={"model": str(model)},
            limits=LIMITS,
            profile="runtime",
        )
    except sandbox.SandboxError as error:
        return str(error)
    return ""


@contextmanager
def _fetched(organization_id: UUID, path: str, target: Path) -> Iterator[Path]:
    """A copy of a stored file beside where it is to go."""
    fresh = target.with_suffix(".fresh")
    try:
        with tenancy.tenant(organization_id), files.open_file(path) as stored, fresh.open("wb") as copy:
            while piece := stored.read(1024 * 1024):
                copy.write(piece)
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)
