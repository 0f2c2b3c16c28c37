"""Which jobs a person may see: those of the projects they may see, and the organization's own."""

from typing import Any

from django.db.models import Q, QuerySet

from apps.organizations import access
from apps.projects.models import Project
from apps.work.models import Job


def visible(user: Any) -> QuerySet[Job]:
    """The jobs of visible projects and of none."""
    projects = access.visible(Project.objects.all(), user).values("pk")
    return Job.objects.filter(Q(project_id=None) | Q(project_id__in=projects))
