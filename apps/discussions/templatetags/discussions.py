"""Tags for pages that carry comments."""

from django import template
from django.db.models import Model

register = template.Library()


@register.filter
def subject_ref(thing: Model) -> str:
    """How a comment form says what it is about: "app.model:key"."""
    return f"{thing._meta.label_lower}:{thing.pk}"
