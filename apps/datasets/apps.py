"""Data: sources, immutable dataset versions, preparation, quality rules, fitness sign-off, splits."""

from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    name = "apps.datasets"
    label = "datasets"

    def ready(self) -> None:
        from apps.datasets import receivers, tasks
