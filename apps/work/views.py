"""Progress of long work, asked for by the page while it runs."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.core.errors import NotVisible
from apps.work.models import Job


def progress(request: HttpRequest, organization: str, pk: UUID) -> HttpResponse:
    """The progress component of one job; any member may see how far work is, its result is behind its own page."""
    job = Job.objects.select_related("organization").filter(pk=pk).first()
    if job is None:
        raise NotVisible()
    response = render(request, "components/progress_live.html", {"job": job})
    if not job.is_open:
        response.headers["HX-Refresh"] = "true"
    return response
