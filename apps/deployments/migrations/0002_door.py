"""The router's door: how far the routes of each organization have come."""

from django.db import migrations

from apps.core.isolation import Door


class Migration(migrations.Migration):
    dependencies = [("deployments", "0001_initial"), ("organizations", "0002_doors")]
    operations = [
        Door(
            "door_routing_revisions()",
            "table (organization_id uuid, key varchar, number bigint)",
            "select r.organization_id, o.key, r.number from deployments_routingrevision r "
            "join organizations_organization o on o.id = r.organization_id",
        ),
    ]
