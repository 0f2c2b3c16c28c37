"""Workers that die: what they had begun leaves nothing behind, and what is done again is done once."""

import datetime as dt

import pytest
from django.db import transaction
from django.utils import timezone

from apps.monitoring import actions
from apps.monitoring.actions import counting, turns
from apps.monitoring.engine.state import decode, merge
from apps.monitoring.models import Batch, Check, FeatureTable, Outcome, Prediction, State
from apps.monitoring.tasks import check
from apps.work.models import Job, OutboxMessage
from tests.monitoring.field import START
from tests.support import deliver


class Killed(BaseException):
    """What a killed worker would have been."""


def states():
    return {(row.kind, row.start_at): bytes(row.data) for row in State.objects.all()}


@pytest.mark.parametrize("after", [0, 1])
def test_counting_that_dies_leaves_nothing_and_is_done_again(field, monkeypatch, after):
    predictions, outcomes = field.rows(60)
    field.send("predictions", predictions)
    field.send("outcomes", outcomes)
    clean = states()
    for model in (State, Outcome, Prediction, Batch):
        model.objects.all().delete()
    field.send("outcomes", outcomes[:20], key="early", count=False)
    field.send("predictions", predictions, key="all", count=False)
    field.send("outcomes", outcomes[20:], key="late", count=False)
    added, real = [], counting.add

    def dies(*given, **more):
        if len(added) == after:
            raise Killed
        added.append(given)
        real(*given, **more)

    monkeypatch.setattr(counting, "add", dies)
    with pytest.raises(Killed), transaction.atomic():
        actions.count_waiting(endpoint=field.endpoint, by=field.cast.otto)
    assert (State.objects.count(), Prediction.objects.count(), Outcome.objects.count()) == (0, 0, 0)
    assert set(Batch.objects.values_list("state", flat=True)) == {"received"}
    monkeypatch.setattr(counting, "add", real)
    deliver(field.cast.meridian)
    assert states() == clean


@pytest.mark.parametrize("after", [0, 2])
def test_rolling_up_that_dies_leaves_the_hours_and_is_done_again(field, monkeypatch, after):
    for day in (0, 1, 40):
        field.fly(60, START + dt.timedelta(days=day))
    before, real, written = states(), State.save, []

    def dies(state, *given, **more):
        if len(written) == after:
            raise Killed
        written.append(state)
        real(state, *given, **more)

    monkeypatch.setattr(State, "save", dies)
    with pytest.raises(Killed), transaction.atomic():
        actions.roll_up(endpoint=field.endpoint, by=field.cast.otto)
    assert states() == before
    monkeypatch.setattr(State, "save", real)
    assert actions.roll_up(endpoint=field.endpoint, by=field.cast.otto) == 4 * 24
    rolled = State.objects.filter(grain="day").order_by("kind", "start_at")
    assert [row.rows for row in rolled] == [60] * 4
    for row in rolled:
        hours = [
            decode(data) for (kind, at), data in before.items() if (kind, at.date()) == (row.kind, row.start_at.date())
        ]
        assert bytes(row.data) == merge(hours).encode()


def test_what_a_killed_worker_left_behind_is_picked_up(field, monkeypatch):
    """The broker hands a lost message back after hours; the ledger knows after a minute."""
    field.send("predictions", field.rows(20)[0], count=False)
    long_ago = timezone.now() - dt.timedelta(minutes=5)
    OutboxMessage.objects.filter(task="monitoring.count_rows").update(delivered_at=long_ago, available_at=long_ago)
    assert actions.pick_up() == 0
    Batch.objects.update(created_at=long_ago)
    assert actions.pick_up() == 1
    deliver(field.cast.meridian)
    assert Batch.objects.get().state == "reduced"
    monkeypatch.setattr(turns, "LEFT_BEHIND", dt.timedelta(0))
    newer = field.make_baseline(field.version)
    OutboxMessage.objects.filter(task="monitoring.recount").update(delivered_at=timezone.now())
    assert (actions.pick_up(), newer.states.count()) == (1, 0)
    deliver(field.cast.meridian)
    assert (actions.pick_up(), sum(newer.states.values_list("rows", flat=True))) == (0, 20)


def test_check_that_loses_its_lease_leaves_no_result(field, monkeypatch):
    monitor = field.monitor()
    field.fly(300, labelled=False)
    field.fly(1, START.replace(day=2), labelled=False)
    job = actions.start_check(monitor=monitor, by=field.cast.otto)
    import apps.monitoring.checking as checking

    real = checking.check

    def slow(*given):
        # Meanwhile another worker takes the job over and does it.
        monkeypatch.setattr(checking, "check", real)
        Job.objects.filter(pk=job.pk).update(state="queued", lease=None)
        check.run(str(field.cast.meridian.pk), str(job.pk))
        return real(*given)

    monkeypatch.setattr(checking, "check", slow)
    deliver(field.cast.meridian)
    assert Check.objects.filter(monitor=monitor).count() == 1
    assert FeatureTable.objects.count() == 1
