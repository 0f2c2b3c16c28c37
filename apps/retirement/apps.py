"""Retirement: a model or version leaves office in order, and what remains of it is held."""

from django.apps import AppConfig


class RetirementConfig(AppConfig):
    name = "apps.retirement"
    label = "retirement"

    def ready(self) -> None:
        from apps.retirement import receivers, tasks
