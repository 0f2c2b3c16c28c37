"""Reports: the inventory and the decisions, on the page and as CSV."""

import csv

from apps.core.tenancy import tenant
from tests.projects.factories import draft, project_at


def test_the_inventory_lists_every_life_one_may_see(sign_in, cast):
    with tenant(cast.meridian.pk):
        project_at(cast, "approved")
    page = sign_in(cast.wim).get("/o/meridian/reports/inventory/")
    assert [row["standing"].life.project.title for row in page.context["rows"]] == ["Late arrivals"]
    assert sign_in(cast.mina).get("/o/meridian/reports/inventory/").context["rows"] == []


def test_the_inventory_as_csv_runs_no_formula(sign_in, cast):
    with tenant(cast.meridian.pk):
        draft(cast, title="=1+1")
    text = sign_in(cast.wim).get("/o/meridian/reports/inventory/?format=csv").text
    head, row = list(csv.reader(text.splitlines()))
    assert head[:3] == ["Model", "Project", "Tier"]
    assert row[0] == "'=1+1"


def test_decisions_show_outcome_signers_and_time(sign_in, cast):
    with tenant(cast.meridian.pk):
        project_at(cast, "approved")
    page = sign_in(cast.wim).get("/o/meridian/reports/decisions/")
    (request,) = page.context["page"]
    assert request.state == "approved"
    assert "Rhea, Carlo" in page.text
    assert "How long does a decision take?" in page.text
    assert sign_in(cast.wim).get("/o/meridian/reports/decisions/?state=declined").context["page"].paginator.count == 0


def test_the_reports_page_leads_to_them(sign_in, cast):
    assert "/o/meridian/reports/inventory/" in sign_in(cast.mina).get("/o/meridian/reports/").text


def test_the_reports_page_offers_the_auditors_room_to_those_who_may_enter(sign_in, cast):
    assert 'href="/o/meridian/auditors/"' in sign_in(cast.audrey).get("/o/meridian/reports/").text
    page = sign_in(cast.wim).get("/o/meridian/reports/").text
    assert 'href="/o/meridian/auditors/"' not in page
    assert "auditor" in page[page.index("disabled>Open") :]
