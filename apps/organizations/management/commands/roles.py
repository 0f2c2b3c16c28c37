"""`manage.py roles`: the matrix of roles and permissions."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.organizations.roles import matrix


class Command(BaseCommand):
    help = "Print which role may do what, as Markdown."

    def handle(self, *args: Any, **given: Any) -> None:
        self.stdout.write(matrix())
