"""What pages show, as files: CSV and Parquet that hold the same figures, and the report as PDF with its hash."""

import copy
import csv
import datetime as dt
import hashlib
import io
import json

import pyarrow.parquet as pq
import pytest

from apps.core import documents
from apps.core.tenancy import tenant
from apps.monitoring import periods, reports, results, tables
from apps.monitoring.models import Check
from tests.monitoring.field import START, Field

HOME = "/o/meridian/monitoring/endpoints/late-arrivals/"
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def watched_once(cast_once) -> Field:
    """The endpoint with something in every table of monitoring; no tenant is open."""
    with tenant(cast_once.meridian.pk):
        field = Field(cast_once)
        field.fill()
        field.drift = field.endpoint.monitors.get(name="Filled")
    return field


@pytest.fixture
def watched(db, watched_once) -> Field:
    return copy.deepcopy(watched_once)


def lines_of(response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.content.decode())))


def table_of(response) -> list[dict]:
    return pq.read_table(io.BytesIO(response.content)).to_pylist()


def test_every_page_of_an_endpoint_hands_out_what_it_shows(watched, sign_in):
    client = sign_in(watched.cast.wim)
    for page in ("", "performance/", "service/", "segments/", "value/", "features/dep_delay/"):
        text, table = (client.get(f"{HOME}{page}", {"range": "1y", "format": one}) for one in ("csv", "parquet"))
        lines, rows = lines_of(text), table_of(table)
        assert text.headers["Content-Disposition"].endswith('.csv"'), page
        assert len(lines) == len(rows) > 0 or page == "service/", page
        assert [list(line) for line in lines] == [list(row) for row in rows], page


def test_exported_drift_is_what_the_checks_found(watched, sign_in):
    rows = table_of(sign_in(watched.cast.wim).get(HOME, {"range": "1y", "format": "parquet"}))
    with tenant(watched.cast.meridian.pk):
        checks = Check.objects.filter(monitor=watched.drift, is_current=True).order_by("end_at")
        wanted = [(one.start_at, row.feature, row.psi) for one in checks for row in results.of_check(one)]
    assert [(row["From"], row["Feature"], row["PSI"]) for row in rows] == wanted
    assert len(wanted) >= 6


def test_exported_drift_is_read_in_parts_up_to_its_most_windows(watched, sign_in, monkeypatch):
    with tenant(watched.cast.meridian.pk):
        checks = list(Check.objects.filter(monitor=watched.drift))
        whole = list(tables.drift(checks * 3)[1])
        monkeypatch.setattr(tables, "TOGETHER", 2)
        assert list(tables.drift(checks * 3)[1]) == whole
    assert len(whole) == 3 * len(checks) * len({row[5] for row in whole})
    monkeypatch.setattr(tables, "MOST_OF_ALL", 0)
    assert table_of(sign_in(watched.cast.wim).get(HOME, {"range": "1y", "format": "parquet"})) == []


def test_exports_follow_the_chosen_time(watched, sign_in):
    client = sign_in(watched.cast.wim)
    for first, wanted in ((START, {START}), (START + 9 * DAY, set())):
        given = {"from": f"{first:%Y-%m-%d}", "to": f"{first + DAY:%Y-%m-%d}", "format": "parquet"}
        assert {row["From"] for row in table_of(client.get(HOME, given))} == wanted


def test_lists_are_handed_out_as_parquet_too(watched, sign_in):
    rows = table_of(sign_in(watched.cast.otto).get("/o/meridian/monitoring/", {"format": "parquet"}))
    assert [row["Endpoint"] for row in rows] == ["late-arrivals"]
    assert rows[0]["Drift"] in ("Over limit", "Quiet")
    assert rows[0]["Open incidents"] == 1
    rows = table_of(sign_in(watched.cast.otto).get("/o/meridian/monitoring/incidents/", {"format": "parquet"}))
    assert [row["Cause"] for row in rows] == ["Inputs or predictions have moved"]


def test_cells_of_a_csv_are_no_formulas(watched, sign_in):
    with tenant(watched.cast.meridian.pk):
        watched.send("feedback", [{"rating": 1, "comment": "=1+1", "event_time": START.isoformat()}])
    lines = lines_of(sign_in(watched.cast.otto).get(f"{HOME}opinions/", {"format": "csv"}))
    assert "'=1+1" in [line["Comment"] for line in lines]


def test_the_report_is_a_pdf_whose_hash_is_that_of_the_data(watched, sign_in):
    client = sign_in(watched.cast.audrey)
    made = client.get(f"{HOME}report/", {"range": "1y"})
    assert (made.status_code, made.headers["Content-Type"]) == (200, "application/pdf")
    assert made.content.startswith(b"%PDF-")
    data = client.get(f"{HOME}report/", {"range": "1y", "format": "json"}).content
    found = json.loads(data)
    assert [one["name"] for one in found["monitors"]].count("Filled") == 1
    assert len(found["drift"]["windows"]) >= 1
    assert {line["feature"] for line in found["drift"]["features"]} >= {"dep_delay", "carrier", "_score"}
    assert found["definitions"]["psi"]
    assert [one["number"] for one in found["incidents"]] == [1]
    with tenant(watched.cast.meridian.pk):
        endpoint = watched.endpoint
        period = periods.of_endpoint(endpoint, {"range": "1y"})
        monitors = list(endpoint.monitors.all())
        said = []
        compiled = documents.pdf
        try:
            documents.pdf = lambda template, given, at: said.append(given) or compiled(template, given, at)
            from apps.monitoring import sheets

            sheets.pdf(endpoint, period, monitors, reports.collect(endpoint, period, monitors), watched.cast.audrey)
        finally:
            documents.pdf = compiled
    assert said[0]["hash"] == hashlib.sha256(data).hexdigest()
    assert said[0]["drift"]["rows"][0][0] == "dep_delay"


def test_a_report_on_a_time_without_anything_says_so(watched, sign_in):
    client = sign_in(watched.cast.audrey)
    given = {"from": "2012-01-01", "to": "2012-02-01"}
    assert client.get(f"{HOME}report/", given).content.startswith(b"%PDF-")
    found = client.get(f"{HOME}report/", given | {"format": "json"}).json()
    assert (found["drift"]["windows"], found["performance"], found["incidents"]) == ([], [], [])
