"""The organization's own wall, the doors that sign-in needs, and Tenure's own account."""

from django.db import migrations

from apps.core.ids import uuid7
from apps.core.isolation import MINE, Door

WALL = f"""
alter table organizations_organization enable row level security;
alter table organizations_organization force row level security;
create policy tenant on organizations_organization using (id = {MINE}) with check (id = {MINE});
"""


def system_account(apps, schema_editor):
    apps.get_model("organizations", "User").objects.using(schema_editor.connection.alias).create(
        id=uuid7(), email="tenure@system.invalid", name="Tenure", kind="system", password="!"
    )


class Migration(migrations.Migration):
    dependencies = [("organizations", "0001_initial")]
    operations = [
        migrations.RunSQL(WALL, migrations.RunSQL.noop),
        Door("door_organization_by_key(wanted text)", "uuid", "select id from organizations_organization where key = wanted"),
        Door(
            "door_organizations_of(person uuid)",
            "table (id uuid, key varchar, name varchar, role varchar)",
            "select o.id, o.key, o.name, m.role from organizations_membership m "
            "join organizations_organization o on o.id = m.organization_id "
            "where m.user_id = person and m.is_active order by o.name",
        ),
        Door("door_portal_is_empty()", "boolean", "select not exists (select 1 from organizations_organization)"),
        migrations.RunPython(system_account, migrations.RunPython.noop),
    ]
