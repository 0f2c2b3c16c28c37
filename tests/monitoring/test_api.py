"""The API: batches in five formats, answered once they are kept; monitors and incidents by their verbs."""

import copy
import datetime as dt
import gzip
import io
import json
import re

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.urls import reverse

from apps.core.tenancy import tenant
from apps.monitoring.actions import refusals
from apps.monitoring.actions import rows as receiving
from apps.monitoring.models import Batch, Incident, RefusedBatch
from apps.organizations import actions as organizations
from tests.monitoring.field import START, Field
from tests.support import deliver

API = "/o/meridian/api/v1/"
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def outside_once(cast_once) -> Field:
    """The watched endpoint; no tenant is open."""
    with tenant(cast_once.meridian.pk):
        return Field(cast_once)


@pytest.fixture
def outside(db, outside_once) -> Field:
    return copy.deepcopy(outside_once)


@pytest.fixture
def call(outside, client):
    """`call(path, body, ...)` posts with Otto's token."""
    with tenant(outside.cast.meridian.pk):
        _, token = organizations.create_token(
            user=outside.cast.otto, name="ingest", scopes=["ingest", "monitor", "investigate"], by=outside.cast.otto
        )
    headers = {"Authorization": f"Bearer {token}"}

    def send(path, body=None, type="application/json", method="post", **more):
        if method == "get":
            return client.get(f"{API}{path}", headers=headers)
        if type == "application/json" and not isinstance(body, bytes):
            body = json.dumps(body)
        return getattr(client, method)(f"{API}{path}", body, content_type=type, headers=headers | more)

    return send


def predictions(field, size=20):
    with tenant(field.cast.meridian.pk):
        return field.rows(size)


def test_batch_is_taken_once_and_answered_the_same(outside, call):
    rows, _ = predictions(outside)
    first = call("monitoring/late-arrivals/predictions/?batch_key=monday", rows)
    again = call("monitoring/late-arrivals/predictions/?batch_key=monday", rows)
    other = call("monitoring/late-arrivals/predictions/?batch_key=monday", rows[:3])
    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 409)
    assert first.json()["id"] == again.json()["id"]
    assert (first.json()["rows"], first.json()["state"]) == (20, "received")
    deliver(outside.cast.meridian)
    found = call(f"batches/{first.json()['id']}/", method="get").json()
    assert found["state"] == "reduced"


def encoded(rows, type):
    if type == "application/x-ndjson":
        return "\n".join(map(json.dumps, rows)).encode()
    table, sink = pa.Table.from_pylist(rows), io.BytesIO()
    if type == "text/csv":
        import pyarrow.csv as pa_csv

        pa_csv.write_csv(table, sink)
    elif type.endswith("parquet"):
        pq.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize(
    "type",
    ["application/x-ndjson", "text/csv", "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"],
)
def test_batch_may_come_in_every_format(outside, call, type):
    rows, outcomes = predictions(outside)
    assert call("monitoring/late-arrivals/predictions/", encoded(rows, type), type).status_code == 202
    answer = call("monitoring/late-arrivals/outcomes/", encoded(outcomes, type), type)
    assert answer.status_code == 202
    deliver(outside.cast.meridian)
    states = call("monitoring/late-arrivals/states/?kind=outcomes", method="get").json()["results"]
    assert sum(state["rows"] for state in states) == 20


@pytest.mark.parametrize(
    ("body", "type"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[1]", "application/json"),
        (b"PAR1 cut", "application/x-parquet"),
        (b"1,2,3\n4,5,6\n", "text/csv"),
        (b"\xff\xfe", "text/csv"),
        (b"<x/>", "application/xml"),
        (b"[]", "application/json"),
        (b'[{"prediction_id": "\\ud800"}]', "application/json"),
    ],
)
def test_bad_batch_is_a_sentence_and_never_a_500(outside, call, body, type):
    for noun in ("predictions", "outcomes", "feedback"):
        answer = call(f"monitoring/late-arrivals/{noun}/", body, type)
        assert answer.status_code == 422, answer.content
        assert answer.json()["detail"].endswith(".")


@pytest.mark.parametrize("asked", ["version=%C2%B2", f"version={9**30}"])
def test_bad_parameter_of_a_batch_is_a_sentence_and_never_a_500(outside, call, asked):
    rows, _ = predictions(outside, 2)
    assert call(f"monitoring/late-arrivals/predictions/?{asked}", rows).status_code == 422


def test_bad_rows_are_named_and_good_ones_kept_on_wish(outside, call):
    rows, _ = predictions(outside, 3)
    rows[1]["month"] = "May"
    refused = call("monitoring/late-arrivals/predictions/", rows)
    assert refused.status_code == 422
    assert refused.json()["errors"]["rows"] == ["row 2: month must be a number."]
    kept = call("monitoring/late-arrivals/predictions/?on_error=keep", rows)
    assert (kept.status_code, kept.json()["rows"], kept.json()["refused"]) == (202, 2, 1)
    assert call("monitoring/late-arrivals/predictions/?on_error=guess", rows).status_code == 422
    assert call("monitoring/late-arrivals/predictions/?version=99", rows).status_code == 422


