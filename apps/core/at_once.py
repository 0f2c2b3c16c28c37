"""Make an app's tables in one step, because Django renders every related model anew after each small one.

With some two hundred models that all know the person and the organization, the first `migrate` rendered 28,000 models
and took half a minute; taken together it renders each of them once for an app. The tables are the same.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import migrations
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation

# What CREATE TABLE says by itself when the model already has it.
PARTS = (migrations.AddField, migrations.AddIndex, migrations.AddConstraint)


class AtOnce(Operation):
    """New models and what was added to them right after, made from their final form.

    PostgreSQL checks and indexes them as if step by step: foreign keys and indexes are written after all tables.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations

    def state_forwards(self, app_label: str, state: Any) -> None:
        """All steps on the plain descriptions; the models are rendered when next asked for."""
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for operation in self.operations:
            if isinstance(operation, migrations.CreateModel):
                operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for operation in reversed(self.operations):
            if isinstance(operation, migrations.CreateModel):
                operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return "Create models together: " + ", ".join(
            operation.name for operation in self.operations if isinstance(operation, migrations.CreateModel)
        )


def taken_together(operations: Sequence[Operation]) -> Iterator[Operation]:
    """The operations, with every run of new models and their parts replaced by one that makes them at once."""
    run: list[Operation] = []
    new: set[str] = set()
    for operation in operations:
        if isinstance(operation, migrations.CreateModel):
            new.add(operation.name_lower)
        elif not (isinstance(operation, PARTS) and operation.model_name_lower in new):
            yield from _made(run)
            run, new = [], set()
            yield operation
            continue
        run.append(operation)
    yield from _made(run)


def _made(run: list[Operation]) -> list[Operation]:
    return [AtOnce(run)] if len(run) > 1 else run


class Executor(MigrationExecutor):
    """Django's executor, making an app's new tables at once."""

    def apply_migration(self, state: Any, migration: Migration, fake: bool = False, fake_initial: bool = False) -> Any:
        """One migration; its file stays as makemigrations wrote it."""
        steps = migration.operations
        if not fake and not fake_initial:
            migration.operations = list(taken_together(steps))  # type: ignore[misc]
        try:
            return super().apply_migration(state, migration, fake=fake, fake_initial=fake_initial)
        finally:
            migration.operations = steps  # type: ignore[misc]
