"""Who is still asked: reads of deployments and prediction records, without deciding anything."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max
from django.utils import timezone

from apps.deployments.models import (
    Deployment,
    DeploymentState,
    Endpoint,
    EndpointState,
    PredictionRecord,
    ServerCounter,
    Traffic,
)
from apps.retirement.models import RetirementPlan


def endpoints_of(plan: RetirementPlan) -> list[Endpoint]:
    """The endpoints concerned: all of the model, or those where the version has answered."""
    rows = Endpoint.objects.select_related("environment", "model__project", "organization").filter(model=plan.model_id)
    if not plan.is_whole_model:
        rows = rows.filter(deployments__version=plan.version_id, deployments__started_at__isnull=False).distinct()
    return list(rows)


def answering_at(plan: RetirementPlan) -> list[Endpoint]:
    """The endpoints where what is retired answers now."""
    live = Deployment.objects.filter(state=DeploymentState.LIVE, endpoint__model=plan.model_id)
    if not plan.is_whole_model:
        live = live.filter(version=plan.version_id)
    where = live.exclude(endpoint__state=EndpointState.OFF).values("endpoint")
    return list(Endpoint.objects.select_related("environment", "organization").filter(pk__in=where))


@dataclass(frozen=True)
class Window:
    """A stretch of time, and whether it is as long as the plan asks for."""

    since: dt.datetime
    until: dt.datetime
    is_whole: bool


def window_of(plan: RetirementPlan, now: dt.datetime | None = None) -> Window:
    """The stretch before now to look at: as long as the plan asks for, but not from before the plan's drain began.

    A version that was replaced earlier drains since the end of its last deployment.
    """
    now = now or timezone.now()
    begun = plan.draining_at or now
    if not plan.is_whole_model:
        rows = Deployment.objects.filter(version=plan.version_id, started_at__isnull=False)
        ends = [row.ended_at for row in rows]
        if ends and None not in ends:
            begun = max(end for end in ends if end is not None)
    since = now - plan.quiet_for
    return Window(max(since, begun), now, is_whole=since >= begun)


@dataclass(frozen=True)
class Counted:
    """What was recorded in a window, in all and endpoint by endpoint."""

    predictions: int
    newest_at: dt.datetime | None
    waiting: int
    endpoints: list[dict[str, Any]]


def count(plan: RetirementPlan, since: dt.datetime, until: dt.datetime) -> Counted:
    """Count the prediction records of what is retired, refused and failed calls too."""
    found = []
    for endpoint in endpoints_of(plan):
        rows = PredictionRecord.objects.filter(endpoint=endpoint, at__gte=since, at__lte=until)
        if not plan.is_whole_model:
            rows = rows.filter(version=plan.version_id)
        sums = rows.order_by().aggregate(predictions=Count("pk"), newest=Max("at"))
        found.append({"endpoint": endpoint.key, **sums, "waiting": _waiting(plan, endpoint, since)})
    newest = [row["newest"] for row in found if row["newest"] is not None]
    return Counted(
        predictions=sum(row["predictions"] for row in found),
        newest_at=max(newest, default=None),
        waiting=sum(row["waiting"] for row in found),
        endpoints=found,
    )


def _waiting(plan: RetirementPlan, endpoint: Endpoint, since: dt.datetime) -> int:
    """Predictions that were answered and are not recorded yet, as far as they may be of what is retired.

    Servers hand in their records in order: once a newer one of another version is in, none of the old wait.
    """
    waiting = sum(counter.waiting for counter in ServerCounter.objects.filter(endpoint=endpoint))
    if waiting and not plan.is_whole_model:
        newer = PredictionRecord.objects.filter(endpoint=endpoint, at__gte=since).exclude(version=plan.version_id)
        return 0 if newer.exists() else waiting
    return waiting


def last_asked(plan: RetirementPlan) -> dt.datetime | None:
    """The minute of the newest call that was recorded; None when there never was one."""
    rows = Traffic.objects.filter(endpoint__in=[endpoint.pk for endpoint in endpoints_of(plan)])
    if not plan.is_whole_model:
        rows = rows.filter(version=plan.version_id)
    newest: dt.datetime | None = rows.order_by().aggregate(newest=Max("minute"))["newest"]
    return newest


def by_hour(plan: RetirementPlan, since: dt.datetime, until: dt.datetime) -> list[tuple[dt.datetime, int]]:
    """Calls hour by hour, refused and failed ones too; empty hours as well."""
    start = since.replace(minute=0, second=0, microsecond=0)
    hour = dt.timedelta(hours=1)
    hours = {start + hour * number: 0 for number in range((until - start) // hour + 1)}
    rows = Traffic.objects.filter(
        endpoint__in=[endpoint.pk for endpoint in endpoints_of(plan)], minute__gte=start, minute__lte=until
    )
    if not plan.is_whole_model:
        rows = rows.filter(version=plan.version_id)
    for minute, calls in rows.values_list("minute", "calls"):
        hours[minute.replace(minute=0, second=0, microsecond=0)] += calls
    return sorted(hours.items())
