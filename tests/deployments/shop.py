"""A model with versions that could be deployed, as rows; the apps below have tests of how they come to be."""

import io
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from apps.approvals import actions as approvals
from apps.approvals.models import Request
from apps.core import files
from apps.core.ids import uuid7
from apps.datasets.models import Dataset, DatasetVersion
from apps.deployments import actions
from apps.deployments.models import Deployment, Endpoint, Environment
from apps.models.models import Artifact, ModelVersion, RegisteredModel
from apps.organizations.actions import open_scope
from apps.projects.models import Project
from apps.validation.models import Condition, Finding, Plan, ValidationRun
from tests.cast import Cast
from tests.deployments import samples


class Shop:
    """Meridian Air's project “Late arrivals”, staffed by the cast, with its model and data."""

    def __init__(self, cast: Cast, tier: str = "limited", key: str = "late-arrivals") -> None:
        self.cast = cast
        scope = open_scope(pk=uuid7(), label="Late arrivals")
        cast.staff(scope)
        charter = self.approved("charter", scope, cast.bianca, [cast.rhea, cast.carlo])
        self.project = Project(
            id=scope.pk, key=key, title="Late arrivals", problem="Late", owner=cast.bianca, created_by=cast.bianca,
            tier=tier, state="approved", approval=charter, approved_at=timezone.now(),
        )  # fmt: skip
        self.project.save(force_insert=True)
        dataset = Dataset(project=self.project, key=key, name="Flights", created_by=cast.dario)
        dataset.save(force_insert=True)
        self.data = DatasetVersion(
            dataset=dataset, number=1, origin="upload", created_by=cast.dario, state="signed_off",
            sha256="0" * 64, rows=10, signed_off_at=timezone.now(),
        )  # fmt: skip
        self.data.save(force_insert=True)
        self.model = RegisteredModel(
            project=self.project, key=key, name="Late arrivals", target="late", owner=cast.dario, created_by=cast.dario
        )
        self.model.save(force_insert=True)
        self.staging = Environment.objects.get(key="staging")
        self.production = Environment.objects.get(key="production")

    def approved(self, kind: str, scope: Any, by: Any, signers: list[Any], **more: Any) -> Request:
        """A request with all its signatures."""
        request = approvals.request(kind=kind, scope=scope, title=kind, link="/x", snapshot={"a": 1}, by=by, **more)
        for signer in signers:
            approvals.sign(request=request, by=signer, confirmed=True)
        request.refresh_from_db()
        return request

    def version(self, number: int, state: str = "approved", slope: float | None = None, **changes: Any) -> ModelVersion:
        """A version with a real artifact, validated and approved unless told otherwise."""
        content = samples.onnx_bytes(0.1 * number if slope is None else slope)
        stored = files.store(io.BytesIO(content), folder="models", name="model.onnx")
        artifact = Artifact(
            model=self.model, name="model.onnx", path=stored.path, sha256=stored.sha256, size=stored.size,
            format="onnx", state="accepted", signature=samples.SIGNATURE, added_by=self.cast.dario,
        )  # fmt: skip
        artifact.save(force_insert=True)
        now = timezone.now()
        given: dict[str, Any] = {"signature": samples.SIGNATURE, "dataset_version": self.data}
        given |= {"validated_by": self.cast.vera, "validated_at": now}
        if state == "approved":
            given |= {"approval": self._approval(), "approved_at": now}
        version = ModelVersion(
            model=self.model, number=number, artifact=artifact, state=state, registered_by=self.cast.dario,
            **(given | changes),
        )  # fmt: skip
        version.save(force_insert=True)
        if state in {"approved", "validated"}:
            self.validation(version)
        return version

    def _approval(self) -> Request:
        signers = [self.cast.rhea, self.cast.bianca]
        return self.approved("model_approval", self.project.pk, self.cast.dario, signers, tier=self.project.tier)

    def validation(
        self, version: ModelVersion, outcome: str = "validated", terms: Sequence[dict[str, Any]] = ()
    ) -> ValidationRun:
        """A finished validation with its conclusion."""
        plan = Plan.objects.filter(version=version).first() or self._plan(version)
        number = ValidationRun.objects.filter(version=version).count() + 1
        run = ValidationRun(
            plan=plan, version=version, number=number, state="finished",
            verdict="passed", started_by=self.cast.vera, started_at=timezone.now(), finished_at=timezone.now(),
            outcome=outcome, statement="Looked at.", conditions="Watch it." if outcome == "conditions" else "",
            concluded_by=self.cast.vera, concluded_at=timezone.now(),
        )  # fmt: skip
        run.save(force_insert=True)
        for number, term in enumerate(terms, start=1):
            Condition(run=run, number=number, **term).save(force_insert=True)
        return run

    def _plan(self, version: ModelVersion) -> Plan:
        plan = Plan(
            version=version, number=1, state="locked", tier="limited", kind="binary", test_data=self.data, seed=1,
            content_hash="0" * 64, written_by=self.cast.vera, locked_by=self.cast.vera, locked_at=timezone.now(),
        )  # fmt: skip
        plan.save(force_insert=True)
        return plan

    def finding(self, version: ModelVersion, severity: str = "high") -> Finding:
        """An open finding."""
        finding = Finding(
            version=version, number=1, title="Unfair to some", description="Gap", severity=severity,
            owner=self.cast.dario, due_on=timezone.localdate(), raised_by=self.cast.vera,
        )  # fmt: skip
        finding.save(force_insert=True)
        return finding

    def endpoint(self, environment: Environment | None = None, **more: Any) -> Endpoint:
        """An endpoint in production unless told otherwise."""
        place = environment or self.production
        return actions.create_endpoint(model=self.model, environment=place, by=self.cast.otto, **more)

    def planned(self, endpoint: Endpoint, version: ModelVersion) -> Deployment:
        """A planned deployment, waiting for its signature."""
        return actions.request_deployment(endpoint=endpoint, version=version, reason="Better", by=self.cast.otto)

    def sign(self, planned: Deployment) -> None:
        """Its signature."""
        approvals.sign(request=planned.request, by=self.cast.sigrid, confirmed=True)

    def deploy(self, endpoint: Endpoint, version: ModelVersion) -> Deployment:
        """A version on an endpoint, by the whole way."""
        if endpoint.environment.is_production:
            self.sign(self.planned(endpoint, version))
        return actions.deploy(endpoint=endpoint, version=version, by=self.cast.otto)
