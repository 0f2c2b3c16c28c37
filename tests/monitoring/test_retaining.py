"""Rows are kept for their tier's time and then deleted, unless something holds them; what cannot be counted waits."""

import copy
import datetime as dt
from pathlib import Path

import pyarrow.dataset
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from apps.audit.models import Record
from apps.core.errors import Conflict, IllegalMove, Invalid, Refused
from apps.core.tenancy import tenant
from apps.monitoring import actions
from apps.monitoring.actions import counting, turns
from apps.monitoring.models import Batch, Hold, Prediction, State
from apps.organizations.people import system
from apps.work.models import Schedule
from tests.monitoring.field import START
from tests.support import deliver

API = "/o/meridian/api/v1/"
HOME = "/o/meridian/monitoring/"
DAY = dt.timedelta(days=1)


def age(days):
    Batch.objects.update(created_at=timezone.now() - dt.timedelta(days=days))


def is_there(batch):
    return default_storage.exists(batch.path)


def test_rows_are_deleted_when_their_time_is_over_and_what_was_counted_stays(field):
    batch = field.send("predictions", field.rows(30)[0])
    states = list(State.objects.values_list("start_at", "rows"))
    age(199)
    assert (actions.forget_rows(by=system()), is_there(batch)) == (0, True)
    age(201)
    assert (actions.forget_rows(by=system()), is_there(batch)) == (1, False)
    batch.refresh_from_db()
    assert (batch.state, batch.removed_at is not None, batch.rows) == ("reduced", True, 30)
    assert (list(State.objects.values_list("start_at", "rows")), Prediction.objects.count()) == (states, 30)
    told = Record.objects.get(action="rows.removed").details
    assert (told["batches"], told["rows"], told["keep_days"]) == (1, 30, 200)
    assert actions.forget_rows(by=system()) == 0


def test_an_organization_says_for_how_long(field):
    field.send("predictions", field.rows(5)[0])
    given = {"tier": "limited", "kinds": ["drift"], "baseline_needs_approval": True, "reason": "Less.", "keep_days": 10}
    actions.write_watch_plan(**given, by=field.cast.adam)
    given.pop("keep_days")
    assert actions.write_watch_plan(**given, by=field.cast.adam).keep_days == 10
    with pytest.raises(Invalid):
        actions.write_watch_plan(**given, keep_days=0, by=field.cast.adam)
    age(11)
    assert actions.forget_rows(by=system()) == 1


def test_what_waits_to_be_counted_is_not_deleted(field):
    batch = field.send("predictions", field.rows(5)[0], count=False)
    age(500)
    assert (actions.forget_rows(by=system()), is_there(batch)) == (0, True)


def test_a_hold_keeps_rows_until_it_is_released(field):
    batch = field.send("predictions", field.rows(5)[0])
    other = field.send("predictions", field.rows(5, START + 9 * DAY)[0])
    hold = actions.hold_rows(
        endpoint=field.endpoint, since=START, until=START + DAY, reason="A dispute.", by=field.cast.otto
    )
    age(500)
    assert (actions.forget_rows(by=system()), is_there(batch), is_there(other)) == (1, True, False)
    actions.release_rows(hold=hold, by=field.cast.otto)
    assert (actions.forget_rows(by=system()), is_there(batch)) == (1, False)
    with pytest.raises(Conflict):
        actions.release_rows(hold=hold, by=field.cast.otto)
    with pytest.raises(Refused):
        actions.hold_rows(endpoint=field.endpoint, since=START, until=START + DAY, reason="x", by=field.cast.wim)
    for bad in ({"until": START}, {"reason": " "}):
        given = {"since": START, "until": START + DAY, "reason": "x"} | bad
        with pytest.raises(Invalid):
            actions.hold_rows(endpoint=field.endpoint, by=field.cast.otto, **given)


def test_an_open_incident_keeps_the_rows_since_its_first_window(field):
    before = field.send("predictions", field.rows(5, START - 9 * DAY)[0])
    since = field.send("predictions", field.rows(5)[0])
    incident = actions.open_incident(
        endpoint=field.endpoint, cause="drift", title="Moved", since=START, by=field.cast.otto
    )
    age(500)
    assert (actions.forget_rows(by=system()), is_there(before), is_there(since)) == (1, False, True)
    actions.dismiss(incident=incident, reason="Nothing.", by=field.cast.otto)
    assert (actions.forget_rows(by=system()), is_there(since)) == (1, False)


def test_deleted_rows_are_asked_for_by_nobody(field):
    field.fly(30)
    age(500)
    actions.forget_rows(by=system())
    newer = field.make_baseline(field.version)
    actions.watch_column(endpoint=field.endpoint, column="carrier", by=field.cast.otto)
    deliver(field.cast.meridian)
    assert newer.states.count() == 0
    assert (actions.pick_up(), actions.count_behind()) == (0, 0)


def test_every_day_they_are_looked_through(field):
    actions.keep_schedules(organization_id=field.cast.meridian.pk)
    assert Schedule.objects.get(task="monitoring.forget_rows").every == DAY


def test_kept_rows_are_read_by_their_partitions(field):
    field.fly(20)
    field.send("feedback", [{"rating": 4}])
    root = default_storage.path(Batch.objects.first().path.split("/endpoint=")[0])
    whole = pyarrow.dataset.dataset(root, format="parquet", partitioning="hive")
    kinds = whole.to_table(columns=["endpoint", "kind", "date", "hour"]).group_by("kind").aggregate([([], "count_all")])
    assert dict(zip(*(column.to_pylist() for column in kinds.columns), strict=True)) == {
        "predictions": 20, "outcomes": 20, "feedback": 1,
    }  # fmt: skip


