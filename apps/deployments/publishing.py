"""Letting the prediction servers know that their routes have changed, with the transaction that changed them."""

from django.db import connection

from apps.core.tenancy import current
from apps.deployments.models import RoutingRevision

CHANNEL = "tenure_routes"


def publish() -> None:
    """Count the organization's revision up and wake the routers; both happen at commit or not at all."""
    revision, _ = RoutingRevision.objects.select_for_update().get_or_create(organization_id=current())
    revision.number += 1
    revision.save(update_fields=["number"])
    with connection.cursor() as cursor:
        cursor.execute(f"notify {CHANNEL}")
