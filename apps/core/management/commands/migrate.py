"""`manage.py migrate` runs as the owner unless told otherwise: the application role may not change tables."""

from typing import Any
from unittest import mock

from django.core.management.commands import migrate
from django.core.management.commands.migrate import Command as Migrate

from apps.core.at_once import Executor


class Command(Migrate):
    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> Any:
        """Django's command, with tables made at once: it has no other place to name an executor."""
        with mock.patch.object(migrate, "MigrationExecutor", Executor):
            return super().handle(*args, **options)
