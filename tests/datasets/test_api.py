"""The API of data: every noun and verb, and problem bodies with a sentence for bad input."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.datasets import folders
from apps.datasets.models import DatasetVersion, PreparationRun, Split
from tests.datasets.factories import FLIGHTS, dataset_of, fresh, profiled, source_of, version_at
from tests.projects.factories import draft, project_at
from tests.support import deliver

API = "/o/meridian/api/v1/"
VERSIONS = f"{API}datasets/flights/versions/"


@pytest.fixture
def api(inside, sign_in):
    """Dario's calls: `api.get(path)`, `api.post(path, data)` with JSON."""
    return Calls(sign_in(inside.dario))


class Calls:
    def __init__(self, client):
        self.client = client

    def get(self, path):
        return self.client.get(path)

    def post(self, path, data=None):
        return self.client.post(path, json.dumps(data or {}), content_type="application/json")

    def upload(self, content=FLIGHTS, name="flights.csv", **more):
        data = content if isinstance(content, bytes) else content.encode()
        return self.client.post(VERSIONS, {"file": SimpleUploadedFile(name, data), **more})


def problem_of(response, status=422):
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"].startswith("application/problem+json")
    return response.json()


def test_sources_are_registered_listed_and_changed(inside, api):
    project = draft(inside)
    made = api.post(
        f"{API}data-sources/",
        {"project": project.key, "key": "operations", "name": "Operations", "kind": "database", "licence": "CC0"},
    )
    assert made.status_code == 201
    assert made.json()["owner"] == inside.dario.email
    assert [row["key"] for row in api.get(f"{API}data-sources/?kind=database").json()["results"]] == ["operations"]

    changed = api.post(f"{API}data-sources/operations/change/", {"licence": "CC BY 4.0", "reason": "Read again."})
    assert changed.json()["licence"] == "CC BY 4.0"
    given = api.post(f"{API}data-sources/operations/change/", {"owner": inside.bianca.email, "reason": "Hers now."})
    assert given.json()["owner"] == inside.bianca.email
    problem = problem_of(api.post(f"{API}data-sources/operations/change/", {"personal_data": "personal"}))
    assert "lawful_basis" in problem["errors"]


def test_datasets_are_added_and_changed(inside, api):
    project = draft(inside)
    source = source_of(inside, project)
    made = api.post(
        f"{API}datasets/", {"project": project.key, "key": "flights", "name": "Flights", "source": source.key}
    )

    assert made.status_code == 201
    assert made.json()["url"] == "/o/meridian/datasets/flights/"
    assert api.post(f"{API}datasets/flights/change/", {"name": "All flights"}).json()["name"] == "All flights"
    problem_of(api.post(f"{API}datasets/", {"project": project.key, "key": "flights", "name": "Again"}), 409)
    problem = problem_of(api.post(f"{API}datasets/", {"project": "nothing", "key": "x", "name": "X"}))
    assert "project" in problem["errors"]


def test_a_file_is_uploaded_with_options_and_read(inside, api):
    dataset_of(inside)
    made = api.upload(options=json.dumps({"types": {"delay": "number"}}), note="First")

    assert made.status_code == 201
    assert (made.json()["number"], made.json()["state"]) == (1, "draft")
    deliver(inside.meridian)
    row = api.get(f"{VERSIONS}1/").json()
    assert (row["state"], row["rows"], row["note"]) == ("profiled", 61, "First")
    assert row["schema"][2] == {"name": "delay", "type": "number", "nullable": True, "unit": "", "role": ""}
    profile = api.get(f"{VERSIONS}1/profile/").json()
    assert profile["profile"]["rows"] == 61
    assert b"".join(api.get(f"{VERSIONS}1/file/").streaming_content)[:4] == b"PAR1"
    assert b"".join(api.get(f"{VERSIONS}1/original/").streaming_content) == FLIGHTS.encode()
    assert [row["number"] for row in api.get(f"{VERSIONS}?state=profiled").json()["results"]] == [1]


