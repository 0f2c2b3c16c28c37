"""Filters of lists that several apps use."""

from __future__ import annotations

from typing import Any

import django_filters
from django_filters.widgets import BooleanWidget


class AnyYesNo(BooleanWidget):
    """A choice of any, yes and no; the library's own begins with "Unknown"."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.choices = [("", "Any"), ("true", "Yes"), ("false", "No")]


class YesNoFilter(django_filters.BooleanFilter):
    """A boolean filter that reads well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("widget", AnyYesNo)
        super().__init__(*args, **kwargs)
