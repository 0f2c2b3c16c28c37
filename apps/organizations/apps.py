"""Organizations: tenants, people, teams, roles, tokens. And the one door that answers who may do what."""

from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    name = "apps.organizations"
    label = "organizations"
