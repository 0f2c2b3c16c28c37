"""An endpoint in production behind the gate."""

from typing import Any

from apps.deployments import actions as deployments
from apps.deployments.models import Endpoint, Environment
from apps.portal.demo.meridian.validation import Validation
from apps.validation.models import ConditionKind
from apps.validation.subjects import conditions_in_force


class Deployment(Validation):
    """An endpoint in production behind the gate."""

    def deployment(self) -> None:
        """An endpoint in production behind the gate; security signs, the operator deploys."""
        self.terminal.heading("5  Deployment: through the gate, signed by security, answering over HTTP")
        otto = self.company["otto"]
        with self.inside():
            production = Environment.objects.filter(is_production=True).order_by("order").first()
            self.endpoint = self._endpoints().first() or deployments.create_endpoint(
                model=self.model, environment=production, by=otto
            )
        self.deployed(1, "First deployment")
        with self.inside():
            self.endpoint = self._endpoints().get()

    def _endpoints(self) -> Any:
        """The endpoint in production, if it is there yet."""
        related = ("model__project", "model__organization", "environment", "organization")
        return Endpoint.objects.select_related(*related).filter(model=self.model, environment__is_production=True)

    def deployed(self, number: int, reason: str) -> None:
        """A version in production: asked for, signed by security, deployed by the operator."""
        otto = self.company["otto"]
        with self.inside():
            done = self.endpoint.deployments.filter(version__number=number).exclude(started_at=None).exists()
        if done:
            return
        with self.step(f"Otto asks to deploy version {number}; Sigrid (security) signs; Otto deploys it"):
            with self.inside():
                waiting = (
                    self.endpoint.deployments.filter(version__number=number, state="requested")
                    .select_related("request")
                    .first()
                )
                version = self.at(number)
                in_words = [one.number for one in conditions_in_force(version) if one.kind == ConditionKind.STATEMENT]
                waiting = waiting or deployments.request_deployment(
                    endpoint=self.endpoint, version=version, reason=reason, acknowledged=in_words, by=otto
                )
            self.sign(waiting.request, "sigrid")
            with self.inside():
                if not self.endpoint.deployments.filter(version__number=number).exclude(started_at=None).exists():
                    deployments.deploy(
                        endpoint=self._endpoints().get(), version=self.at(number), reason=reason, by=otto
                    )