def break_file(batch):
    path = Path(default_storage.path(batch.path))
    content = path.read_bytes()
    path.write_bytes(b"PAR1 damaged")
    return lambda: path.write_bytes(content)


def test_batch_that_cannot_be_counted_says_why_and_is_tried_again(field, sign_in):
    batch = field.send("predictions", field.rows(20)[0], count=False)
    mend = break_file(batch)
    deliver(field.cast.meridian)
    batch.refresh_from_db()
    assert (batch.state, batch.failure.startswith("ArrowInvalid")) == ("failed", True)
    assert Record.objects.get(action="batch.given_up").reason == batch.failure
    mend()
    with pytest.raises(Refused):
        actions.retry_batch(batch=batch, by=field.cast.wim)
    actions.retry_batch(batch=batch, by=field.cast.otto)
    deliver(field.cast.meridian)
    batch.refresh_from_db()
    assert (batch.state, batch.failure, State.objects.count()) == ("reduced", "", 20)
    with pytest.raises(IllegalMove):
        actions.retry_batch(batch=batch, by=field.cast.otto)


def test_fault_that_may_pass_is_tried_again_by_itself_before_it_is_given_up(field, monkeypatch):
    batch = field.send("predictions", field.rows(20)[0], count=False)

    def fails(*_):
        raise OSError("The storage is away.")

    real = counting._remember
    monkeypatch.setattr(counting, "_remember", fails)
    for attempt in range(1, turns.MOST_ATTEMPTS):
        actions.count_waiting(endpoint=field.endpoint, by=system())
        batch.refresh_from_db()
        assert (batch.state, batch.attempts) == ("received", attempt)
    actions.count_waiting(endpoint=field.endpoint, by=system())
    batch.refresh_from_db()
    assert (batch.state, batch.failure) == ("failed", "OSError: The storage is away.")
    monkeypatch.setattr(counting, "_remember", real)
    actions.retry_batch(batch=batch, by=field.cast.otto)
    deliver(field.cast.meridian)
    assert Prediction.objects.count() == 20


def test_file_that_is_gone_is_said_to_be_gone(field):
    batch = field.send("predictions", field.rows(5)[0], count=False)
    default_storage.delete(batch.path)
    deliver(field.cast.meridian)
    batch.refresh_from_db()
    assert batch.failure == "The file that its rows were kept in is not there."


@pytest.fixture
def seen(cast, field_once):
    """The watched endpoint, the pages outside."""
    return copy.deepcopy(field_once)


def test_the_page_of_rows_tells_what_arrives_what_failed_and_what_is_held(seen, sign_in):
    with tenant(seen.cast.meridian.pk):
        rows = seen.rows(12)[0]
        rows[3]["score"] = None
        seen.send("predictions", rows, keep_good=True)
        broken = seen.send("predictions", seen.rows(4)[0], count=False)
        break_file(broken)
        deliver(seen.cast.meridian)
        seen.send("predictions", seen.rows(7)[0], count=False)
    otto = sign_in(seen.cast.otto)
    page = otto.get(f"{HOME}endpoints/late-arrivals/rows/").content.decode()
    assert "A worker is counting" in page
    assert "Something could not be counted" in page
    assert "must have a value." in page
    assert "counted after" in page
    assert f'action="{HOME}rows/{broken.pk}/retry/"' in otto.get(f"{HOME}rows/{broken.pk}/").content.decode()
    assert otto.post(f"{HOME}rows/{broken.pk}/retry/").status_code == 303
    given = {"since": "2013-04-01T00:00", "until": "2013-04-02T00:00", "reason": "A dispute about a missed connection."}
    assert otto.post(f"{HOME}endpoints/late-arrivals/rows/hold/", given).status_code == 303
    assert "missed connection" in otto.get(f"{HOME}endpoints/late-arrivals/rows/").content.decode()
    with tenant(seen.cast.meridian.pk):
        hold = Hold.objects.get()
    assert otto.post(f"{HOME}holds/{hold.pk}/release/").status_code == 303
    assert "missed connection" not in otto.get(f"{HOME}endpoints/late-arrivals/rows/").content.decode()


def test_the_api_does_the_same(seen, sign_in):
    with tenant(seen.cast.meridian.pk):
        broken = seen.send("predictions", seen.rows(4)[0], count=False)
        break_file(broken)
        deliver(seen.cast.meridian)
    otto, wim = sign_in(seen.cast.otto), sign_in(seen.cast.wim)
    given = {"endpoint": "late-arrivals", "since": START.isoformat(), "until": (START + DAY).isoformat(), "reason": "x"}
    as_json = {"content_type": "application/json"}
    made = otto.post(f"{API}holds/", given, **as_json)
    assert made.status_code == 201, made.content
    assert wim.post(f"{API}holds/", given, **as_json).status_code == 403
    assert otto.post(f"{API}holds/{made.json()['id']}/release/").json()["released_at"]
    assert otto.post(f"{API}holds/{made.json()['id']}/release/").status_code == 409
    assert otto.get(f"{API}batches/{broken.pk}/").json()["failure"].startswith("ArrowInvalid")
    assert wim.post(f"{API}batches/{broken.pk}/retry/").status_code == 403
    assert otto.post(f"{API}batches/{broken.pk}/retry/").json()["state"] == "received"
    assert otto.post(f"{API}batches/{broken.pk}/retry/").status_code == 409
