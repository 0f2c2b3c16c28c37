"""`manage.py migrate` runs as the owner unless told otherwise: the application role may not change tables."""

from typing import Any

from django.core.management.commands.migrate import Command as Migrate


class Command(Migrate):
    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")
