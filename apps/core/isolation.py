"""PostgreSQL's side of tenancy: policies, composite foreign keys and grants, written by migrations as the owner."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.migrations.operations.base import Operation

# A bare equality with an uncorrelated sub-select keeps indexes usable; an OR or CASE here costs 60 to 900 times.
MINE = "(select nullif(current_setting('app.organization', true), '')::uuid)"
OWN = f"organization_id = {MINE}"


def application_role() -> str:
    """The database role pages, API and workers connect as."""
    return str(settings.DATABASES["default"]["USER"])


def operations_role() -> str:
    """The role that bypasses row-level security: backup, and owner of the doors."""
    return str(settings.DATABASES["operations"]["USER"])


def grant_by_default(sender: Any, using: str, **_: Any) -> None:
    """Before the first table is made: what the owner makes, the application may use and operations may read."""
    from django.db import connections

    connection = connections[using]
    quote = connection.ops.quote_name
    app, operations = quote(application_role()), quote(operations_role())
    with connection.cursor() as cursor:
        cursor.execute("select current_user")
        if cursor.fetchone()[0] in {application_role(), operations_role()}:
            return
        for statement in (
            f"grant usage on schema public to {app}, {operations}",
            f"alter default privileges in schema public grant select, insert, update, delete on tables to {app}",
            f"alter default privileges in schema public grant usage, select on sequences to {app}",
            f"alter default privileges in schema public grant select on tables to {operations}",
            f"alter default privileges in schema public grant usage, select on sequences to {operations}",
            "alter default privileges in schema public revoke execute on functions from public",
        ):
            cursor.execute(statement)


def is_tenant_model(model: type[models.Model]) -> bool:
    """Whether the model's rows belong to an organization."""
    return any(field.name == "organization" for field in model._meta.local_fields) and not model._meta.proxy


def is_history(model: type[models.Model]) -> bool:
    """Whether the model holds another model's past."""
    return str(model._meta.model_name).startswith("historical")


def tenant_references(model: type[models.Model]) -> Iterator[models.ForeignKey]:
    """The model's foreign keys to other tenant models: each gets a composite constraint."""
    for field in model._meta.local_fields:
        if isinstance(field, models.ForeignKey) and not is_history(model) and field.name != "organization":
            target = field.remote_field.model
            if not isinstance(target, str) and is_tenant_model(target):
                yield field


def constraint_name(table: str, column: str, kind: str) -> str:
    """A name of at most 63 bytes that is the same on every run."""
    import hashlib

    digest = hashlib.sha256(f"{table}.{column}".encode()).hexdigest()[:8]
    return f"{table[:36]}_{column[:12]}_{digest}_{kind}"


class Isolate(Operation):
    """Close the walls around an app's tenant tables; the last operation of every migration that adds one or a key.

    For every tenant model the app has at this point, history tables too: row-level security enabled and forced,
    one policy, `unique (organization_id, id)`, a composite foreign key for each reference to another tenant table,
    and only SELECT and INSERT for the application role where rows are append-only. Running it again changes nothing.
    """

    reduces_to_sql = True
    reversible = True
    atomic = True

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The walls are no part of Django's model state."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        from django.apps import apps as live

        models_here = [
            model for model in to_state.apps.get_app_config(app_label).get_models() if is_tenant_model(model)
        ]
        for model in models_here:
            actual = live.all_models[app_label].get(model._meta.model_name)
            append_only = is_history(model) or bool(getattr(actual, "append_only", False))
            for statement in self._walls(model, append_only):
                schema_editor.execute(statement)
        for model in models_here:
            for statement in self._references(model):
                schema_editor.execute(statement)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Dropping the tables drops their walls."""

    def describe(self) -> str:
        return "Close the tenant walls around this app's tables"

    def _walls(self, model: type[models.Model], append_only: bool) -> Iterator[str]:
        table = model._meta.db_table
        yield f'alter table "{table}" enable row level security'
        yield f'alter table "{table}" force row level security'
        yield f'drop policy if exists tenant on "{table}"'
        yield f'create policy tenant on "{table}" using ({OWN}) with check ({OWN})'
        if append_only:
            yield f'revoke update, delete, truncate on "{table}" from "{application_role()}"'
        if not is_history(model):
            key = model._meta.pk.column
            yield self._unless_there(
                table, constraint_name(table, str(key), "tenant_uniq"), f"unique (organization_id, {key})"
            )

    def _references(self, model: type[models.Model]) -> Iterator[str]:
        table = model._meta.db_table
        for field in tenant_references(model):
            other = field.remote_field.model
            yield self._unless_there(
                table,
                constraint_name(table, str(field.column), "tenant_fk"),
                f'foreign key (organization_id, "{field.column}") references "{other._meta.db_table}" '
                f'(organization_id, "{other._meta.pk.column}") deferrable initially immediate',
            )

    @staticmethod
    def _unless_there(table: str, name: str, definition: str) -> str:
        return (
            f"do $$ begin if not exists (select 1 from pg_constraint where conname = '{name}') "
            f'then alter table "{table}" add constraint "{name}" {definition}; end if; end $$'
        )


class Door(Operation):
    """A named way through the walls: a SQL function that runs as the operations role.

    `signature` is "name(argument type, ...)", `returns` and `body` as in CREATE FUNCTION. Only the application role
    may call it. tests/test_architecture.py lists every door there is.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, signature: str, returns: str, body: str) -> None:
        self.signature, self.returns, self.body = signature, returns, body

    def deconstruct(self) -> tuple:
        return self.__class__.__name__, [self.signature, self.returns, self.body], {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        """A door is no part of Django's model state."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        schema_editor.execute(
            f"create or replace function {self.signature} returns {self.returns} language sql stable security definer "
            f"set search_path = public, pg_temp as $door$ {self.body} $door$"
        )
        types = self._types()
        # The operations role must be allowed to create in the schema for the moment it becomes the owner.
        schema_editor.execute(f'grant create on schema public to "{operations_role()}"')
        schema_editor.execute(f'alter function {types} owner to "{operations_role()}"')
        schema_editor.execute(f'revoke create on schema public from "{operations_role()}"')
        schema_editor.execute(f'set local role "{operations_role()}"')
        schema_editor.execute(f"revoke all on function {types} from public")
        schema_editor.execute(f'grant execute on function {types} to "{application_role()}"')
        schema_editor.execute("reset role")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        schema_editor.execute(f'set local role "{operations_role()}"')
        schema_editor.execute(f"drop function if exists {self._types()}")
        schema_editor.execute("reset role")

    def describe(self) -> str:
        return f"Open the door {self.signature}"

    def _types(self) -> str:
        name, _, arguments = self.signature.partition("(")
        kinds = [argument.split(None, 1)[1] for argument in arguments.rstrip(")").split(",") if argument.strip()]
        return f"{name}({', '.join(kinds)})"
