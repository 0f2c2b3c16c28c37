"""Feedback given by a person in the page."""

import datetime as dt
from typing import Any

from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Invalid
from apps.monitoring import policies
from apps.monitoring.models import Feedback


@action
def give_feedback(
    *,
    endpoint: Any,
    by: Any,
    rating: int | None = None,
    comment: str = "",
    prediction_id: str = "",
    at: dt.datetime | None = None,
) -> Feedback:
    """A rating of 1 to 5, a comment, or both, on one prediction or on all of an endpoint."""
    policies.check_give_feedback(by, endpoint)
    if rating is None and not comment.strip():
        raise Invalid("Give a rating, a comment, or both.", {"rating": "Give one."})
    if rating is not None and not 1 <= rating <= 5:
        raise Invalid("A rating is from 1 to 5.", {"rating": "Choose from 1 to 5."})
    said = Feedback(
        endpoint=endpoint,
        rating=rating,
        comment=comment.strip(),
        prediction_id=prediction_id.strip()[:200],
        said_by=str(by)[:200],
        at=at or timezone.now(),
        received_from=by,
    )
    said.save(force_insert=True)
    record(by=by, action="feedback.given", subject=endpoint, reason=said.comment, details={"rating": rating})
    return said
