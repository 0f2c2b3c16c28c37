"""A new normal: accepted at once where the tier lets, signed first where it asks, and never what has changed since."""

import copy
import datetime as dt

import pytest

from apps.approvals import actions as approvals
from apps.approvals.models import Request
from apps.core.errors import Conflict, DomainError, Refused
from apps.core.tenancy import tenant
from apps.monitoring import actions, drawing, results
from apps.monitoring.models import Alert, Baseline, BaselineRequest, Check, Incident, Monitor
from apps.monitoring.periods import Period
from apps.projects.models import Tier
from tests.monitoring.field import START
from tests.support import deliver

DAY = dt.timedelta(days=1)


def at_tier(field, tier):
    project = field.shop.project
    project.tier = tier
    project.save()
    field.endpoint.model.refresh_from_db()
    return field


def moved(field, **more):
    """A monitor whose newest window has moved; that window's check."""
    monitor = field.monitor(**more)
    field.fly(300, labelled=False)
    field.fly(300, START + DAY, labelled=False, later=8)
    field.fly(300, START + 2 * DAY, labelled=False, later=8)
    field.run(monitor)
    return Check.objects.get(monitor=monitor, start_at=START + DAY)


def accept(check, by):
    check = Check.objects.select_related("monitor__endpoint__model__project", "baseline__version").get(pk=check.pk)
    return actions.accept_window(check=check, reason="The new timetable.", by=by)


def levels(monitor):
    newest = Baseline.objects.order_by("-number").first()
    rows = Check.objects.filter(monitor=monitor, baseline=newest, is_current=True).order_by("start_at")
    return [row.level for row in rows]


def test_at_a_low_tier_it_takes_effect_at_once(field):
    check = moved(at_tier(field, Tier.LOW))
    wanted = accept(check, field.cast.otto)
    assert wanted.request is None
    deliver(field.cast.meridian)
    newest = Baseline.objects.order_by("-number").first()
    assert (newest.number, newest.source, newest.since, newest.rows) == (2, "period", START + DAY, 300)
    field.run(check.monitor)
    assert levels(check.monitor) == ["drift", "quiet"]


def test_windows_before_a_new_normal_are_not_raised_again(field):
    check = moved(at_tier(field, Tier.LOW), limits={"open_after": 1, "among": 3})
    ending = {"root_cause": "The new timetable.", "resolution": "It is the new normal.", "by": field.cast.otto}
    for incident in Incident.objects.all():
        actions.resolve(incident=incident, **ending)
    before = Incident.objects.count(), Alert.objects.count()
    accept(check, field.cast.otto)
    deliver(field.cast.meridian)
    field.run(check.monitor)
    field.fly(300, START + 3 * DAY, labelled=False)
    field.run(check.monitor)
    assert levels(check.monitor) == ["drift", "quiet", "quiet"]
    assert (Incident.objects.count(), Alert.objects.count()) == before
    shown = drawing.checks_of(check.monitor, Period(START, START + 9 * DAY))
    assert [one.start_at for one in shown] == [START, START + DAY, START + 2 * DAY]
    assert {one.baseline.number for one in shown} == {2}
    assert [one for one, _ in results.through_time(check.monitor, "dep_delay")] == shown
    field.fly(1, START + 4 * DAY, labelled=False)
    field.run(check.monitor)
    assert levels(check.monitor)[-1] == "drift"
    assert Incident.objects.get(state="open", cause="drift").since == START + 3 * DAY


@pytest.mark.parametrize("tier", [Tier.LIMITED, Tier.HIGH, ""])
def test_at_higher_tiers_it_takes_effect_when_it_is_signed(field, tier):
    check = moved(at_tier(field, tier))
    wanted = accept(check, field.cast.otto)
    assert (wanted.request.kind, wanted.request.state) == ("baseline", "open")
    assert wanted.request.snapshot["check"]["level"] == "drift"
    assert wanted.request.snapshot["check"]["features"][0]["feature"] == "dep_delay"
    deliver(field.cast.meridian)
    assert Baseline.objects.count() == 1
    approvals.sign(request=wanted.request, by=field.cast.rhea)
    deliver(field.cast.meridian)
    assert Baseline.objects.count() == 2