def test_a_batch_refused_whole_leaves_a_trace_without_its_content(outside, call, client):
    rows, _ = predictions(outside, 3)
    rows[1]["month"] = "a secret"
    assert call("monitoring/late-arrivals/predictions/?batch_key=monday", rows).status_code == 422
    assert call("monitoring/late-arrivals/outcomes/", b'[{"value": a secret}', "application/json").status_code == 422
    with tenant(outside.cast.meridian.pk):
        broken, misfit = RefusedBatch.objects.all()
        assert (misfit.key, misfit.kind, misfit.rows, misfit.refused) == ("monday", "predictions", 3, 1)
        assert (misfit.sent_by, misfit.errors) == (
            outside.cast.otto,
            [{"row": 2, "column": "month", "said": "must be a number."}],
        )
        assert (broken.kind, broken.reason, broken.rows) == ("outcomes", "The body is not JSON.", None)
        assert Batch.objects.count() == 0
    client.force_login(outside.cast.otto)
    page = client.get(reverse("monitoring:batches", args=["meridian", "late-arrivals"])).content.decode()
    assert "Batches refused whole" in page and "1 of 3 rows do not fit" in page
    assert "The body is not JSON." in page and "a secret" not in page
    assert "3 in 2 batches refused whole" in page


def test_only_the_newest_refused_batches_are_kept(outside, call, monkeypatch):
    monkeypatch.setattr(refusals, "MOST_REFUSED", 2)
    for number in range(4):
        assert call(f"monitoring/late-arrivals/feedback/?batch_key={number}", b"no JSON").status_code == 422
    with tenant(outside.cast.meridian.pk):
        assert [one.key for one in RefusedBatch.objects.all()] == ["3", "2"]


def test_columns_that_do_not_fit_are_told_with_the_batch_that_was_refused(outside, call, client):
    row = {"prediction_id": "a", "score": 0.5, "wingspan": 60}
    assert call("monitoring/late-arrivals/predictions/", [row]).status_code == 422
    with tenant(outside.cast.meridian.pk):
        told = {one["column"]: one["said"] for one in RefusedBatch.objects.get().errors}
    assert told["wingspan"] == "is not a column of this. Leave it out."
    assert told["dep_delay"] == "is missing. Send it, or null."
    client.force_login(outside.cast.otto)
    page = client.get(reverse("monitoring:batches", args=["meridian", "late-arrivals"])).content.decode()
    assert '<span class="muted small"><span class="mono">dep_delay</span> is missing.' in page


def test_outcomes_without_a_prediction_can_be_listed(outside, call):
    call("monitoring/late-arrivals/outcomes/", [{"prediction_id": "ghost", "value": True}])
    deliver(outside.cast.meridian)
    found = call("monitoring/late-arrivals/outcomes/?matched_at__isnull=true", method="get").json()["results"]
    assert [one["prediction_id"] for one in found] == ["ghost"]


def test_rows_are_refused_without_the_scope_and_from_outside(outside, client, call):
    with tenant(outside.cast.meridian.pk):
        _, narrow = organizations.create_token(
            user=outside.cast.otto, name="read", scopes=["view"], by=outside.cast.otto
        )
    with tenant(outside.cast.harbor.pk):
        _, foreign = organizations.create_token(user=outside.cast.mallory, name="x", by=outside.cast.mallory)
    path, body = f"{API}monitoring/late-arrivals/feedback/", json.dumps([{"rating": 3}])
    for token, status in ((narrow, 403), (foreign, 401)):
        answer = client.post(path, body, content_type="application/json", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status
    assert call("monitoring/nowhere/feedback/", [{"rating": 3}]).status_code == 404
    with tenant(outside.cast.meridian.pk):
        assert Batch.objects.count() == 0


def test_monitors_are_set_up_run_and_changed(outside, call):
    with tenant(outside.cast.meridian.pk):
        for day in range(3):
            outside.fly(250, START + day * DAY, labelled=False, later=8)
    given = {
        "endpoint": "late-arrivals", "kind": "drift", "window": "day", "clock": "data",
        "limits": {"open_after": 1, "among": 1},
    }  # fmt: skip
    made = call("monitors/", given)
    assert made.status_code == 201, made.content
    home = f"monitors/{made.json()['id']}/"
    assert call(f"{home}change/", {"limits": {"psi": "much"}}).status_code == 422
    assert call(f"{home}change/", {"limits": {"psi": 0.1, "open_after": 1, "among": 1}}).status_code == 200
    assert call(f"{home}run/").status_code == 202
    deliver(outside.cast.meridian)
    checks = call(f"checks/?monitor={made.json()['id']}", method="get").json()["results"]
    assert [one["level"] for one in checks] == ["drift", "drift"]
    whole = call(f"checks/{checks[0]['id']}/", method="get").json()
    assert whole["features"][0]["feature"] == "dep_delay"
    assert whole["result"]["limits"]["psi"] == 0.1
    assert call(f"{home}run/").status_code == 403
    assert call(f"{home}pause/", {"reason": "Night."}).json()["is_active"] is False
    assert call(f"{home}pause/", {"reason": "Night."}).status_code == 409
    assert call(f"{home}resume/").json()["is_active"] is True


def test_incidents_are_worked_on(outside, call):
    given = {"endpoint": "late-arrivals", "cause": "feedback", "title": "Gate planners ignore the scores"}
    made = call("incidents/", given)
    assert made.status_code == 201
    assert call("incidents/", given).status_code == 409
    home = f"incidents/{made.json()['number']}/"
    assert call(f"{home}investigate/").json()["owner"] == "otto@meridian.example"
    assert call(f"{home}write/", {"text": "They see too many."}).json()["entries"][0]["text"] == "They see too many."
    assert call(f"{home}resolve/", {"resolution": "Threshold raised."}).status_code == 422
    ended = call(f"{home}resolve/", {"resolution": "Threshold raised.", "root_cause": "Threshold too low."})
    assert (ended.status_code, ended.json()["state"]) == (200, "resolved")
    again = call(f"{home}resolve/", {"resolution": "Again.", "root_cause": "Again."})
    assert again.status_code == 409
    with tenant(outside.cast.meridian.pk):
        assert Incident.objects.count() == 1


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_packed_body_is_the_same_batch_as_the_plain_one(outside, call, packing):
    body = json.dumps(predictions(outside)[0]).encode()
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, packing) as out:
        out.write(body)
    path = "monitoring/late-arrivals/predictions/?batch_key=monday"
    assert call(path, sink.getvalue().to_pybytes(), **{"Content-Encoding": packing}).status_code == 202
    assert call(path, body).status_code == 200


