"""Stage four, validation: plans locked before results, runs, checks, findings, waivers."""

from django.apps import AppConfig


class ValidationConfig(AppConfig):
    name = "apps.validation"
    label = "validation"

    def ready(self) -> None:
        from apps.validation import receivers, tasks
