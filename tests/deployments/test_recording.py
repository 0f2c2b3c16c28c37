"""The recorder's side of the database: exactly once, repeats known, nobody else's endpoints."""

import copy
import datetime as dt
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from apps.core.ids import uuid7
from apps.core.tenancy import tenant
from apps.deployments import recording, traffic
from apps.deployments.models import Deployment, PredictionRecord, ServerCounter, Traffic
from apps.deployments.serving import ledger, protocol, records
from apps.deployments.serving.config import Config
from apps.deployments.serving.recorder import Recorder
from apps.deployments.serving.spool import Writer
from apps.deployments.signals import predictions_recorded
from tests.cast import Cast
from tests.deployments import samples
from tests.deployments.shop import Shop


@pytest.fixture(scope="module")
def live_once(shop_once: Shop) -> Deployment:
    with tenant(shop_once.cast.meridian.pk):
        return shop_once.deploy(shop_once.endpoint(shop_once.staging), shop_once.version(1))


@pytest.fixture
def live(inside: Cast, live_once: Deployment) -> Deployment:
    return copy.deepcopy(live_once)


@pytest.fixture
def heard() -> Iterator[list[dict[str, Any]]]:
    """What was announced."""
    announced: list[dict[str, Any]] = []
    predictions_recorded.connect(lambda **news: announced.append(news), weak=False, dispatch_uid="test")
    yield announced
    predictions_recorded.disconnect(dispatch_uid="test")


def payload(live: Deployment, status: str = "ok", **changes: Any) -> bytes:
    """A call of two rows as the server leaves it behind."""
    body = samples.request() | {"id": "flight"} | changes.pop("body", {})
    given = {
        "call": uuid7().hex, "organization": str(live.organization_id), "endpoint": str(live.endpoint_id),
        "version": str(live.version_id), "at": time.time(), "seconds": 0.002, "status": status,
        "rows": 2 if status == "ok" else 0, "request_id": "trace", "token": "",
        "error": "" if status == "ok" else "No.",
    } | changes  # fmt: skip
    outputs = [
        {"name": "score", "datatype": "FP64", "shape": [2], "data": [0.25, 0.75]},
        {"name": "label", "datatype": "BOOL", "shape": [2], "data": [False, True]},
    ]
    answer = {"model_name": "x", "model_version": "1", "id": body.get("id", ""), "outputs": outputs}
    facts = records.Facts(**given)
    if status != "ok":
        return records.encode(facts)
    return records.encode(facts, json.dumps(body).encode(), json.dumps(answer).encode())


def call(live: Deployment, **changes: Any) -> records.Call:
    names = [one["name"] for one in live.version.signature["inputs"]]
    return records.decode(payload(live, **changes), lambda facts: names)


def test_store_keeps_a_row_per_prediction(live: Deployment) -> None:
    given = call(live, body={"parameters": {"prediction_ids": ["UA1", "B62"], "event_at": "2013-04-01T10:00:00Z"}})
    assert recording.store("host", [given]) == 2
    first, second = PredictionRecord.objects.order_by("row")
    assert (first.prediction_id, second.prediction_id) == ("UA1", "B62")
    assert first.inputs == {"dep_delay": 10, "month": 3, "carrier": "B6", "weekend": False}
    assert (first.outputs, second.outputs) == ({"score": 0.25, "label": False}, {"score": 0.75, "label": True})
    assert (first.endpoint, first.version, first.status, first.seconds) == (live.endpoint, live.version, "ok", 0.002)
    assert first.event_at.isoformat() == "2013-04-01T10:00:00+00:00"
    assert (first.call, first.request_id, second.row) == (second.call, "trace", 2)


def test_store_again_changes_and_announces_nothing(live: Deployment, heard: list) -> None:
    given = [call(live), call(live, body={"id": "other"})]
    assert recording.store("host", given) == 4
    assert recording.store("host", given) == 0
    assert PredictionRecord.objects.count() == 4
    assert [len(news["predictions"]) for news in heard] == [4]
    counter = ServerCounter.objects.get()
    assert (counter.recorded, Traffic.objects.get().predictions) == (4, 4)


def test_announcement_carries_what_was_recorded(live: Deployment, heard: list) -> None:
    recording.store("host", [call(live), call(live, status="refused")])
    (news,) = heard
    assert (news["endpoint_id"], news["version_id"]) == (live.endpoint_id, live.version_id)
    assert [(one.prediction_id, one.status, one.outputs.get("score")) for one in news["predictions"]] == [
        ("flight/1", "ok", 0.25),
        ("flight/2", "ok", 0.75),
        ("", "refused", None),
    ]


def test_same_prediction_id_again_is_kept_as_a_repeat(live: Deployment) -> None:
    recording.store("host", [call(live), call(live)])
    recording.store("host", [call(live)])
    rows = PredictionRecord.objects.filter(prediction_id="flight/1").values_list("is_repeat", flat=True)
    assert sorted(rows) == [False, True, True]
    recording.store("host", [call(live, body={"id": "another"})])
    assert not PredictionRecord.objects.get(prediction_id="another/1").is_repeat


