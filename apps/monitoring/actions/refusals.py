"""A trace of what was refused whole, so that not only its sender knows."""

from typing import TYPE_CHECKING, Any

from apps.core.errors import DomainError, Invalid
from apps.monitoring.models import RefusedBatch

if TYPE_CHECKING:
    from apps.monitoring.engine.keeping import Kept

MOST_REFUSED = 100  # kept for an endpoint
MOST_REASON = 300
MOST_COLUMNS = 10


class Misfit(Invalid):
    """Rows do not fit, and so none of their batch was kept; `kept` says how many there were, and what was wrong."""

    def __init__(self, kept: "Kept", keep_good: bool) -> None:
        self.kept = kept
        first = [f"row {one.row}: {one.column} {one.said}".replace(":  ", ": ") for one in kept.errors]
        lost = "Nothing was kept. Correct them and send the batch again"
        also = "" if keep_good else ", or ask for good rows to be kept (on_error=keep)"
        super().__init__(f"{kept.refused} of {kept.sent} rows do not fit. {lost}{also}.", {"rows": first})


def note_refusal(*, endpoint: Any, kind: str, key: str, error: DomainError, by: Any) -> RefusedBatch:
    """Keep who sent what could not be taken, and why. Nothing was decided or changed, so nothing is recorded."""
    kept = error.kept if isinstance(error, Misfit) else None
    # What a parser says after a colon may quote the row.
    reason = error.sentence.partition(": ")[0].rstrip(".")[:MOST_REASON]
    noted = RefusedBatch(endpoint=endpoint, kind=kind, key=key[:200], reason=f"{reason}.", sent_by=by)
    if kept is not None:
        noted.rows, noted.refused = kept.sent, kept.refused
        noted.errors = [{"row": one.row, "column": one.column, "said": one.said} for one in kept.errors]
    elif isinstance(error, Invalid):
        told = list(error.fields.items())[:MOST_COLUMNS]
        noted.errors = [{"row": None, "column": column, "said": " ".join(said)} for column, said in told]
    noted.save(force_insert=True)
    mine = RefusedBatch.objects.filter(endpoint=endpoint)
    mine.exclude(pk__in=mine.order_by("-id").values("pk")[:MOST_REFUSED]).delete()
    return noted
