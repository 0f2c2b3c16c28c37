"""Findings and waivers: worked on by their owner, tested again and closed by somebody else, waived by an approval."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.approvals import actions as approvals
from apps.approvals.models import RequestState
from apps.core.errors import Conflict, IllegalMove, Invalid, NotVisible, Refused
from apps.discussions.models import Notice
from apps.organizations.actions import assign_role
from apps.organizations.people import system
from apps.validation import actions, tasks
from apps.validation.models import Finding, FindingState, Waiver, WaiverState
from apps.validation.policies import blocking_findings
from apps.validation.signals import standing_changed
from tests.cast import Cast
from tests.projects.factories import sign_all
from tests.validation import factories
from tests.validation.factories import STRICT, finding_at, finished_run, in_days


def raised(cast: Cast, **more: Any) -> Finding:
    given = {"title": "Odd in snow", "description": "Scores jump when it snows.", "severity": "medium", "by": cast.vera}
    version = more.pop("version", None) or factories.candidate(cast)
    return actions.raise_finding(version=version, **(given | more))


def test_life_of_a_finding_from_failure_to_closing(inside: Cast) -> None:
    finding = finding_at(inside, "closed")

    assert (finding.state, finding.closed_by, finding.closing_note) == (
        FindingState.CLOSED,
        inside.vera,
        "The same check passes now.",
    )
    assert finding.retest.verdict == "passed" and finding.retest.run.number == 2
    assert list(blocking_findings(finding.version)) == []


def test_raised_finding_goes_to_the_developer_with_a_day_by_its_weight(inside: Cast) -> None:
    finding = raised(inside)

    assert (finding.number, finding.owner, finding.state) == (1, inside.dario, FindingState.OPEN)
    assert finding.due_on == in_days(60)
    assert Notice.objects.filter(user=inside.dario, text__contains="Odd in snow").exists()
    assert raised(inside, version=finding.version).number == 2


def test_raise_without_words_or_weight_is_invalid(inside: Cast) -> None:
    version = factories.candidate(inside)

    with pytest.raises(Invalid, match="Say what is wrong"):
        raised(inside, version=version, title=" ")
    with pytest.raises(Invalid, match="how much it weighs"):
        raised(inside, version=version, severity="huge")
    with pytest.raises(Invalid, match="holds no role on this project that works on findings"):
        raised(inside, version=version, owner=inside.wim)


@pytest.mark.parametrize("who", ["dario", "bianca", "rhea", "otto", "wim", "audrey"])
def test_raise_without_the_role_is_refused(inside: Cast, who: str) -> None:
    with pytest.raises(Refused):
        raised(inside, by=getattr(inside, who))


def test_outsider_sees_no_finding(inside: Cast) -> None:
    finding = raised(inside)

    for act in (
        lambda by: actions.assign_finding(finding=finding, due_on=in_days(3), by=by),
        lambda by: actions.plan_work(finding=finding, action_plan="x", by=by),
        lambda by: actions.close_finding(finding=finding, note="x", by=by),
    ):
        with pytest.raises(NotVisible):
            act(inside.mina)


def test_only_the_owner_works_on_a_finding(inside: Cast) -> None:
    finding = raised(inside)

    with pytest.raises(Refused):
        actions.plan_work(finding=finding, action_plan="I will.", by=inside.vera)
    with pytest.raises(Invalid, match="Say what you will do"):
        actions.plan_work(finding=finding, action_plan="", by=inside.dario)
    with pytest.raises(IllegalMove):
        actions.mark_ready(finding=finding, remedy="Done.", by=inside.dario)


def test_later_day_or_lower_weight_needs_a_reason(inside: Cast) -> None:
    finding = raised(inside)

    with pytest.raises(Invalid, match="Say why"):
        actions.assign_finding(finding=finding, due_on=in_days(90), by=inside.vera)
    with pytest.raises(Invalid, match="Say why"):
        actions.assign_finding(finding=finding, severity="low", by=inside.vera)
    finding = actions.assign_finding(finding=finding, due_on=in_days(5), severity="high", by=inside.vera)
    assert (finding.severity, finding.due_on) == ("high", in_days(5))
    assert list(blocking_findings(finding.version)) == [finding]


def test_a_check_that_fails_again_is_the_same_finding_and_sends_it_back(inside: Cast) -> None:
    finding = finding_at(inside, "ready_for_retest")
    well = factories.again(inside, finding.run)

    run = factories.again(inside, finding.run, STRICT)

    finding.refresh_from_db()
    assert list(Finding.objects.of_run(run)) == list(Finding.objects.filter(version=run.version)) == [finding]
    assert (finding.state, finding.retest.run, finding.retest.verdict) == (FindingState.IN_PROGRESS, run, "failed")
    assert list(Finding.objects.of_run(well)) == []
    finding = actions.mark_ready(finding=finding, remedy="It went well before.", by=inside.dario)
    with pytest.raises(Invalid, match="after the one in which the check was seen last"):
        actions.retest(finding=finding, run=well, by=inside.vera)


def test_a_failure_that_weighs_more_is_another_finding(inside: Cast) -> None:
    first = finding_at(inside, "open", finished_run(inside, lines=[{**STRICT[0], "required": False}, *STRICT[1:]]))

    run = factories.again(inside, first.run, STRICT)

    assert (first.severity, Finding.objects.get(run=run).severity) == ("medium", "high")


def test_close_without_a_retest_is_refused(inside: Cast) -> None:
    finding = finding_at(inside, "ready_for_retest")

    with pytest.raises(Refused, match="Link the result of a retest"):
        actions.close_finding(finding=finding, note="Looks fine.", by=inside.vera)


def test_retest_must_be_later_and_hold_the_check(inside: Cast) -> None:
    finding = finding_at(inside, "ready_for_retest")

    with pytest.raises(Invalid, match="after the one in which the check was seen last"):
        actions.retest(finding=finding, run=finding.run, by=inside.vera)
    without = factories.again(inside, finding.run, factories.LINES[2:])
    with pytest.raises(Invalid, match=r"does not contain the check perf\.auc"):
        actions.retest(finding=finding, run=without, by=inside.vera)


def test_retest_of_another_version_closes_only_once_this_one_is_rejected(inside: Cast) -> None:
    finding = finding_at(inside, "ready_for_retest")
    better = factories.candidate(inside, finding.version.model, slope=2.1)
    finding = actions.retest(finding=finding, run=finished_run(inside, better), by=inside.vera)

    with pytest.raises(Refused, match="was of another version"):
        actions.close_finding(finding=finding, note="Version 2 is right.", by=inside.vera)
    actions.conclude(run=finding.run, outcome="rejected", statement="Version 2 follows.", by=inside.vera)
    finding.refresh_from_db()
    assert actions.close_finding(finding=finding, note="Version 2 is right.", by=inside.vera).is_closed


def test_close_by_its_owner_is_refused_also_by_the_database(inside: Cast) -> None:
    finding = finding_at(inside, "ready_for_retest")
    assign_role(scope=finding.version.model.project, role="data_scientist", user=inside.vera, by=inside.odile)
    finding = actions.assign_finding(finding=finding, owner=inside.vera, by=inside.vera)

    with pytest.raises(Refused, match="somebody else says whether it is"):
        actions.close_finding(finding=finding, note="Mine, and fine.", by=inside.vera)
    finding.state, finding.closed_by, finding.closing_note = "closed", inside.vera, "x"
    finding.closed_at = timezone.now()
    with pytest.raises(IntegrityError, match="validation_finding_segregation"), transaction.atomic():
        finding.save()


def test_close_by_who_made_the_version_is_refused_also_by_the_database(inside: Cast) -> None:
    finding = finding_at(inside, "ready_for_retest")
    project = finding.version.model.project
    assign_role(scope=project, role="validator", user=inside.dario, by=inside.odile)
    assign_role(scope=project, role="data_scientist", user=inside.otto, by=inside.odile)
    finding = actions.assign_finding(finding=finding, owner=inside.otto, by=inside.vera)

    with pytest.raises(Refused, match="somebody else has to examine it"):
        actions.close_finding(finding=finding, note="Fine.", by=inside.dario)
    finding.state, finding.closed_by, finding.closing_note = "closed", inside.dario, "x"
    finding.closed_at = timezone.now()
    with pytest.raises(IntegrityError, match="does not close its findings"), transaction.atomic():
        finding.save()


def test_closed_finding_does_not_move(inside: Cast) -> None:
    finding = finding_at(inside, "closed")

    for act in (
        lambda: actions.assign_finding(finding=finding, due_on=in_days(1), by=inside.vera),
        lambda: actions.plan_work(finding=finding, action_plan="x", by=inside.dario),
        lambda: actions.retest(finding=finding, run=finding.run, by=inside.vera),
        lambda: actions.request_waiver(
            finding=finding, reason="x", compensating_control="y", until=in_days(5), by=inside.bianca
        ),
    ):
        with pytest.raises(IllegalMove):
            act()


def test_standing_of_a_version_is_announced(inside: Cast) -> None:
    heard: list[Any] = []
    standing_changed.connect(listen := lambda version, **_: heard.append(version.pk), weak=False)
    try:
        finding = raised(inside)
    finally:
        standing_changed.disconnect(listen)

    assert heard == [finding.version_id]


# Waivers


def asked(cast: Cast, finding: Finding | None = None, **more: Any) -> Waiver:
    given = {
        "finding": finding or finding_at(cast, "open"),
        "reason": "The season begins before the retraining ends.",
        "compensating_control": "A person looks at every score above 0.9.",
        "until": in_days(30),
        "by": cast.bianca,
    }
    return actions.request_waiver(**(given | more))


def test_waiver_counts_once_it_is_signed(inside: Cast) -> None:
    waiver = asked(inside)
    version = waiver.finding.version
    assert list(blocking_findings(version)) == [waiver.finding]

    sign_all(inside, waiver.request)

    waiver.refresh_from_db()
    assert waiver.state == WaiverState.GRANTED and waiver.is_in_force
    assert list(blocking_findings(version)) == []
    run = actions.conclude(
        run=waiver.finding.run, outcome="conditions", statement="With a waiver.", conditions="See it.", by=inside.vera
    )
    assert run.is_concluded


def test_waiver_that_is_declined_does_not_count(inside: Cast) -> None:
    waiver = asked(inside)

    approvals.decline(request=waiver.request, by=inside.rhea, reason="Too risky.", confirmed=True)

    waiver.refresh_from_db()
    assert waiver.state == WaiverState.DECLINED
    assert list(blocking_findings(waiver.finding.version)) == [waiver.finding]
    assert asked(inside, waiver.finding).state == WaiverState.REQUESTED


def test_waiver_is_not_granted_without_its_approval_whoever_writes(inside: Cast) -> None:
    waiver = asked(inside)

    with pytest.raises(IntegrityError, match="granted by its approval"), transaction.atomic():
        waiver.state, waiver.decided_at = "granted", timezone.now()
        waiver.save()


def test_developer_and_owner_may_not_sign_a_waiver(inside: Cast) -> None:
    waiver = asked(inside)
    assign_role(scope=waiver.finding.version.model.project, role="risk_approver", user=inside.dario, by=inside.odile)

    with pytest.raises(Refused, match="cannot sign this"):
        approvals.sign(request=waiver.request, by=inside.dario, confirmed=True)


def test_finding_that_weighs_more_ends_the_waiver_that_was_asked_for(inside: Cast) -> None:
    waiver = asked(inside)
    actions.assign_finding(finding=waiver.finding, severity="critical", by=inside.vera)

    waiver.refresh_from_db()
    waiver.request.refresh_from_db()
    assert (waiver.request.state, waiver.state) == (RequestState.INVALIDATED, WaiverState.DECLINED)
    with pytest.raises(IllegalMove):
        approvals.sign(request=waiver.request, by=inside.rhea, confirmed=True)


def test_finding_that_weighs_more_ends_the_waiver_that_was_granted(inside: Cast) -> None:
    waiver = granted(inside)
    actions.assign_finding(finding=waiver.finding, owner=inside.dario, due_on=in_days(3), by=inside.vera)
    waiver.refresh_from_db()
    assert waiver.state == WaiverState.GRANTED

    actions.assign_finding(finding=waiver.finding, severity="critical", by=inside.vera)

    waiver.refresh_from_db()
    assert waiver.state == WaiverState.REVOKED
    assert list(blocking_findings(waiver.finding.version)) == [waiver.finding]


def test_second_waiver_waits_for_the_first(inside: Cast) -> None:
    waiver = asked(inside)

    with pytest.raises(Conflict, match="has a waiver already"):
        asked(inside, waiver.finding)


@pytest.mark.parametrize(
    "given",
    [
        {"reason": " "},
        {"compensating_control": ""},
        {"until": dt.date(2020, 1, 1)},
        {"until": dt.date(2099, 1, 1)},
    ],
)
def test_waiver_without_terms_is_invalid(inside: Cast, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        asked(inside, raised(inside), **given)


def granted(cast: Cast) -> Waiver:
    waiver = asked(cast)
    sign_all(cast, waiver.request)
    waiver.refresh_from_db()
    return waiver


def test_waiver_revoked_lets_the_finding_weigh_again(inside: Cast) -> None:
    waiver = granted(inside)
    with pytest.raises(Refused):
        actions.revoke_waiver(waiver=waiver, reason="x", by=inside.dario)

    waiver = actions.revoke_waiver(waiver=waiver, reason="The control was not kept.", by=inside.rhea)

    assert (waiver.state, waiver.ended_because) == (WaiverState.REVOKED, "The control was not kept.")
    assert list(blocking_findings(waiver.finding.version)) == [waiver.finding]


def test_waiver_ends_with_its_day_even_before_anybody_looks(inside: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    waiver = granted(inside)
    monkeypatch.setattr(timezone, "localdate", lambda *_: waiver.until + dt.timedelta(days=1))
    assert list(blocking_findings(waiver.finding.version)) == [waiver.finding]

    assert actions.expire_waivers(by=system()) == 1

    waiver.refresh_from_db()
    assert waiver.state == WaiverState.EXPIRED
    assert actions.expire_waivers(by=system()) == 0


def test_end_of_a_waiver_is_announced_two_weeks_a_week_and_a_day_before(
    inside: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiver = granted(inside)
    days: list[int] = []
    for left in range(16, -1, -1):
        Notice.objects.all().delete()
        monkeypatch.setattr(timezone, "localdate", lambda *_, left=left: waiver.until - dt.timedelta(days=left))
        actions.remind_of_waivers(by=system())
        if Notice.objects.filter(user=inside.dario, text__contains="its waiver ends then").exists():
            days.append(left)

    assert days == [14, 7, 1]
    assert Notice.objects.count() == 0


def test_retest_finds_the_check_under_another_name(inside: Cast) -> None:
    finding = finding_at(inside, "ready_for_retest")
    better = factories.candidate(inside, finding.version.model, slope=2.1)
    run = finished_run(inside, better, [{**factories.LINES[0], "name": "Ranks well"}, *factories.LINES[1:]])

    finding = actions.retest(finding=finding, run=run, by=inside.vera)

    assert (finding.retest.name, finding.retest.run.version) == ("Ranks well", better)


def test_overdue_finding_is_reminded_of_on_the_first_day_and_every_week(
    inside: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = raised(inside)
    days: list[int] = []
    for late in range(-1, 10):
        Notice.objects.all().delete()
        monkeypatch.setattr(timezone, "localdate", lambda *_, late=late: finding.due_on + dt.timedelta(days=late))
        tasks.follow_up.run(str(finding.organization_id), str(finding.organization_id))
        if Notice.objects.filter(user=inside.dario, text__startswith="Overdue").exists():
            days.append(late)

    assert days == [1, 8]
    assert [found.pk for found in Finding.objects.overdue()] == [finding.pk]


def test_history_of_a_finding_cannot_be_changed(inside: Cast) -> None:
    finding = finding_at(inside, "closed")

    assert finding.history.count() >= 5
    with pytest.raises(Exception, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("delete from validation_historicalfinding")
