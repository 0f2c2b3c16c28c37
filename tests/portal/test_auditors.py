"""The auditors' room: who may enter, the trail, the proof, the export."""

import io
import zipfile

import pytest

from apps.audit.models import Checkpoint, Record
from apps.core.tenancy import tenant
from tests.projects.factories import draft

PAGES = ["", "trail/", "trail/1/", "verify/"]


@pytest.fixture
def project(cast):
    with tenant(cast.meridian.pk):
        return draft(cast)


@pytest.mark.parametrize("page", PAGES)
def test_auditors_owners_and_administrators_enter_and_others_do_not(sign_in, cast, page):
    for person in (cast.audrey, cast.odile, cast.adam):
        assert sign_in(person).get(f"/o/meridian/auditors/{page}").status_code == 200
    for person in (cast.mina, cast.bianca, cast.vera):
        assert sign_in(person).get(f"/o/meridian/auditors/{page}").status_code == 403


def test_the_trail_shows_every_decision_and_filters(sign_in, cast, project):
    client = sign_in(cast.audrey)
    with tenant(cast.meridian.pk):
        count = Record.objects.count()
    assert client.get("/o/meridian/auditors/trail/").context["page"].paginator.count == count
    opened = client.get("/o/meridian/auditors/trail/?action=project.opened").context["page"]
    assert [record.subject_label for record in opened] == ["Late arrivals"]
    assert client.get("/o/meridian/auditors/trail/?since=2999-01-01").context["page"].paginator.count == 0


def test_the_trail_is_exported_as_csv(sign_in, cast, project):
    lines = sign_in(cast.audrey).get("/o/meridian/auditors/trail/?format=csv").content.decode()
    assert lines.splitlines()[0] == "Number,At,Who,Action,About,Type,Reason,Channel,Hash"
    assert "project.opened" in lines


def test_a_record_shows_what_was_hashed(sign_in, cast, project):
    with tenant(cast.meridian.pk):
        record = Record.objects.filter(action="project.opened").get()
    page = sign_in(cast.audrey).get(f"/o/meridian/auditors/trail/{record.sequence}/")
    assert record.hash in page.text
    assert page.context["object"].body == record.body


def test_the_chain_is_said_to_hold(sign_in, cast, project):
    page = sign_in(cast.audrey).get("/o/meridian/auditors/verify/")
    assert page.context["faults"] == []
    assert "The chain holds" in page.text
    answer = sign_in(cast.audrey).get("/o/meridian/api/v1/audit/records/verify/").json()
    assert answer["holds"] is True


def test_the_export_is_a_bundle_with_a_fresh_checkpoint(sign_in, cast, project):
    response = sign_in(cast.audrey).post("/o/meridian/auditors/export/")
    names = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))).namelist()
    assert {"records.ndjson", "verify.py", "manifest.json"} <= set(names)
    with tenant(cast.meridian.pk):
        assert Checkpoint.objects.count() == 1
    assert sign_in(cast.bianca).post("/o/meridian/auditors/export/").status_code == 403


def test_the_api_refuses_the_trail_to_others(sign_in, cast, project):
    assert sign_in(cast.bianca).get("/o/meridian/api/v1/audit/records/").status_code == 403
    assert sign_in(cast.audrey).get("/o/meridian/api/v1/audit/records/1/").json()["sequence"] == 1


@pytest.mark.parametrize("query", ["date=yesterday", "date=2026-01-01&time=noon"])
def test_a_moment_that_is_none_is_explained(sign_in, cast, query):
    response = sign_in(cast.audrey).get(f"/o/meridian/auditors/?{query}")
    assert response.status_code == 422
    assert response.context["answers"] is None


def test_nothing_was_in_production_before_anything_was(sign_in, cast):
    page = sign_in(cast.audrey).get("/o/meridian/auditors/?date=2020-03-14&time=10:00")
    assert page.context["answers"] == []
    assert "Nothing was running at that moment." in page.text
