"""`manage.py demo`: walk two organizations through the whole life of a model, in the running portal."""

import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.audit.chain import faults
from apps.audit.models import Record
from apps.core import channel
from apps.core.errors import DomainError
from apps.core.tenancy import tenant
from apps.portal.demo import people
from apps.portal.demo.data import DataMissing
from apps.portal.demo.harbor import Harbor
from apps.portal.demo.meridian import Meridian
from apps.portal.demo.signing import SigningFailed
from apps.portal.demo.terminal import JobFailed, Terminal


class Command(BaseCommand):
    help = "Walk the demo's two organizations through their models' lives. Run again, it continues where it was."

    def handle(self, *args: Any, **given: Any) -> None:
        terminal = Terminal(self.stdout._out)
        folder = Path(settings.TENURE_DATA) / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        meridian = people.Company("meridian", "Meridian Air", people.MERIDIAN)
        harbor = people.Company("harbor", "Harbor Bank", people.HARBOR)
        try:
            with channel.through("command"), tempfile.TemporaryDirectory(dir=folder) as scratch:
                for company in (meridian, harbor):
                    company.open()
                Harbor(harbor, terminal, Path(scratch)).walk()
                Meridian(meridian, terminal, Path(scratch)).walk()
        except DomainError as error:
            marked = "; ".join(f"{name}: {' '.join(said)}" for name, said in getattr(error, "fields", {}).items())
            raise CommandError(f"{error.sentence} {marked}".strip()) from error
        except (JobFailed, SigningFailed, DataMissing) as error:
            raise CommandError(str(error)) from error
        self._verify(terminal, meridian, harbor)
        self._tell(meridian, harbor)

    def _verify(self, terminal: Terminal, *companies: people.Company) -> None:
        terminal.heading("The audit chains")
        for company in companies:
            with terminal.step(f"Every record of {company.name} is verified"), tenant(company.organization.pk):
                found, count = faults(), Record.objects.count()
            if found:
                raise CommandError("\n".join(found))
            terminal.say(f"{count:,} records hold.")

    def _tell(self, meridian: people.Company, harbor: people.Company) -> None:
        lines = [f"\nTenure is at {settings.TENURE_ADDRESS}/   Everybody's password: {people.PASSWORD}\n"]
        for company in (meridian, harbor):
            lines.append(company.name)
            lines += [f"  {company.address(player):28}{player.duty}" for player in company.players]
            lines.append("")
        lines += [
            "Three things to try",
            f"  1. Sign in as ruth@harbor.example: a request waits for you at {settings.TENURE_ADDRESS}/o/harbor/approvals/ on",
            "     a model whose fairness check found a gap. Read the finding before you sign.",
            f"  2. Sign in as otto@meridian.example and look at {settings.TENURE_ADDRESS}/o/meridian/monitoring/: what drifted, when,",
            "     what it did to performance, and what the challenger changed.",
            f"  3. Sign in as audrey@meridian.example: {settings.TENURE_ADDRESS}/admin/ shows everything, and nothing can be changed.",
            f"     What is in production, who approved it, on what evidence? {settings.TENURE_ADDRESS}/o/meridian/auditors/",
            "",
        ]
        self.stdout.write("\n".join(lines))