def test_what_is_declined_changes_nothing(field):
    wanted = accept(moved(field), field.cast.otto)
    approvals.decline(request=wanted.request, reason="Find out why first.", by=field.cast.rhea)
    deliver(field.cast.meridian)
    assert Baseline.objects.count() == 1


def test_a_window_that_was_checked_again_since_is_not_signed_for(field):
    check = moved(field)
    wanted = accept(check, field.cast.otto)
    field.fly(50, START + DAY, labelled=False)
    field.run(check.monitor)
    with pytest.raises(DomainError):
        approvals.sign(request=wanted.request, by=field.cast.rhea)
    assert Request.objects.get(pk=wanted.request.pk).state == "invalidated"


def test_one_waits_at_a_time(field):
    check = moved(field)
    accept(check, field.cast.otto)
    with pytest.raises(Conflict, match="waits for a signature"):
        accept(check, field.cast.otto)


def test_the_fixed_period_of_a_monitor_moves_to_the_window(field):
    check = moved(at_tier(field, Tier.LOW), reference="period", reference_since=START, reference_until=START + DAY)
    assert check.level == "drift"
    accept(check, field.cast.otto)
    monitor = Monitor.objects.get(pk=check.monitor_id)
    assert (monitor.reference_since, monitor.reference_until) == (START + DAY, START + 2 * DAY)
    assert Baseline.objects.count() == 1


def test_a_monitor_that_looks_back_takes_up_a_new_normal_by_itself(field):
    check = moved(field, reference="trailing", trailing=1)
    with pytest.raises(Refused, match="by itself"):
        accept(check, field.cast.otto)


def test_a_window_that_had_to_grow_is_accepted_as_a_whole(field):
    at_tier(field, Tier.LOW)
    monitor = field.monitor()
    for day in range(4):
        field.fly(100, START + day * DAY, labelled=False, later=8)
    field.run(monitor)
    check = Check.objects.get(monitor=monitor, start_at=START + 2 * DAY)
    assert check.windows == 2
    wanted = accept(check, field.cast.otto)
    assert (wanted.since, wanted.until) == (START + DAY, START + 3 * DAY)


@pytest.fixture
def page(cast, field_once):
    field = copy.deepcopy(field_once)
    with tenant(cast.meridian.pk):
        check = moved(field)
    return field, check


def test_the_button_of_the_check_leads_to_the_signature(page, sign_in):
    field, check = page
    client = sign_in(field.cast.otto)
    shown = client.get(check_url(check)).content.decode()
    assert "Accept as new baseline" in shown
    url = f"/o/meridian/monitoring/checks/{check.pk}/accept/"
    assert "takes effect when it is signed" in client.get(url).content.decode()
    answer = client.post(url, {"reason": "The new timetable."})
    with tenant(field.cast.meridian.pk):
        wanted = BaselineRequest.objects.get()
        assert answer.headers["Location"] == wanted.request.get_absolute_url()
    assert "Asked to become the new baseline" in client.get(check_url(check)).content.decode()


def test_the_api_says_what_is_waited_for(page, sign_in):
    field, check = page
    client = sign_in(field.cast.otto)
    url = f"/o/meridian/api/v1/checks/{check.pk}/accept/"
    assert client.post(url, {}, content_type="application/json").status_code == 422
    answer = client.post(url, {"reason": "The new timetable."}, content_type="application/json")
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting_for_approval")
    assert client.post(url, {}, content_type="application/json").status_code == 409
    assert sign_in(field.cast.wim).post(url, {}, content_type="application/json").status_code == 403


def check_url(check):
    return f"/o/meridian/monitoring/checks/{check.pk}/"
