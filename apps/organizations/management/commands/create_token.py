"""`manage.py create_token EMAIL --organization KEY --name N`: prints the token alone."""

import datetime as dt
import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.core.errors import DomainError
from apps.core.tenancy import tenant
from apps.organizations import actions, doors
from apps.organizations.models import User

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class Command(BaseCommand):
    help = "Make an API token for a member. Only the token is printed on standard output."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("email")
        parser.add_argument("--organization", required=True, metavar="KEY")
        parser.add_argument("--name", required=True)
        parser.add_argument("--scopes", nargs="*", default=[])
        parser.add_argument(
            "--expires", default="90d", help="As 30d, 12h or 45m; `never` for a token that does not expire."
        )

    def handle(self, *args: Any, **given: Any) -> None:
        organization_id = doors.organization_by_key(given["organization"])
        user = User.objects.filter(email__iexact=given["email"]).first()
        if organization_id is None or user is None:
            raise CommandError("There is no such organization or person.")
        try:
            with tenant(organization_id):
                _, value = actions.create_token(
                    user=user, name=given["name"], scopes=given["scopes"], expires_at=_moment(given["expires"]), by=user
                )
        except DomainError as error:
            raise CommandError(error.sentence) from error
        self.stdout.write(value)


def _moment(text: str) -> dt.datetime | None:
    if text == "never":
        return None
    match = re.fullmatch(r"(\d{1,5})([dhm])", text)
    if match is None:
        raise CommandError("Write the expiry as 30d, 12h, 45m or never.")
    return timezone.now() + dt.timedelta(**{UNITS[match[2]]: int(match[1])})
