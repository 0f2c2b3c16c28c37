"""What tests need of the outside: work delivered inline, clients signed in."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.core.tenancy import current_or_none, tenant
from apps.work.models import OutboxMessage
from config.celery import app


def deliver(organization: Any, rounds: int = 50) -> int:
    """Run what waits in an organization's outbox through the real task functions, to the end. Returns how many."""
    app.loader.import_default_modules()
    done = 0
    for _ in range(rounds):
        with tenant(organization.pk):
            waiting = list(OutboxMessage.objects.filter(delivered_at=None).order_by("id"))
            for message in waiting:
                message.delivered_at = message.available_at
                message.save()
        if not waiting:
            return done
        for message in waiting:
            app.tasks[message.task].run(str(organization.pk), *message.arguments)
            done += 1
    raise AssertionError("The outbox does not run empty.")


@pytest.fixture
def run_work() -> Callable[[Any], int]:
    """`run_work(organization)` does all work that waits, as workers would."""
    return deliver


@pytest.fixture
def sign_in() -> Callable[[Any], Client]:
    """`sign_in(user)` gives a browser-like client of that person."""

    def signed_in(user: Any) -> Client:
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return signed_in


__all__ = ["current_or_none", "deliver"]
