"""Take the steps of a migration together, because Django renders every related model anew after each small one.

With some two hundred models that all know the person and the organization, the first `migrate` rendered 28,000 models
and took half a minute; taken together it renders each of them once for a migration. The tables are the same.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from django.db import migrations
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation

# What CREATE TABLE says by itself when the model already has it.
PARTS = (migrations.AddField, migrations.AddIndex, migrations.AddConstraint)
# What changes a model that was there before, each as if it were the only change.
CHANGES = (*PARTS, migrations.AlterField, migrations.RemoveField, migrations.RemoveIndex, migrations.RemoveConstraint)


class AtOnce(Operation):
    """Steps that need only the models before the first and after the last: new models are made from their final form.

    PostgreSQL checks and indexes them as if step by step: foreign keys and indexes are written after all tables.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations
        self.new = {one.name_lower for one in operations if isinstance(one, migrations.CreateModel)}

    def state_forwards(self, app_label: str, state: Any) -> None:
        """All steps on the plain descriptions; the models are rendered when next asked for."""
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for operation in self._written():
            operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for operation in reversed(self._written()):
            operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return "Together: " + ", ".join(operation.describe() for operation in self._written())

    def _written(self) -> list[Operation]:
        """The steps but the parts of new models."""
        return [one for one in self.operations if getattr(one, "model_name_lower", None) not in self.new]


def taken_together(operations: Sequence[Operation]) -> Iterator[Operation]:
    """The operations, with every run of new models and changes of different things replaced by one at once."""
    run: list[Operation] = []
    new: set[str] = set()
    changed: set[Hashable] = set()
    for operation in operations:
        what = _changed(operation)
        is_part = isinstance(operation, PARTS) and operation.model_name_lower in new
        if what is None or (not is_part and (what in changed or what[0] in new)):
            yield from _made(run)
            run, new, changed = [], set(), set()
        if what is None:
            yield operation
            continue
        run.append(operation)
        if isinstance(operation, migrations.CreateModel):
            new.add(operation.name_lower)
        changed.add(what)
    yield from _made(run)


def _changed(operation: Operation) -> tuple[str, str] | None:
    """The model and which field, index or constraint of it; None for what has to be done by itself."""
    if isinstance(operation, migrations.CreateModel):
        return operation.name_lower, ""
    if isinstance(operation, migrations.AlterModelOptions):
        return operation.name_lower, "options"
    if not isinstance(operation, CHANGES):
        return None
    named: Any = getattr(operation, "index", None) or getattr(operation, "constraint", None) or operation
    return operation.model_name_lower, named.name.lower()


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
