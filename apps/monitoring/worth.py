"""What right and wrong predictions are worth: amounts, sums over time, and how sure they are. It writes nothing."""

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import FloatField, Sum
from django.db.models.functions import TruncMonth

from apps.monitoring.models import OutcomeDay, OutcomeValues

Z = 1.959963984540054
BINARY = ("true_positive", "false_positive", "true_negative", "false_negative")
KEYS = {"binary": BINARY, "multiclass": ("right", "wrong"), "regression": ("known", "error")}
WORDS = {
    "true_positive": "Rightly said yes",
    "false_positive": "Wrongly said yes",
    "true_negative": "Rightly said no",
    "false_negative": "Wrongly said no",
    "right": "Right",
    "wrong": "Wrong",
    "known": "Each prediction",
    "error": "Each unit of error",
}
COUNTS = (*BINARY, "right", "wrong", "known", "error")


@dataclass
class Sums:
    """Counts of outcomes in some time, and what they are worth by the amounts then in force."""

    start: dt.date
    known: int = 0
    value: float = 0.0
    variance: float = 0.0
    currency: str = ""
    counts: dict[str, float] = field(default_factory=dict)

    @property
    def low(self) -> float:
        """The lower end of the 95 % interval: what chance alone could have made of the same model."""
        return self.value - Z * math.sqrt(self.variance)

    @property
    def high(self) -> float:
        """The upper end."""
        return self.value + Z * math.sqrt(self.variance)

    def add(self, counts: dict[str, float], values: OutcomeValues) -> None:
        """Add outcomes that are worth these amounts."""
        n = int(counts["known"])
        worth, variance = value_of(counts, values.values)
        self.known, self.value, self.variance = self.known + n, self.value + worth, self.variance + variance
        self.currency = values.currency
        for name in COUNTS:
            self.counts[name] = self.counts.get(name, 0) + counts[name]


def value_of(counts: dict[str, float], values: dict[str, float]) -> tuple[float, float]:
    """The sum that so many outcomes are worth, and its variance: that of so many draws from the same shares."""
    worth = sum(values.get(name, 0.0) * counts[name] for name in COUNTS)
    n = counts["known"]
    kinds = [name for name in values if name not in ("known", "error")]
    if not n or not kinds:
        return worth, 0.0
    mean = sum(values[name] * counts[name] for name in kinds) / n
    squares = sum(values[name] ** 2 * counts[name] for name in kinds) / n
    return worth, max(squares - mean**2, 0.0) * n


def values_of(endpoints: Iterable[Any]) -> dict[Any, list[OutcomeValues]]:
    """For every endpoint the versions of its amounts, or those of its project, newest first; one query for all."""
    endpoints = list(endpoints)
    projects = {endpoint.model.project_id for endpoint in endpoints}
    rows = list(OutcomeValues.objects.filter(project__in=projects).order_by("-since", "-number"))
    own: dict[Any, list[OutcomeValues]] = {}
    shared: dict[Any, list[OutcomeValues]] = {}
    for row in rows:
        holder, key = (shared, row.project_id) if row.endpoint_id is None else (own, row.endpoint_id)
        holder.setdefault(key, []).append(row)
    return {endpoint.pk: own.get(endpoint.pk) or shared.get(endpoint.model.project_id, []) for endpoint in endpoints}


def in_force(versions: list[OutcomeValues], day: dt.date) -> OutcomeValues | None:
    """The amounts for predictions of that day; before the first begin, the first."""
    return next((one for one in versions if one.since <= day), versions[-1] if versions else None)


def by_month(endpoints: list[Any], since: dt.date | None = None) -> dict[Any, list[Sums]]:
    """For every endpoint its months, oldest first, with what they are worth; two queries for all endpoints.

    Where amounts change within a month, its days count with what was in force on each.
    """
    versions = values_of(endpoints)
    months: dict[Any, dict[dt.date, Sums]] = {endpoint.pk: {} for endpoint in endpoints}
    for endpoint_id, start, day, counts in _counted(endpoints, versions, since):
        sums = months[endpoint_id].setdefault(start, Sums(start))
        values = in_force(versions[endpoint_id], day)
        if values is not None:
            sums.add(counts, values)
    return {key: [found[start] for start in sorted(found)] for key, found in months.items()}


def _counted(endpoints: list[Any], versions: dict[Any, list[OutcomeValues]], since: dt.date | None) -> Iterable[Any]:
    """(endpoint, month, a day in it, counts): by month, or by day for endpoints whose amounts changed."""
    rows = OutcomeDay.objects.filter(endpoint__in=[endpoint.pk for endpoint in endpoints])
    rows = rows.filter(day__gte=since) if since else rows
    changing = [key for key, found in versions.items() if len(found) > 1]
    for part, keys in ((rows.exclude(endpoint__in=changing), ()), (rows.filter(endpoint__in=changing), ("day",))):
        if keys and not changing:
            continue
        grouped = part.annotate(month=TruncMonth("day")).values("endpoint_id", "month", *keys)
        sums = {f"sum_{name}": Sum(name, output_field=FloatField() if name == "error" else None) for name in COUNTS}
        for row in grouped.order_by("endpoint_id", "month", *keys).annotate(**sums):
            counts = {name: row[f"sum_{name}"] or 0 for name in COUNTS}
            yield row["endpoint_id"], row["month"], row.get("day", row["month"]), counts


__all__ = ["COUNTS", "KEYS", "WORDS", "Sums", "by_month", "in_force", "value_of", "values_of"]
