"""Jobs: what runs, how far it is, what came of it."""

from __future__ import annotations

from typing import Any

import django_filters
from django.http import HttpRequest, HttpResponse

from apps.core.pages import Action, refusal
from apps.organizations.bases import ActionPage, ListPage, ObjectPage
from apps.portal import actions, jobs, policies
from apps.work.models import UNDER_WAY, Job, JobState


class JobFilter(django_filters.FilterSet):
    """State and words of the title."""

    state = django_filters.ChoiceFilter(choices=JobState.choices)
    title = django_filters.CharFilter(lookup_expr="icontains", label="What")


class JobList(ListPage):
    """Running work with live progress, and what ended."""

    template_name = "portal/jobs.html"
    title = "Jobs"
    model = Job
    filterset_class = JobFilter
    orderings = {"title": "title", "state": "state", "queued": "queued_at", "finished": "finished_at"}
    columns = {
        "What": "title",
        "Kind": "kind",
        "State": "state",
        "Started by": "started_by",
        "Queued": "queued_at",
        "Finished": "finished_at",
        "Error": "error",
    }

    def get_queryset(self) -> Any:
        return jobs.visible(self.request.user).select_related("started_by", "organization")

    def context(self, **more: Any) -> dict[str, Any]:
        running = jobs.visible(self.request.user).filter(state__in=UNDER_WAY)
        rows = running.select_related("started_by", "organization").order_by("id")[:20]
        for job in more["page"]:
            job.took = job.finished_at - job.started_at if job.finished_at and job.started_at else None
        return super().context(
            lead="Long work of this organization. It goes on when you leave, and survives a restart.",
            running=[(job, self._cancel(job)) for job in rows],
            **more,
        )

    def _cancel(self, job: Job) -> Action:
        return Action(
            "Cancel",
            f"{job.pk}/cancel/",
            refused=refusal(policies.check_cancel, self.request.user, job),
            confirm=f"Stop “{job.title}”? What it has done so far is dropped.",
        )


class JobProgress(ObjectPage):
    """How far one job is, asked for by the page while it runs."""

    template_name = "components/progress_live.html"
    model = Job

    def get_queryset(self) -> Any:
        return jobs.visible(self.request.user).select_related("organization")

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        response = super().get(request, **kwargs)
        if not self.object.is_open:
            response.headers["HX-Refresh"] = "true"
        return response

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(job=self.object, **more)


class CancelJob(ActionPage):
    """Ask a job to stop."""

    model = Job
    done = "It stops within a few seconds."

    def get_queryset(self) -> Any:
        return jobs.visible(self.request.user).select_related("started_by")

    def perform(self) -> None:
        actions.cancel_job(job=self.object, by=self.request.user)