def test_a_file_on_the_server_is_named_by_its_path(inside, api):
    dataset_of(inside)
    folders.home().mkdir(parents=True)
    (folders.home() / "flights.csv").write_text(FLIGHTS)

    assert api.post(VERSIONS, {"path": "flights.csv"}).status_code == 201
    assert "no file" in problem_of(api.post(VERSIONS, {"path": "../harbor/x.csv"}))["detail"]
    assert "file" in problem_of(api.post(VERSIONS, {}))["errors"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html></html>", "web page"),
        (b"39,40\n1,2\n", "not the names of the columns"),
        (b"PAR1....", "cut off or damaged"),
        (b"a,a\n1,2\n", "names more than one column"),
    ],
)
def test_a_file_that_is_no_table_gets_a_problem_body(inside, api, content, words):
    dataset_of(inside)

    problem = problem_of(api.upload(content))

    assert words in problem["detail"]
    assert words in problem["errors"]["file"][0]
    assert not DatasetVersion.objects.exists()


def test_a_file_over_the_limit_gets_413(inside, api, settings):
    settings.TENURE_UPLOAD_LIMIT = 1_000
    dataset_of(inside)

    problem = problem_of(api.upload(), 413)

    assert "Nothing was kept" in problem["detail"]
    assert not DatasetVersion.objects.exists()


def test_options_that_mean_nothing_get_a_problem_body(inside, api):
    dataset_of(inside)

    assert "no such option" in problem_of(api.upload(options='{"sep": ";"}'))["detail"]
    assert "options" in problem_of(api.upload(options="not json"))["errors"]
    assert "options" in problem_of(api.upload(options="[1]"))["errors"]


def test_broken_rows_are_told_with_their_lines_and_read_again(inside, api):
    dataset_of(inside)
    api.upload("a,b\n1,2\n3\n")
    deliver(inside.meridian)

    row = api.get(f"{VERSIONS}1/").json()
    assert row["state"] == "failed"
    assert row["failure_details"]["details"]["first"][0]["line"] == 3
    again = api.post(f"{VERSIONS}1/read-again/", {"options": {"broken_rows": "skip"}})
    assert again.json()["state"] == "draft"
    deliver(inside.meridian)
    assert api.get(f"{VERSIONS}1/").json()["rows"] == 1
    conflict = problem_of(api.post(f"{VERSIONS}1/read-again/", {"options": {}}), 409)
    assert conflict["legal"] == ["signed_off", "rejected"]


def test_a_version_is_prepared_checked_signed_off_and_split(inside, api):
    profiled(inside)
    rule = api.post(f"{API}datasets/flights/rules/", {"rule": {"rule": "not_null", "columns": ["delay"]}})
    assert rule.json()["sentence"] == "delay is never missing"
    assert api.get(f"{VERSIONS}1/quality/").json() == {"passed": None, "results": []}
    assert api.post(f"{VERSIONS}1/check-quality/").status_code == 202
    recipe = [{"step": "fill_missing", "columns": ["delay"], "method": "median"}]
    made = api.post(f"{VERSIONS}1/prepare/", {"recipe": recipe, "note": "Filled"})
    assert made.status_code == 201
    deliver(inside.meridian)

    assert api.get(f"{VERSIONS}1/quality/").json()["results"][0]["verdict"] == "failed"
    run = api.get(f"{API}datasets/flights/preparations/1/").json()
    assert (run["state"], run["result"], run["source"]) == ("succeeded", "flights@2", "flights@1")
    assert run["report"]["steps"][0]["columns"][0]["nulls_after"] == 0
    problem = problem_of(api.post(f"{VERSIONS}1/request-sign-off/", {"use": "training"}), 403)
    assert "breaks a rule that must hold" in problem["detail"]
    assert api.post(f"{VERSIONS}2/request-sign-off/", {"use": "training"}).status_code == 201
    plan = {"method": "random", "seed": 3, "parts": [{"name": "train", "share": 0.5}, {"name": "test", "share": 0.5}]}
    assert api.post(f"{VERSIONS}2/split/", {"plan": plan}).status_code == 201
    deliver(inside.meridian)
    split = api.get(f"{VERSIONS}2/splits/1/").json()
    assert [(part["name"], part["version"]) for part in split["parts"]] == [("train", 3), ("test", 4)]
    again = api.post(f"{VERSIONS}1/prepare/", {"recipe": recipe, "learned_from": 1})
    assert again.status_code == 201
    assert PreparationRun.objects.get(number=2).learned_from == PreparationRun.objects.get(number=1)
    assert Split.objects.get().plan["seed"] == 3
    assert api.post(f"{API}datasets/flights/rules/1/end/").json()["is_active"] is False


