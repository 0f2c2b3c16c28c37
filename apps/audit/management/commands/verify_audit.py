"""`manage.py verify_audit --organization KEY`: hold the chain against itself and its checkpoints."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from apps.audit.chain import faults
from apps.audit.models import Record
from apps.core.tenancy import tenant


class Command(BaseCommand):
    help = "Verify an organization's audit chain; exits with 1 and names each fault when it does not hold."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--organization", required=True, metavar="KEY")

    def handle(self, *args: Any, **given: Any) -> None:
        with tenant(organization_id(given["organization"])):
            found, count = faults(), Record.objects.count()
        if found:
            raise CommandError("\n".join(found))
        self.stdout.write(f"The audit chain of {given['organization']} holds: {count:,} records.")


def organization_id(key: str) -> str:
    """The organization's id, or a sentence."""
    with connection.cursor() as cursor:
        cursor.execute("select door_organization_by_key(%s)", [key])
        found = cursor.fetchone()[0]
    if found is None:
        raise CommandError(f"There is no organization “{key}”.")
    return str(found)
