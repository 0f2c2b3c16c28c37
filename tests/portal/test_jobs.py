"""Jobs: those of visible projects with progress; who started one may stop it."""

import pytest

from apps.audit.models import Record
from apps.core.tenancy import tenant
from apps.work import jobs
from apps.work.models import Job
from tests.projects.factories import draft


@pytest.fixture
def job(cast):
    """A job on a project where the cast has its roles, started by Dario."""
    with tenant(cast.meridian.pk):
        project = draft(cast)
        return jobs.start(kind="work.nothing", subject=project, title="Profile flights version 1", by=cast.dario)


def test_people_of_the_project_see_the_job_and_others_do_not(sign_in, cast, job):
    page = sign_in(cast.wim).get("/o/meridian/jobs/")
    assert [row.title for row in page.context["page"]] == ["Profile flights version 1"]
    assert list(sign_in(cast.mina).get("/o/meridian/jobs/").context["page"]) == []


def test_a_running_job_polls_for_its_progress(sign_in, cast, job):
    page = sign_in(cast.dario).get("/o/meridian/jobs/").text
    assert f'hx-get="/o/meridian/jobs/{job.pk}/progress/"' in page


def test_progress_ends_with_a_refresh_of_the_page(sign_in, cast, job):
    client = sign_in(cast.dario)
    assert "HX-Refresh" not in client.get(f"/o/meridian/jobs/{job.pk}/progress/").headers
    client.post(f"/o/meridian/jobs/{job.pk}/cancel/")
    assert client.get(f"/o/meridian/jobs/{job.pk}/progress/").headers["HX-Refresh"] == "true"


def test_progress_is_for_who_sees_the_job(sign_in, cast, job):
    assert sign_in(cast.wim).get(f"/o/meridian/jobs/{job.pk}/progress/").status_code == 200
    assert sign_in(cast.mina).get(f"/o/meridian/jobs/{job.pk}/progress/").status_code == 404


def test_who_started_it_cancels_it_on_record(sign_in, cast, job):
    response = sign_in(cast.dario).post(f"/o/meridian/jobs/{job.pk}/cancel/")
    assert response.status_code == 303
    with tenant(cast.meridian.pk):
        assert Job.objects.get(pk=job.pk).state == "cancelled"
        assert Record.objects.filter(action="job.cancelled", actor=cast.dario).count() == 1


def test_administrators_cancel_and_others_are_refused(sign_in, cast, job):
    refused = sign_in(cast.bianca).post(f"/o/meridian/jobs/{job.pk}/cancel/")
    assert refused.status_code == 403
    assert "Only Dario" in refused.text
    assert sign_in(cast.adam).post(f"/o/meridian/jobs/{job.pk}/cancel/").status_code == 303


def test_what_one_cannot_see_one_cannot_cancel(sign_in, cast, job):
    assert sign_in(cast.mina).post(f"/o/meridian/jobs/{job.pk}/cancel/").status_code == 404


def test_the_api_lists_and_cancels(sign_in, cast, job):
    client = sign_in(cast.dario)
    assert [row["title"] for row in client.get("/o/meridian/api/v1/jobs/").json()["results"]] == [job.title]
    assert client.post(f"/o/meridian/api/v1/jobs/{job.pk}/cancel/").json()["state"] == "cancelled"
    assert client.post(f"/o/meridian/api/v1/jobs/{job.pk}/cancel/").status_code == 403
    assert sign_in(cast.mina).get("/o/meridian/api/v1/jobs/").json()["results"] == []
