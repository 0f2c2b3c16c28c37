"""Development: training runs, artifacts, versions, named pointers, model cards."""

from django.apps import AppConfig


class ModelsConfig(AppConfig):
    name = "apps.models"
    label = "models"

    def ready(self) -> None:
        from apps.models import receivers, tasks
