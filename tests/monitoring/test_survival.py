"""What ingestion must survive: floods, clocks, renamed features, very wide and very long batches, and none at all."""

import copy
import datetime as dt
import io
import json

import numpy as np
import pyarrow as pa
import pytest
from django.utils import timezone

from apps.core.errors import Invalid
from apps.core.tenancy import tenant
from apps.models.engine.signatures import Signature
from apps.monitoring import actions
from apps.monitoring.actions import counting, turns
from apps.monitoring.engine import baseline as baselines
from apps.monitoring.engine import reading, wanted
from apps.monitoring.models import BaselineSource, Batch, Prediction, State
from apps.organizations.people import system
from apps.work import outbox
from apps.work.models import OutboxMessage
from config.celery import app
from tests.deployments import samples
from tests.monitoring.field import INPUTS, START, draw
from tests.support import deliver

DAY = dt.timedelta(days=1)


def states(field):
    """Every state, to the bit."""
    found = State.objects.filter(endpoint=field.endpoint).order_by("kind", "segment", "start_at")
    return [(row.kind, row.segment, row.grain, row.start_at, row.rows, bytes(row.data)) for row in found]


def as_arrow(table):
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def send_table(field, table, **more):
    given = {"endpoint": field.endpoint, "kind": "predictions", "format": "arrow", "by": field.cast.otto} | more
    batch, _ = actions.receive(body=as_arrow(table), **given)
    return batch


@pytest.fixture
def version_with(field, monkeypatch):
    """`version_with(signature)`: the model's next version, with another signature."""

    def made(signature):
        monkeypatch.setattr(samples, "SIGNATURE", signature)
        return field.make_version(2)

    return made


