"""A monitor's form, in which every limit can be set and what nobody touched stays as it was; what its pages say."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from apps.core.tenancy import tenant
from apps.monitoring import actions
from apps.monitoring.actions.service import Call
from apps.monitoring.engine.policy import Limits
from apps.monitoring.forms import MonitorForm
from apps.monitoring.models import Check, Monitor
from apps.monitoring.words import LIMITS
from tests.monitoring.field import START, Field

HOME = "/o/meridian/monitoring/"
NEW = f"{HOME}endpoints/late-arrivals/new-monitor/"
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def bare(cast) -> Field:
    """The endpoint with nothing watched; no tenant is open."""
    with tenant(cast.meridian.pk):
        return Field(cast, with_baseline=False)


def form_of(field: Field, **more: Any) -> dict[str, str]:
    """What somebody fills in at least."""
    return {
        "kind": "drift", "name": "Drift", "owner": str(field.cast.otto.pk), "reference": "training", "window": "day",
        "clock": "data", "every": "1",
    } | more  # fmt: skip


def test_form_offers_every_limit_at_its_usual_value_beside_the_kinds_it_matters_to(bare, sign_in):
    with tenant(bare.cast.meridian.pk):
        form = MonitorForm(endpoint=bare.endpoint)
    names = {name for limits in LIMITS.values() for name in limits}
    assert {bound.name: bound.field.initial for bound, _ in form.limits} == {
        name: getattr(Limits(), name) for name in names
    }
    page = sign_in(bare.cast.otto).get(NEW).content.decode().partition('<form class="form"')[2]
    for name in names:
        before, found, _ = page.partition(f'name="{name}"')
        assert found
        kinds = before.rpartition('data-kinds="')[2].partition('"')[0].split()
        assert kinds == [kind for kind in LIMITS if name in LIMITS[kind]]


def test_changed_monitor_keeps_its_pace_and_limits_that_nobody_touched(bare, sign_in):
    with tenant(bare.cast.meridian.pk):
        monitor = bare.monitor(every=MINUTE, limits={"open_after": 1, "among": 1})
    home, client = f"{HOME}monitors/{monitor.pk}/change/", sign_in(bare.cast.otto)
    _, found, after = client.get(home).content.decode().partition('<option value="0.0166666666667" selected>')
    assert found
    assert after.startswith("Every 1")
    form = form_of(bare, every="0.0166666666667", null="0.2")
    assert client.post(home, form).status_code == 303
    with tenant(bare.cast.meridian.pk):
        monitor.refresh_from_db()
    assert (monitor.every, monitor.limits) == (MINUTE, {"open_after": 1, "among": 1, "null": 0.2})
    assert client.post(home, form | {"every": "24"}).status_code == 303
    with tenant(bare.cast.meridian.pk):
        monitor.refresh_from_db()
    assert monitor.every == dt.timedelta(days=1)


def test_reference_chosen_for_another_kind_is_left_aside(bare, sign_in):
    form = form_of(bare, kind="service", name="Calls", reference="trailing", window="hour")
    assert sign_in(bare.cast.otto).post(NEW, form).status_code == 303
    with tenant(bare.cast.meridian.pk):
        assert Monitor.objects.get(name="Calls").reference == "training"


def test_check_of_calls_says_in_words_what_was_read(bare, sign_in):
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=2)
    with tenant(bare.cast.meridian.pk):
        monitor = bare.monitor("service", window="hour", clock="now")
        calls = [Call(hour, 0.01, "failed" if place < 20 else "ok", 1) for place in range(400)]
        actions.count_calls(endpoint=bare.endpoint, calls=calls)
        bare.run(monitor)
        check = Check.objects.get(monitor=monitor)
    page = sign_in(bare.cast.wim).get(f"{HOME}checks/{check.pk}/").content.decode()
    read = page.partition("What was read")[2].partition("How to compute it again")[0]
    for said in ("Share of failed calls", "5.0 % (3.3 % to 7.6 %)", "95 of 100 calls within"):
        assert "".join(said.split()) in "".join(read.split())
    assert "{" not in read


@pytest.mark.parametrize(
    ("kind", "reference", "said"),
    [
        ("drift", "training", "The version's baseline"),
        ("performance", "season", "The same hours of the weeks before"),
        ("segments", "training", "The windows before"),
        ("service", "training", ""),
    ],
)
def test_monitor_says_what_it_compares_with(kind, reference, said):
    assert Monitor(kind=kind, reference=reference).compared_with == said


def test_single_features_have_limits_of_their_own(field, sign_in):
    monitor = field.monitor()
    field.fly(250, labelled=False)
    field.fly(1, START + dt.timedelta(days=1), labelled=False)
    field.run(monitor)
    home, client = f"{HOME}monitors/{monitor.pk}/change/", sign_in(field.cast.otto)
    form = form_of(field, features="dep_delay = 0.3\nmonth → 1")
    assert client.post(home, form).status_code == 303
    monitor.refresh_from_db()
    assert monitor.limits["features"] == {"dep_delay": 0.3, "month": 1.0}
    assert "month = 1.0\ndep_delay = 0.3" in client.get(home).content.decode()
    for wrong, said in {
        "dep_delay": "is not written as name = value",
        "dep_delay = much": "“much”, the limit of dep_delay, is not a number",
        "dep_delay = 0": "numbers above 0",
        "dep_delay = nan": "numbers above 0",
        "dep_dela = 1": "No feature “dep_dela” was checked here. Is it “dep_delay”?",
    }.items():
        answer = client.post(home, form | {"features": wrong})
        assert answer.status_code == 422
        assert said in answer.content.decode()
    assert client.post(home, form | {"features": ""}).status_code == 303
    monitor.refresh_from_db()
    assert "features" not in monitor.limits
