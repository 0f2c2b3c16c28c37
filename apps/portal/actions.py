"""What the portal does by itself: begin, and stop a job that somebody no longer wants."""

from typing import Any

from django.db import transaction

from apps.audit.actions import action, record
from apps.core.errors import Refused
from apps.core.locks import hold
from apps.organizations import doors
from apps.organizations.actions import create_organization, create_person
from apps.organizations.models import Organization, User
from apps.portal import policies
from apps.work import jobs
from apps.work.models import Job


def found_portal(*, key: str, name: str, person: str, email: str, password: str) -> tuple[Organization, User]:
    """Make the first organization and the person who owns it; refused as soon as there is one."""
    with transaction.atomic():
        hold("founding")  # so that two founders cannot both find the portal empty
        if not doors.portal_is_empty():
            raise Refused("This portal already has an organization. Sign in, or ask to be invited.")
        owner = create_person(email=email, password=password, name=person)
        return create_organization(key=key, name=name, by=owner), owner


@action
def cancel_job(*, job: Job, by: Any) -> Job:
    """Ask long work to stop; it ends within seconds and leaves no half result."""
    policies.check_cancel(by, job)
    jobs.cancel(job=job)
    record(by=by, action="job.cancelled", subject=job, project_id=job.project_id, details={"kind": job.kind})
    return job
