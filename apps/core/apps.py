"""Core: what every app stands on, without tables of its own."""

from django.apps import AppConfig
from django.db.models.signals import pre_migrate


class CoreConfig(AppConfig):
    name = "apps.core"
    label = "core"

    def ready(self) -> None:
        from apps.core.isolation import grant_by_default

        pre_migrate.connect(grant_by_default, sender=self)
