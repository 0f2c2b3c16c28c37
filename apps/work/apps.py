"""Work: what must follow a decision (outbox, mail, schedules, jobs), delivered from rows written with it."""

from django.apps import AppConfig


class WorkConfig(AppConfig):
    name = "apps.work"
    label = "work"

    def ready(self) -> None:
        """Have tasks traced."""
        from apps.work import spans
