"""Pages of the rows that arrive: as they come in, batch by batch, and what is held of them."""

import datetime as dt
from collections import Counter
from typing import Any

import django_filters
from django.db.models import Avg, Count, F, Min, Q, Sum
from django.utils import timezone

from apps.core.pages import Action, Crumb, refusal
from apps.deployments.models import Endpoint
from apps.discussions import timeline
from apps.monitoring import actions, plans, policies, sending
from apps.monitoring.forms import HoldForm
from apps.monitoring.models import Batch, BatchKind, BatchState, Hold, RefusedBatch
from apps.monitoring.views.shared import link, of_endpoint, tabs
from apps.organizations.bases import ActionPage, ListPage, ObjectFormPage, ObjectPage, fetch

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
MOST_REASONS = 5
MOST_WHOLE = 10


class BatchFilter(django_filters.FilterSet):
    """Kind and state."""

    kind = django_filters.ChoiceFilter(choices=BatchKind.choices)
    state = django_filters.ChoiceFilter(choices=BatchState.choices)


class BatchList(ListPage):
    """What was received for an endpoint, as it arrives: the page looks again by itself."""

    template_name = "monitoring/batch_list.html"
    title = "Rows received"
    model = Batch
    lookups = {"endpoint": "endpoint__key"}
    filterset_class = BatchFilter
    orderings = {"received": "created_at", "rows": "rows", "refused": "refused"}
    columns = {
        "Key": "key", "Kind": "kind", "State": "state", "Rows": "rows", "Refused": "refused", "Repeated": "repeated",
        "Unmatched": "unmatched", "First event": "first_at", "Last event": "last_at", "Received": "created_at",
    }  # fmt: skip

    def get_queryset(self) -> Any:
        endpoints = Endpoint.objects.select_related("model__project", "organization")
        self.endpoint = fetch(endpoints, self.request.user, key=self.kwargs["endpoint"])
        return Batch.objects.filter(endpoint=self.endpoint).select_related("organization", "version", "sent_by")

    def context(self, **more: Any) -> dict[str, Any]:
        holds = Hold.objects.filter(endpoint=self.endpoint, released_at=None).select_related("placed_by")
        refused = refusal(policies.check_hold, self.request.user, self.endpoint)
        hold = link("hold-rows", self.organization, self.endpoint.key)
        return super().context(
            crumbs=of_endpoint(self.organization, self.endpoint, Crumb(self.title)),
            tabs=tabs(self.organization, self.endpoint, "batches"),
            actions=[Action("Hold rows of a period", hold, method="get", refused=refused)],
            arriving=arriving(self.endpoint),
            examples=sending.examples(self.endpoint),
            keep_days=plans.current()[plans.tier_of(self.endpoint)].keep_days,
            holds=[(one, Action("Release", link("release-rows", self.organization, one.pk), refused=refused))
                   for one in holds],
            **more,
        )  # fmt: skip


