"""Retraining: policies with triggers, runs, challenger against champion."""

from django.apps import AppConfig


class RetrainingConfig(AppConfig):
    name = "apps.retraining"
    label = "retraining"

    def ready(self) -> None:
        from apps.retraining import receivers, tasks
