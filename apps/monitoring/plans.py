"""What must be watched at each tier, and which live endpoints lack some of it. It reads, and writes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.deployments.models import Endpoint
from apps.monitoring.models import Monitor, MonitorKind, WatchPlan
from apps.projects.models import Tier

K = MonitorKind


@dataclass(frozen=True)
class Default:
    """What every organization begins with at a tier."""

    kinds: tuple[str, ...]
    baseline_needs_approval: bool
    keep_days: int


DEFAULTS: dict[str, Default] = {
    Tier.LOW: Default((K.DRIFT, K.SERVICE, K.SILENCE), False, 90),
    Tier.LIMITED: Default((K.DRIFT, K.PERFORMANCE, K.SERVICE, K.SILENCE), True, 200),
    Tier.HIGH: Default((K.DRIFT, K.PERFORMANCE, K.SERVICE, K.SILENCE, K.FEEDBACK, K.VALUE), True, 400),
}
UNKNOWN = Tier.HIGH  # While nobody has said how much harm the use could do, it is watched as if it could do most.


def tier_of(endpoint: Any) -> str:
    """The tier whose plan holds for an endpoint."""
    return endpoint.model.project.tier if endpoint.model.project.tier in DEFAULTS else UNKNOWN


def current() -> dict[str, WatchPlan | Default]:
    """What holds at every tier: the organization's own word, or what it began with. One query."""
    written = {plan.tier: plan for plan in WatchPlan.objects.filter(is_current=True).select_related("written_by")}
    return {tier: written.get(tier, default) for tier, default in DEFAULTS.items()}


def baseline_needs_approval(tier: str) -> bool:
    """Whether a new baseline of a model of this tier takes effect only when it is signed."""
    plan = WatchPlan.objects.filter(tier=tier, is_current=True).first()
    return plan.baseline_needs_approval if plan is not None else DEFAULTS[tier].baseline_needs_approval


def lacking() -> QuerySet[Endpoint]:
    """Serving endpoints in production that lack a kind of monitor that their tier needs; one query for all kinds."""
    wanted = Q(pk__in=[])
    for kind in MonitorKind.values:
        there = Monitor.objects.filter(endpoint=OuterRef("pk"), kind=kind, is_active=True)
        wanted |= _needs(kind) & ~Exists(there)
    return Endpoint.objects.serving().filter(wanted, environment__is_production=True)


def _needs(kind: str) -> Any:
    """A condition on endpoints: whether their tier's plan names the kind."""
    own = WatchPlan.objects.filter(tier=OuterRef("model__project__tier"), is_current=True)
    by_default = [tier for tier, default in DEFAULTS.items() if kind in default.kinds]
    fallback = Q(model__project__tier__in=by_default)
    if kind in DEFAULTS[UNKNOWN].kinds:
        fallback |= ~Q(model__project__tier__in=list(DEFAULTS))
    return Q(Exists(own.filter(kinds__contains=[kind]))) | (fallback & ~Exists(own))


def missing(endpoints: Iterable[Any]) -> dict[Any, list[str]]:
    """The kinds that each endpoint lacks, by its id, in two queries."""
    rows = list(endpoints)
    there: dict[Any, set[str]] = {}
    for endpoint_id, kind in Monitor.objects.filter(endpoint__in=rows, is_active=True).values_list("endpoint", "kind"):
        there.setdefault(endpoint_id, set()).add(kind)
    plans = current()
    return {
        row.pk: [kind for kind in plans[tier_of(row)].kinds if kind not in there.get(row.pk, set())] for row in rows
    }
