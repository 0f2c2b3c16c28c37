"""`manage.py states`: every state machine as a Mermaid diagram."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.core.states import MACHINES


class Command(BaseCommand):
    help = "Print every state machine as a Mermaid diagram."

    def handle(self, *args: Any, **given: Any) -> None:
        for name, machine in sorted(MACHINES.items()):
            self.stdout.write(f"## {name}\n\n```mermaid\n{machine.diagram()}\n```\n")