def test_packed_body_that_is_damaged_or_swells_is_refused(outside, call, settings):
    path = "monitoring/late-arrivals/predictions/"
    damaged = call(path, b"no gzip at all", **{"Content-Encoding": "gzip"})
    assert (damaged.status_code, "is not gzip" in damaged.json()["detail"]) == (422, True)
    unknown = call(path, b"[]", **{"Content-Encoding": "br"})
    assert (unknown.status_code, "gzip or" in unknown.json()["detail"]) == (422, True)
    settings.TENURE_BATCH_LIMIT = 1000
    swollen = call(path, gzip.compress(b" " * 100_000, mtime=0), **{"Content-Encoding": "gzip"})
    assert swollen.status_code == 413


def test_sender_is_asked_to_come_back_while_too_much_waits(outside, call, settings):
    settings.TENURE_MOST_WAITING_ROWS = 10
    rows, _ = predictions(outside, 30)
    path = "monitoring/late-arrivals/predictions/?batch_key="
    assert call(f"{path}first", rows[:15]).status_code == 202
    full = call(f"{path}second", rows[15:])
    assert (full.status_code, int(full.headers["Retry-After"]) >= 5) == (429, True)
    assert "15 rows of this endpoint wait" in full.json()["detail"]
    assert call(f"{path}first", rows[:15]).status_code == 200
    with tenant(outside.cast.meridian.pk):
        deliver(outside.cast.meridian)
    assert call(f"{path}second", rows[15:]).status_code == 202


def test_kept_rows_lie_in_partitions_by_the_hour_they_came(outside, call):
    call("monitoring/late-arrivals/predictions/", predictions(outside)[0])
    with tenant(outside.cast.meridian.pk):
        path = Batch.objects.get().path
    assert re.fullmatch(
        r"[0-9a-f-]{36}/batches/endpoint=late-arrivals/kind=predictions/date=[0-9-]{10}/hour=\d\d/[0-9a-f-]{36}-rows.parquet",
        path,
    )
    root = default_storage.path(path.split("/endpoint=")[0])
    whole = pyarrow.dataset.dataset(root, format="parquet", partitioning="hive").to_table()
    assert whole.column("kind").unique().to_pylist() == ["predictions"]
    assert whole.num_rows == 20


@pytest.mark.parametrize("plain", [False, True])
def test_kept_floats_have_their_bytes_parted_unless_the_setting_forbids_it(outside, call, settings, plain):
    settings.TENURE_PLAIN_BATCHES = plain
    call("monitoring/late-arrivals/predictions/", predictions(outside, 200)[0])
    with tenant(outside.cast.meridian.pk):
        first = pq.read_metadata(default_storage.path(Batch.objects.get().path)).row_group(0)
    columns = [first.column(place) for place in range(first.num_columns)]
    assert any("BYTE_STREAM_SPLIT" in one.encodings for one in columns) != plain


def test_database_out_of_reach_is_a_503_with_the_time_to_come_back(outside, call, client, monkeypatch):
    monkeypatch.setattr(receiving, "hold", lambda name: (_ for _ in ()).throw(OperationalError("gone")))
    client.raise_request_exception = False
    answer = call("monitoring/late-arrivals/predictions/", predictions(outside)[0])
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["detail"].startswith("The database cannot be reached. Nothing was done")
