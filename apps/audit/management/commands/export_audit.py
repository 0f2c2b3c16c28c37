"""`manage.py export_audit --organization KEY OUT.zip`: the chain as a bundle that verifies offline."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from apps.audit.chain import export
from apps.audit.management.commands.verify_audit import organization_id
from apps.core.tenancy import tenant


class Command(BaseCommand):
    help = "Export an organization's audit chain; verify it with `python verify.py OUT.zip`, which lies inside."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--organization", required=True, metavar="KEY")
        parser.add_argument("out", type=Path)

    def handle(self, *args: Any, **given: Any) -> None:
        with tenant(organization_id(given["organization"])):
            manifest = export(given["out"], given["organization"])
        self.stdout.write(f"{manifest['count']:,} records in {given['out']}")
