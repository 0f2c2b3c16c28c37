"""Stage 5 of the lifecycle: deployment."""

from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    """Environments, endpoints, the gate, deployments, and the prediction server's records."""

    name = "apps.deployments"
    label = "deployments"
    verbose_name = "Deployment"

    def ready(self) -> None:
        """Listen to the apps below."""
        from apps.deployments import receivers