def flights(count, name="long", at=START, hours=24):
    """So many predictions as a table."""
    columns = draw(np.random.default_rng(3), count)
    moments = np.datetime64(at.replace(tzinfo=None), "us") + np.arange(count) * (hours * 3_600_000_000 // count)
    table = pa.table({name: columns[name] for name in (*INPUTS, "score")})
    ids = pa.array([f"{name}-{number}" for number in range(count)])
    times = pa.array(moments, pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    return table.append_column("prediction_id", ids).append_column("event_time", times)


@pytest.mark.parametrize(
    ("format", "body"), [("json", b"[]"), ("ndjson", b"\n\n"), ("csv", b"prediction_id,score\n"), ("arrow", None)]
)
def test_empty_batch_is_refused_with_a_sentence(field, format, body):
    body = as_arrow(flights(3).slice(0, 0)) if body is None else body
    with pytest.raises(Invalid, match="at least one row"):
        actions.receive(endpoint=field.endpoint, kind="predictions", body=body, format=format, by=field.cast.otto)
    assert Batch.objects.count() == 0


def test_long_batch_is_counted_in_parts_and_gives_the_same_states_as_small_ones(field, monkeypatch):
    monkeypatch.setattr(reading, "MOST_CELLS", 400)
    monkeypatch.setattr("apps.monitoring.engine.keeping.MOST_CELLS", 400)
    monkeypatch.setattr(counting, "MOST_ROWS", 120)
    table = flights(600)
    actions.watch_column(endpoint=field.endpoint, column="carrier", by=field.cast.otto)
    batch = send_table(field, table)
    assert actions.count_waiting(endpoint=field.endpoint, by=system()) == 1
    batch.refresh_from_db()
    assert (batch.state, batch.groups > 1, 0 < Prediction.objects.count() < 600) == ("received", True, True)
    deliver(field.cast.meridian)
    batch.refresh_from_db()
    assert (batch.state, batch.repeated, Prediction.objects.count()) == ("reduced", 0, 600)
    in_parts = states(field)
    for model in (State, Prediction, Batch):
        model.objects.all().delete()
    for start in range(0, 600, 50):
        send_table(field, table.slice(start, 50))
    deliver(field.cast.meridian)
    assert states(field) == in_parts


def test_long_batch_of_outcomes_tells_all_that_have_no_prediction(field, monkeypatch):
    monkeypatch.setattr(reading, "MOST_CELLS", 30)
    monkeypatch.setattr("apps.monitoring.engine.keeping.MOST_CELLS", 30)
    monkeypatch.setattr(counting, "MOST_ROWS", 25)
    predictions, outcomes = field.rows(60)
    table = pa.table({name: [row[name] for row in outcomes] for name in ("prediction_id", "value")})
    batch = send_table(field, table, kind="outcomes")
    deliver(field.cast.meridian)
    batch.refresh_from_db()
    assert (batch.state, batch.groups > 2, batch.unmatched) == ("reduced", True, 60)
    field.send("predictions", predictions)
    assert sum(State.objects.filter(kind="outcomes").values_list("rows", flat=True)) == 60


def test_million_categories_are_a_category_column_like_any_other(field):
    """The state keeps its size: what the reference did not know is counted as never seen."""
    few = send_table(field, flights(100, "few"))
    deliver(field.cast.meridian)
    table = flights(50_000, "many", START + DAY, hours=1)
    names = pa.array([f"carrier {number}" for number in range(50_000)])
    batch = send_table(field, table.set_column(table.column_names.index("carrier"), "carrier", names))
    deliver(field.cast.meridian)
    batch.refresh_from_db()
    assert (few.rows, batch.state, batch.refused) == (100, "reduced", 0)
    state = State.objects.get(start_at=START + DAY)
    assert state.rows == 50_000
    assert len(bytes(state.data)) < 10_000


def test_event_times_of_a_clock_that_jumps_lie_where_they_say_and_those_to_come_are_refused(field):
    rows = field.rows(4)[0]
    for row, days in zip(rows, (0, 31, -31, 0), strict=True):
        row["event_time"] = (START + days * DAY).isoformat()
    rows[3]["event_time"] = (timezone.now() + DAY).isoformat()
    batch = field.send("predictions", rows, keep_good=True)
    assert (batch.rows, batch.refused, batch.errors[0]["said"]) == (3, 1, "lies in the future.")
    assert [row.start_at for row in State.objects.order_by("start_at")] == [START - 31 * DAY, START, START + 31 * DAY]


def test_server_clock_that_jumps_back_counts_each_batch_once_all_the_same(field, monkeypatch):
    first = field.send("predictions", field.rows(20)[0], count=False)
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() - 400 * DAY)
    second = field.send("predictions", field.rows(20)[0], count=False)
    monkeypatch.setattr(timezone, "now", real)
    deliver(field.cast.meridian)
    assert set(Batch.objects.values_list("state", flat=True)) == {"reduced"}
    assert sum(State.objects.values_list("rows", flat=True)) == 40 == first.rows + second.rows


def test_batch_a_month_late_is_added_to_its_hours_though_they_are_days_by_now(field):
    table = flights(240)
    send_table(field, table.slice(0, 200))
    send_table(field, flights(50, "later", START + 40 * DAY))
    deliver(field.cast.meridian)
    assert actions.roll_up(endpoint=field.endpoint, by=system()) > 0
    send_table(field, table.slice(200))
    deliver(field.cast.meridian)
    late = states(field)
    for model in (State, Prediction, Batch):
        model.objects.all().delete()
    send_table(field, table)
    send_table(field, flights(50, "later", START + 40 * DAY))
    deliver(field.cast.meridian)
    actions.roll_up(endpoint=field.endpoint, by=system())
    assert [row[4] for row in late[:1]] == [240]
    assert states(field) == late


def test_renamed_feature_is_refused_by_both_names_and_kept_under_a_version_that_knows_it(field, version_with):
    rows = field.rows(3)[0]
    for row in rows:
        row["departure_delay"] = row.pop("dep_delay")
    with pytest.raises(Invalid) as refused:
        field.send("predictions", rows)
    assert set(refused.value.fields) == {"dep_delay", "departure_delay"}
    newer = version_with(json.loads(json.dumps(field.version.signature).replace("dep_delay", "departure_delay")))
    batch = field.send("predictions", rows, version=newer)
    assert (batch.state, batch.version.number, batch.rows) == ("reduced", 2, 3)


def test_five_thousand_features_are_received_and_counted(field, version_with):
    names = [f"f{number}" for number in range(5_000)]
    inputs = [{"name": name, "type": "number", "nullable": True} for name in names]
    version = version_with({"task": "regression", "target": "y", "inputs": inputs})
    values = np.random.default_rng(1).normal(size=(60, 5_000))
    table = pa.table({name: values[:, place] for place, name in enumerate(names)})
    signature = Signature.from_json(version.signature)
    outputs = wanted.outputs_of(signature)
    scored = table.append_column(wanted.PREDICTION, pa.array(values[:, 0]))
    found = baselines.build(scored, wanted.columns_of(signature), outputs)
    actions.keep_baseline(
        version=version,
        found=found,
        source=BaselineSource.TRAINING,
        dataset_version=field.shop.data,
        by=field.cast.dario,
    )
    sent = table.append_column("prediction_id", pa.array([f"w-{number}" for number in range(60)]))
    sent = sent.append_column("score", pa.array(values[:, 0]))
    sent = sent.append_column("event_time", pa.array([START] * 60, pa.timestamp("us", tz="UTC")))
    batch = send_table(field, sent, version=version)
    deliver(field.cast.meridian)
    batch.refresh_from_db()
    assert (batch.state, batch.failure, State.objects.get().rows) == ("reduced", "", 60)


def fifo(*organizations, most=200):
    """Work as a broker hands it out, the oldest message of all first; yields (organization, task) after each."""
    app.loader.import_default_modules()
    queue, handed = [], 0
    while handed < most:
        for organization in organizations:
            with tenant(organization.pk):
                waiting = OutboxMessage.objects.filter(delivered_at=None, available_at__lte=timezone.now())
                for message in waiting.order_by("id"):
                    message.delivered_at = timezone.now()
                    message.save()
                    queue.append((organization, message))
        if not queue:
            return
        organization, message = queue.pop(0)
        app.tasks[message.task].run(str(organization.pk), *message.arguments)
        handed += 1
        yield organization, message.task


def test_flood_of_one_organization_does_not_delay_another(cast, field_once, monkeypatch):
    """However much one sends, it has one place in the line, and a part of bounded size is counted at it."""
    monkeypatch.setattr(turns, "MOST_ROWS", 40)
    flooded = copy.deepcopy(field_once)
    deliver(cast.meridian)
    with tenant(cast.meridian.pk):
        for _ in range(30):
            flooded.send("predictions", flooded.rows(20)[0], count=False)
    with tenant(cast.harbor.pk):
        OutboxMessage.objects.all().delete()
        outbox.enqueue("monitoring.pick_up", cast.harbor.pk, queue="monitoring")
    for _, (organization, _task) in zip(range(3), fifo(cast.meridian, cast.harbor), strict=False):
        if organization == cast.harbor:
            break
    assert organization == cast.harbor
    with tenant(cast.meridian.pk):
        assert Batch.objects.filter(state="received").count() >= 26


def test_endpoints_of_an_organization_take_turns(field):
    other = field.shop.endpoint(field.shop.staging, key="staging")
    for endpoint in (field.endpoint, other):
        for _ in range(3):
            body = json.dumps(field.rows(10)[0]).encode()
            actions.receive(
                endpoint=endpoint,
                kind="predictions",
                body=body,
                format="json",
                version=field.version,
                by=field.cast.otto,
            )
    served = []
    for _ in range(2):
        request = OutboxMessage.objects.get(task="monitoring.count_rows")
        after, request_id = request.arguments
        assert actions.count_next(after=after, request_id=request_id, by=system()) == 3
        assert actions.count_next(after=after, request_id=request_id, by=system()) == 0
        served.append(OutboxMessage.objects.get(task="monitoring.count_rows").arguments[0])
    assert set(served) == {str(field.endpoint.pk), str(other.pk)}


def test_endpoint_that_another_worker_holds_is_asked_for_again_a_little_later(field, monkeypatch):
    field.send("predictions", field.rows(5)[0], count=False)
    after, request_id = OutboxMessage.objects.get(task="monitoring.count_rows").arguments
    monkeypatch.setattr(turns, "may_hold", lambda name: name.startswith("counting "))
    assert actions.count_next(after=after, request_id=request_id, by=system()) == 0
    again = OutboxMessage.objects.get(task="monitoring.count_rows")
    assert (str(again.pk) != request_id, again.available_at > timezone.now()) == (True, True)


def test_flood_of_small_batches_asks_once(field):
    asked = OutboxMessage.objects.filter(task="monitoring.count_rows")
    for _ in range(20):
        field.send("predictions", field.rows(2)[0], count=False)
    assert asked.count() == 1
    asked.update(delivered_at=timezone.now() - dt.timedelta(minutes=3))
    field.send("predictions", field.rows(2)[0])
    assert (asked.count(), Prediction.objects.count()) == (0, 42)
