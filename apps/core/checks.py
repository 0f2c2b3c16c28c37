"""System checks: `manage.py check --database default` fails on any table whose walls are open."""

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.checks import Error, Tags, register
from django.db import connections

from apps.core.isolation import constraint_name, is_tenant_model, tenant_references

UNWALLED = """
select c.relname,
       c.relrowsecurity and c.relforcerowsecurity,
       exists (select 1 from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname = 'public'
  and exists (
    select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped
  )
"""
COLUMNS = """
select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
"""


@register(Tags.database)
def check_walls(databases: Sequence[str] | None = None, **_: Any) -> list[Error]:
    """Every table with an organization_id is behind a forced policy; every reference between them is composite."""
    if not databases:
        return []
    alias = "default" if "default" in databases else databases[0]
    with connections[alias].cursor() as cursor:
        cursor.execute("select rolsuper or rolbypassrls from pg_roles where rolname = current_user")
        found = (
            [_error("tenancy.E001", "The application's database role bypasses row-level security.")]
            if cursor.fetchone()[0]
            else []
        )
        cursor.execute(UNWALLED)
        for table, forced, policy in cursor.fetchall():
            if not (forced and policy):
                found.append(
                    _error("tenancy.E002", f"Table {table} holds tenant rows but has no forced tenant policy.")
                )
        cursor.execute("select conname from pg_constraint")
        constraints = {name for (name,) in cursor.fetchall()}
        cursor.execute(COLUMNS)
        columns = set(cursor.fetchall())
    for model in apps.get_models():
        if is_tenant_model(model):
            found += [
                _error("tenancy.E003", f"{model._meta.label}.{field.name} could point into another tenant.")
                for field in tenant_references(model)
                if (model._meta.db_table, field.column) in columns  # What is not migrated yet has nothing to guard.
                and constraint_name(model._meta.db_table, field.column, "tenant_fk") not in constraints
            ]
    return found


def _error(code: str, sentence: str) -> Error:
    return Error(sentence, hint="Add Isolate() from apps.core.isolation as the migration's last operation.", id=code)
