"""Approvals: policies, requests with a frozen snapshot, signatures. They know no subject."""

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "apps.approvals"
    label = "approvals"

    def ready(self) -> None:
        from apps.approvals import receivers, tasks
