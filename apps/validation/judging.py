"""The rules in force in the ambient organization: its own, or those every organization begins with."""

from apps.validation.engine.judging import DEFAULT, Again, Judging, read
from apps.validation.models import JudgingRules


def current_row() -> JudgingRules | None:
    """The version the organization wrote last; None while it has written none."""
    return JudgingRules.objects.filter(is_current=True).select_related("organization", "written_by").first()


def current() -> Judging:
    """The rules as they are applied."""
    row = current_row()
    return read(row.content) if row is not None else DEFAULT


__all__ = ["Again", "Judging", "current", "current_row"]
