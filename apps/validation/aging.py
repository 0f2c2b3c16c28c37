"""How late the revalidation of versions is: one row a version in use, in the same few queries for any number."""

import datetime as dt
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from apps.models.models import ModelVersion
from apps.validation import judging, subjects
from apps.validation.models import Outcome, Revalidation, Trigger, ValidationRun

SOON = 30
# Buckets from the gravest to the lightest: name, label, and its ends in days late (a day to come is negative).
BUCKETS: list[tuple[str, str, int | None, int | None]] = [
    ("over_90", "Overdue more than 90 days", 91, None),
    ("over_30", "Overdue 31 to 90 days", 31, 90),
    ("overdue", "Overdue up to 30 days", 1, 30),
    ("soon", "Due within 30 days", -SOON, 0),
    ("later", "Due later", None, -SOON - 1),
]
LABELS = {name: label for name, label, _, _ in BUCKETS} | {"deferred": "Deferred", "none": "Nothing due"}


def rows() -> QuerySet[ModelVersion]:
    """Versions in use or with a revalidation that is due, with `last_validated`, `due`, `triggers`, `first_due`."""
    due = Revalidation.objects.due().filter(version=OuterRef("pk")).order_by().values("version")
    concluded = ValidationRun.objects.filter(version=OuterRef("pk")).exclude(outcome=Outcome.NONE).order_by()
    waiting = Revalidation.objects.due().values("version")
    return ModelVersion.objects.filter(Q(pk__in=subjects.in_use().values("pk")) | Q(pk__in=waiting)).annotate(
        last_validated=Subquery(concluded.values("version").annotate(last=Max("concluded_at")).values("last")),
        due=Subquery(due.annotate(day=Min("due_on")).values("day")),
        first_due=Subquery(due.annotate(day=Min("first_due_on")).values("day")),
        due_id=Subquery(Revalidation.objects.due().filter(version=OuterRef("pk")).order_by("due_on").values("pk")[:1]),
        triggers=Subquery(due.annotate(all=ArrayAgg("trigger", ordering="due_on")).values("all")),
    )


def in_bucket(versions: QuerySet, name: str) -> QuerySet:
    """Those of one bucket; all of them for a name that is none."""
    if name == "none":
        return versions.filter(due=None)
    if name == "deferred":
        return versions.filter(due__gt=F("first_due"))
    for bucket, _, least, most in BUCKETS:
        if bucket == name:
            return versions.filter(_late(least, most))
    return versions


def counts(versions: QuerySet) -> dict[str, int]:
    """How many are in each bucket, in one query."""
    asked = {name: Count("pk", filter=_late(least, most)) for name, _, least, most in BUCKETS}
    asked["deferred"] = Count("pk", filter=Q(due__gt=F("first_due")))
    asked["none"] = Count("pk", filter=Q(due=None))
    return dict(versions.order_by().aggregate(**asked))


def bucket_of(version: Any) -> str:
    """The bucket of a row, by its earliest day."""
    late = days_late(version)
    if late is None:
        return "none"
    return next(name for name, _, least, most in BUCKETS if _within(late, least, most))


def days_late(version: Any) -> int | None:
    """How many days ago the earliest day of a row was; negative for one to come, None where nothing is due."""
    return (timezone.localdate() - version.due).days if version.due is not None else None


def triggers_of(version: Any) -> list[str]:
    """Why a row is due, in words."""
    return [str(Trigger(one).label) for one in version.triggers or []]


def describe(version: Any, rules: judging.Judging) -> dict[str, Any]:
    """A row in words and figures, by the rules in force."""
    bucket = bucket_of(version)
    again = rules.again[subjects.tier_of(version)]
    last = version.last_validated
    by_period = timezone.localtime(last).date() + dt.timedelta(days=again.every) if last is not None else None
    return {
        "version": version,
        "tier": subjects.tier_of(version),
        "last_validated": last,
        "next_by_period": by_period,
        "due": version.due,
        "days_late": days_late(version),
        "is_deferred": version.due is not None and version.due > version.first_due,
        "triggers": triggers_of(version),
        "bucket": bucket,
        "label": LABELS[bucket],
    }


def _late(least: int | None, most: int | None) -> Q:
    today, found = timezone.localdate(), Q(due__isnull=False)
    if least is not None:
        found &= Q(due__lte=today - dt.timedelta(days=least))
    if most is not None:
        found &= Q(due__gte=today - dt.timedelta(days=most))
    return found


def _within(late: int, least: int | None, most: int | None) -> bool:
    return (least is None or late >= least) and (most is None or late <= most)