def test_refused_and_failed_calls_are_kept_without_values(live: Deployment) -> None:
    recording.store("host", [call(live, status="refused"), call(live, status="refused"), call(live, status="failed")])
    rows = PredictionRecord.objects.values_list("status", "prediction_id", "error", "is_repeat")
    assert sorted(rows) == [("failed", "", "No.", False), *[("refused", "", "No.", False)] * 2]
    assert ServerCounter.objects.count() == 0
    minute = Traffic.objects.get()
    assert (minute.calls, minute.predictions, minute.refused, minute.failed) == (3, 0, 2, 1)


def test_receiver_that_raises_keeps_everything_from_being_stored(live: Deployment) -> None:
    def refuse(**_: Any) -> None:
        raise RuntimeError("no room")

    predictions_recorded.connect(refuse, weak=False, dispatch_uid="refuse")
    try:
        with pytest.raises(RuntimeError), tenant(live.organization_id):
            recording.store("host", [call(live)])
    finally:
        predictions_recorded.disconnect(dispatch_uid="refuse")
    assert PredictionRecord.objects.count() == 0


def test_record_for_another_tenants_endpoint_is_refused_by_the_database(live: Deployment, cast: Cast) -> None:
    given = call(live)
    with pytest.raises(IntegrityError, match="tenant_fk"), tenant(cast.harbor.pk):
        recording.store("host", [given])


def test_counts_of_processes_are_added_up(live: Deployment) -> None:
    shared = (live.organization_id, live.endpoint_id)
    recording.store("host", [call(live)])
    counts = [ledger.Count("0", *shared, 5, 1), ledger.Count("1", *shared, 2, 0)]
    recording.keep_counts("host", counts)
    recording.keep_counts("host", counts)
    counter = ServerCounter.objects.get()
    assert (counter.kept, counter.dropped, counter.recorded, counter.waiting) == (7, 1, 2, 5)


def test_token_is_marked_as_used(live: Deployment, cast: Cast) -> None:
    from apps.organizations.actions import create_token

    token, _ = create_token(user=cast.otto, name="CI", by=cast.otto)
    recording.store("host", [call(live, token=str(token.pk))])
    token.refresh_from_db()
    assert token.last_used_at is not None


def test_recorder_into_the_database_and_what_cannot_be_stored(live: Deployment, tmp_path: Any) -> None:
    config = Config(run=tmp_path / "run")
    config.prepare()
    spool = Writer(config.spool, limit=10**7, segment_size=10**6)
    spool.append(payload(live))
    spool.append(payload(live, endpoint="00000000-0000-7000-8000-000000000000"))
    spool.append(payload(live, body={"id": "last"}))
    recorder = Recorder(config, recording.Database("host"))
    assert recorder.drain() == 3
    assert PredictionRecord.objects.count() == 4
    assert len(list(config.unrecorded.iterdir())) == 1


def test_set_aside_is_counted(live: Deployment) -> None:
    recording.count_set_aside("host", records.facts(payload(live)))
    recording.keep_counts("host", [ledger.Count("0", live.organization_id, live.endpoint_id, 2, 0)])
    counter = ServerCounter.objects.get()
    assert (counter.set_aside, counter.waiting) == (2, 0)


def test_stretches_add_minutes_up(live: Deployment) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    for ago in (1, 2, 61):
        recording.store("host", [call(live, at=now.timestamp() - ago * 60, body={"id": str(ago)})])
    hours = traffic.hourly(live.endpoint, now - dt.timedelta(hours=2), now)
    assert [row.predictions for row in hours] == [2, 4]
    whole = traffic.total(hours)
    assert whole is not None
    assert (whole.calls, whole.quantile(0.5)) == (3, pytest.approx(0.0015))


def test_quiet_since_waits_for_records_on_their_way(live: Deployment) -> None:
    assert traffic.quiet_since(live.endpoint) == live.started_at
    recording.store("host", [call(live)])
    newest = traffic.last_call(live.endpoint)
    assert newest is not None
    assert traffic.quiet_since(live.endpoint) == newest + dt.timedelta(minutes=1)
    recording.keep_counts("host", [ledger.Count("0", live.organization_id, live.endpoint_id, 3, 0)])
    assert traffic.quiet_since(live.endpoint) is None


def test_row_ids_are_those_of_the_protocol() -> None:
    assert protocol.row_ids("a", (), 1) == ["a"]
    assert protocol.row_ids("a", (), 2) == ["a/1", "a/2"]
    assert protocol.row_ids("a", ("x", "y"), 2) == ["x", "y"]


def test_many_predictions_after_many_others_are_no_repeats(live: Deployment) -> None:
    for batch in range(3):
        recording.store("host", [call(live, body={"id": f"{batch}-{number}"}) for number in range(400)])
    assert not PredictionRecord.objects.filter(is_repeat=True).exists()
