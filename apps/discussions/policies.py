"""What can be commented on, and found again from a form or an API call."""

from typing import Any

from django.apps import apps
from django.db.models import Model

from apps.core.errors import NotVisible
from apps.core.isolation import is_history, is_tenant_model
from apps.organizations import access
from apps.organizations.bases import fetch
from apps.organizations.roles import Permission


def check_comment_any(user: Any) -> None:
    """There is something to comment on."""
    access.check_somewhere(user, Permission.COMMENT)


def subject_of(reference: str, user: Any) -> Model:
    """The thing behind "app.model:key", if the person may see it and it has a page to comment on."""
    label, _, key = reference.partition(":")
    try:
        model: Any = apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise NotVisible() from error
    if not is_tenant_model(model) or is_history(model) or not hasattr(model, "get_absolute_url"):
        raise NotVisible()
    return fetch(model._default_manager.all(), user, pk=key)