def arriving(endpoint: Endpoint) -> dict[str, Any]:
    """How rows come in now: of the last hour, what waits and since when, what was refused in a day and why."""
    now = timezone.now()
    mine = Batch.objects.filter(endpoint=endpoint)
    recent = mine.filter(created_at__gte=now - HOUR).aggregate(
        rows=Sum("rows", default=0), batches=Count("pk"), lag=Avg(F("reduced_at") - F("created_at"))
    )
    open_ones = mine.filter(state__in=[BatchState.RECEIVED, BatchState.FAILED]).aggregate(
        waiting=Sum("rows", filter=Q(state=BatchState.RECEIVED), default=0),
        since=Min("created_at", filter=Q(state=BatchState.RECEIVED)),
        failed=Count("pk", filter=Q(state=BatchState.FAILED)),
    )
    refused = mine.filter(created_at__gte=now - DAY, refused__gt=0).order_by("-id")
    reasons: Counter[tuple[str, str]] = Counter()
    for errors in refused.values_list("errors", flat=True)[:50]:
        reasons.update((error["column"], error["said"]) for error in errors)
    whole = RefusedBatch.objects.filter(endpoint=endpoint)
    lost = whole.filter(created_at__gte=now - DAY).aggregate(rows=Sum("rows", default=0), batches=Count("pk"))
    return {
        **recent,
        **open_ones,
        "whole": list(whole.select_related("sent_by")[:MOST_WHOLE]),
        "whole_noted": f"and {lost['rows']:,} in {_batches(lost['batches'])} refused whole" if lost["batches"] else "",
        "noted": f"in {_batches(recent['batches'])}",
        "lag_in_words": f"counted after {recent['lag'].total_seconds():.0f} s on average" if recent["lag"] else "",
        "refused": refused.order_by().aggregate(rows=Sum("refused", default=0))["rows"],
        "reasons": [(column, said, count) for (column, said), count in reasons.most_common(MOST_REASONS)],
    }


def _batches(count: int) -> str:
    return f"{count} batch{'' if count == 1 else 'es'}"


class BatchPage(ObjectPage):
    """One batch: what was kept, what was refused and why, and why it could not be counted."""

    template_name = "monitoring/batch.html"
    model = Batch

    def get_queryset(self) -> Any:
        return Batch.objects.select_related(
            "organization", "endpoint__model__project", "version__model", "sent_by", "baseline"
        )

    def context(self, **more: Any) -> dict[str, Any]:
        batch = self.object
        rows = Crumb("Rows received", link("batches", self.organization, batch.endpoint.key))
        retry = Action(
            "Try again",
            link("retry-batch", self.organization, batch.pk),
            refused=refusal(policies.check_retry, self.request.user, batch),
        )
        return super().context(
            crumbs=of_endpoint(self.organization, batch.endpoint, rows, Crumb(batch.key)),
            timeline=timeline.of(batch),
            primary=retry if batch.state == BatchState.FAILED else None,
            **more,
        )


class RetryBatch(ActionPage):
    """Have a batch counted that was given up."""

    model = Batch
    done = "A worker counts it."

    def get_queryset(self) -> Any:
        return Batch.objects.select_related("organization", "endpoint__model__project")

    def perform(self) -> None:
        actions.retry_batch(batch=self.object, by=self.request.user)


class HoldRows(ObjectFormPage):
    """Keep the rows of a period however old they grow."""

    model = Endpoint
    lookups = {"endpoint": "key"}
    title, submit, form_class = "Hold rows of a period", "Hold them", HoldForm
    done = "They are kept until somebody releases them."

    def get_queryset(self) -> Any:
        return Endpoint.objects.select_related("model__project", "organization", "environment")

    def check(self) -> None:
        policies.check_hold(self.request.user, self.object)

    def cancel_url(self) -> str:
        return link("batches", self.organization, self.object.key)

    def perform(self, form: Any) -> str:
        actions.hold_rows(endpoint=self.object, by=self.request.user, **form.cleaned_data)
        return self.cancel_url()

    def context(self, **more: Any) -> dict[str, Any]:
        lead = (
            "Rows are deleted when their tier's time is over. Those with events in this period are kept beyond it, for "
            "a dispute or an inquiry, until somebody releases them. An open incident holds its rows by itself."
        )
        trail = of_endpoint(
            self.organization, self.object, Crumb("Rows received", self.cancel_url()), Crumb(self.title)
        )
        return super().context(**({"crumbs": trail, "lead": lead} | more))


class ReleaseRows(ActionPage):
    """Let held rows grow old again."""

    model = Hold
    done = "They are deleted when their time is over."

    def get_queryset(self) -> Any:
        return Hold.objects.select_related("organization", "endpoint__model__project", "endpoint__organization")

    def perform(self) -> None:
        actions.release_rows(hold=self.object, by=self.request.user)
