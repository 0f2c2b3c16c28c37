"""A form that comes twice, by a second click or a page sent again, is done once."""

import datetime as dt
import hashlib
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from apps.core.ids import uuid7
from apps.work.models import IdempotencyKey

KEPT = dt.timedelta(days=1)


def fresh() -> str:
    """A mark for a form that is shown."""
    return str(uuid7())


class Once:
    """One sending of a form by a person, told by the mark it was shown with and by what was filled in.

    Without a mark every sending counts, and so does one from the same page with other words. Of two that come at the
    same time the second waits in the database until the first is through.
    """

    def __init__(self, request: HttpRequest) -> None:
        self.user: Any = request.user
        self.mark = request.POST.get("once", "")
        lists = [(name, values) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken"]
        files = [(name, [(file.name, file.size) for file in found]) for name, found in request.FILES.lists()]
        sent = repr((request.path, sorted(lists), sorted(files)))
        self.key = "form " + hashlib.sha256(sent.encode()).hexdigest()
        self.entry: IdempotencyKey | None = None

    def begin(self) -> str:
        """Empty for the first; where the first led to for a second."""
        if not self.mark or not self.user.is_authenticated:
            return ""
        mine = IdempotencyKey.objects.filter(user=self.user, key__startswith="form ")
        mine.filter(created_at__lt=timezone.now() - KEPT).delete()
        entry = IdempotencyKey(user=self.user, key=self.key, request_hash="")
        try:
            with transaction.atomic():
                entry.save(force_insert=True)
        except IntegrityError:
            return str(mine.filter(key=self.key).values_list("body", flat=True).first() or "")
        self.entry = entry
        return ""

    def done(self, url: str) -> None:
        """Remember where it led to."""
        if self.entry is not None:
            self.entry.body = url
            self.entry.save(update_fields=["body"])

    def undone(self) -> None:
        """It was refused: it may be sent again."""
        if self.entry is not None:
            self.entry.delete()
            self.entry = None
