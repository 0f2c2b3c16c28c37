"""`manage.py create_organization KEY --name NAME --owner EMAIL`: a new tenant."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import DomainError
from apps.organizations import actions
from apps.organizations.models import User
from apps.organizations.people import system


class Command(BaseCommand):
    help = "Make an organization. With --owner an account is made if needed (--password-stdin reads its password)."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("key")
        parser.add_argument("--name", required=True)
        parser.add_argument(
            "--owner", metavar="EMAIL", help="Its first owner; without one, Tenure itself holds the place."
        )
        parser.add_argument("--password-stdin", action="store_true")

    def handle(self, *args: Any, **given: Any) -> None:
        try:
            owner = self._owner(given["owner"], given["password_stdin"]) if given["owner"] else system()
            organization = actions.create_organization(key=given["key"], name=given["name"], by=owner)
        except DomainError as error:
            raise CommandError(error.sentence) from error
        self.stdout.write(f"{organization.name} is at /o/{organization.key}/")

    @staticmethod
    def _owner(email: str, from_stdin: bool) -> User:
        found = User.objects.filter(email__iexact=email).first()
        return found or actions.create_person(
            email=email, password=sys.stdin.readline().rstrip("\n") if from_stdin else None
        )
