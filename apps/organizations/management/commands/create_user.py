"""`manage.py create_user EMAIL --organization KEY --role ROLE`: a member."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import DomainError
from apps.core.tenancy import tenant
from apps.organizations import actions, doors
from apps.organizations.models import User
from apps.organizations.people import system
from apps.organizations.roles import OrganizationRole


class Command(BaseCommand):
    help = "Make a person a member of an organization, with a new account if there is none."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("email")
        parser.add_argument("--organization", required=True, metavar="KEY")
        parser.add_argument("--role", default="member", choices=OrganizationRole.values)
        parser.add_argument("--name", default="")
        parser.add_argument("--password-stdin", action="store_true", help="Read the password from standard input.")

    def handle(self, *args: Any, **given: Any) -> None:
        organization_id = doors.organization_by_key(given["organization"])
        if organization_id is None:
            raise CommandError(f"There is no organization “{given['organization']}”. Make it with create_organization.")
        password = sys.stdin.readline().rstrip("\n") if given["password_stdin"] else None
        try:
            with tenant(organization_id):
                user = User.objects.filter(email__iexact=given["email"]).first()
                user = user or actions.create_person(email=given["email"], password=password, name=given["name"])
                actions.add_member(user=user, role=given["role"], by=system())
        except DomainError as error:
            raise CommandError(error.sentence) from error
        self.stdout.write(f"{user.email} is {given['role']} of {given['organization']}")
