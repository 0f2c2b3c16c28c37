"""The scheduler's door: which organizations have something due."""

from django.db import migrations

from apps.core.isolation import Door


class Migration(migrations.Migration):
    dependencies = [("work", "0001_initial")]
    operations = [
        Door(
            "door_organizations_with_work()",
            "setof uuid",
            "select organization_id from work_outboxmessage where delivered_at is null and available_at <= now() "
            "union select organization_id from work_schedule where is_active and next_at <= now() "
            "union select organization_id from work_job where (state = 'running' and lease_until < now()) "
            "or (state = 'queued' and queued_at < now() - interval '2 minutes')",
        ),
    ]