def test_what_does_not_fit_is_named_by_step_and_field(inside, api):
    profiled(inside)

    problem = problem_of(api.post(f"{VERSIONS}1/prepare/", {"recipe": [{"step": "rename", "names": {"z": "y"}}]}))
    assert problem["errors"]["recipe"][0].startswith("Step 1, names: There is no column 'z'")
    problem = problem_of(api.post(f"{VERSIONS}1/split/", {"plan": {"method": "magic", "parts": []}}))
    assert any("not a way to split" in sentence for sentence in problem["errors"]["plan"])
    problem = problem_of(api.post(f"{API}datasets/flights/rules/", {"rule": {"rule": "magic"}}))
    assert "is not a rule" in problem["detail"]
    for recipe in (None, 5, "steps: [", {"a": 1}, [[]]):
        problem_of(api.post(f"{VERSIONS}1/prepare/", {"recipe": recipe}))


def test_a_version_is_rejected_with_a_reason(inside, api):
    version = profiled(inside)

    assert "reason" in problem_of(api.post(f"{VERSIONS}1/reject/"))["errors"]
    assert api.post(f"{VERSIONS}1/reject/", {"reason": "Wrong year."}).json()["state"] == "rejected"
    assert fresh(version).rejected_because == "Wrong year."


def test_nothing_is_there_for_strangers(inside, sign_in):
    version_at(inside, "profiled")
    source_of(inside, project_at(inside, "approved", key="other"))

    for person in (inside.mina, inside.mallory):
        calls = Calls(sign_in(person))
        for path in ("1/", "1/profile/", "1/file/", "1/original/", "1/quality/", "1/splits/"):
            status = calls.get(f"{VERSIONS}{path}").status_code
            assert status == 404 or (person == inside.mina and path == "1/splits/" and status == 200)
        for path in ("1/reject/", "1/prepare/", "1/split/", "1/check-quality/", "1/request-sign-off/", ""):
            assert calls.post(f"{VERSIONS}{path}", {"reason": "x"}).status_code == 404
    mina = Calls(sign_in(inside.mina))
    assert mina.get(f"{API}datasets/").json()["results"] == []
    assert mina.get(VERSIONS).json()["results"] == []
    assert mina.get(f"{API}data-sources/").json()["results"] == []


def test_a_reader_reads_and_changes_nothing(inside, sign_in):
    profiled(inside)
    reader = Calls(sign_in(inside.wim))

    assert reader.get(f"{VERSIONS}1/").status_code == 200
    for path, data in (
        ("1/reject/", {"reason": "x"}),
        ("1/prepare/", {"recipe": [{"step": "drop_duplicates"}]}),
        ("1/check-quality/", {}),
        ("1/request-sign-off/", {"use": "x"}),
    ):
        assert problem_of(reader.post(f"{VERSIONS}{path}", data), 403)["detail"].endswith(".")


def test_lists_take_as_many_queries_with_many_rows(inside, api):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    project = draft(inside)
    dataset_of(inside, project)
    api.get(f"{API}datasets/")
    with CaptureQueriesContext(connection) as one:
        api.get(f"{API}datasets/")
    for number in range(8):
        dataset_of(inside, project, key=f"more-{number}")
    with CaptureQueriesContext(connection) as many:
        api.get(f"{API}datasets/")

    assert len(many) == len(one)
