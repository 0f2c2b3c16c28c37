"""Projects: the charter, what its approval covers, the register, and every move from state to state."""

import datetime as dt
import math

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.approvals import actions as approvals
from apps.approvals.models import RequestState
from apps.audit.chain import faults
from apps.audit.models import Record
from apps.core.errors import Conflict, DomainError, IllegalMove, Invalid, NotVisible, Refused
from apps.discussions.models import Notice
from apps.organizations import access
from apps.organizations.actions import grant
from apps.organizations.roles import Permission
from apps.projects import actions, policies
from apps.projects.models import PROJECT_STATES, Project, ProjectState, Risk, RiskState
from apps.projects.signals import approved, changed, retiring
from tests.projects.factories import HARMLESS, HIGH, LIMITED, PROHIBITED, complete, draft, project_at, sign_all


def last_record(subject):
    return Record.objects.filter(subject_id=str(subject.pk)).first()


# --- opening


def test_open_project_gives_its_owner_the_business_role(inside):
    project = actions.open_project(key="late", title=" Late ", problem="It is late.", by=inside.mina)
    assert (project.title, project.owner, project.state) == ("Late", inside.mina, ProjectState.DRAFT)
    assert access.roles(inside.mina, project.pk) == {"member", "business_owner"}
    assert last_record(project).action == "project.opened"
    assert project.history.count() == 1
    assert faults() == []


def test_open_project_for_somebody_else_lets_the_opener_watch(inside):
    project = actions.open_project(key="late", title="Late", problem="x", owner=inside.bianca, by=inside.mina)
    assert access.roles(inside.bianca, project.pk) == {"member", "business_owner"}
    assert access.roles(inside.mina, project.pk) == {"member", "viewer"}
    assert Notice.objects.get(user=inside.bianca).text == "You own the new project “Late”"


def test_open_project_is_refused_to_auditors(inside):
    with pytest.raises(Refused, match="open a project"):
        actions.open_project(key="late", title="Late", problem="x", by=inside.audrey)


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"key": "No Key"}, ["key"]),
        ({"title": " "}, ["title"]),
        ({"problem": ""}, ["problem"]),
        ({"automation": "magic"}, ["automation"]),
        ({"title": "x" * 201}, ["title"]),
    ],
)
def test_open_project_names_the_fields_that_do_not_fit(inside, given, fields):
    with pytest.raises(Invalid) as caught:
        actions.open_project(**({"key": "late", "title": "Late", "problem": "x", "by": inside.bianca} | given))
    assert list(caught.value.fields) == fields
    assert not Project.objects.exists()


def test_open_project_needs_people_of_the_organization(inside):
    with pytest.raises(Invalid) as caught:
        actions.open_project(key="late", title="Late", problem="x", owner=inside.mallory, by=inside.bianca)
    assert caught.value.fields == {"owner": ["Mallory cannot be owner: choose an active member who is no auditor."]}


def test_open_project_twice_with_one_key_is_refused(inside):
    draft(inside)
    with pytest.raises(Conflict, match="already a project “late-arrivals”"):
        draft(inside)


# --- the charter


def test_change_charter_records_before_and_after(inside):
    project = draft(inside)
    actions.change_charter(
        project=project, changes={"title": "Delays", "outcomes": ""}, by=inside.bianca, reason="Clearer."
    )
    entry = last_record(project)
    assert (entry.action, entry.reason) == ("project.charter_changed", "Clearer.")
    assert entry.details == {"before": {"title": "Late arrivals"}, "after": {"title": "Delays"}}
    assert str(approvals.Scope.objects.get(pk=project.pk)) == "Delays"


@pytest.mark.parametrize("changes", [{}, {"title": "Late arrivals"}])
def test_change_charter_without_a_change_is_refused(inside, changes):
    with pytest.raises(Invalid, match="Nothing was changed"):
        actions.change_charter(project=draft(inside), changes=changes, by=inside.bianca)


def test_change_charter_refuses_what_is_not_charter(inside):
    with pytest.raises(Invalid) as caught:
        actions.change_charter(project=draft(inside), changes={"state": "live"}, by=inside.bianca)
    assert list(caught.value.fields) == ["state"]


def test_change_charter_hands_the_project_over_with_its_role(inside):
    project = draft(inside)
    changed = actions.change_charter(project=project, changes={"owner": inside.mina}, by=inside.bianca)
    assert changed.owner == inside.mina
    assert "business_owner" in access.roles(inside.mina, project.pk)


@pytest.mark.parametrize(
    ("name", "error"),
    [("dario", Refused), ("wim", Refused), ("audrey", Refused), ("odile", Refused), ("mina", NotVisible)],
)
def test_change_charter_is_for_planners(inside, name, error):
    with pytest.raises(error):
        actions.change_charter(project=draft(inside), changes={"title": "Mine"}, by=getattr(inside, name))


def test_grant_lets_a_person_plan_until_a_date(inside):
    project = draft(inside)
    soon = timezone.now() + dt.timedelta(days=1)
    given = grant(thing=project, permission=Permission.PLAN, user=inside.mina, until=soon, by=inside.bianca)
    actions.change_charter(project=project, changes={"title": "Mine"}, by=inside.mina)
    assert list(access.visible(Project.objects.all(), inside.mina)) == [project]

    given.until = timezone.now() - dt.timedelta(seconds=1)
    given.save()
    assert list(access.visible(Project.objects.all(), inside.mina)) == []
    with pytest.raises(NotVisible):
        actions.change_charter(project=project, changes={"title": "Yours"}, by=inside.mina)


# --- what it promises


def test_add_metric_twice_under_one_name_is_refused(inside):
    project = complete(inside, draft(inside))
    with pytest.raises(Conflict, match="already"):
        actions.add_metric(
            project=project, name="Missed connections", target=1, due_on=dt.date(2026, 1, 1), by=inside.bianca
        )


@pytest.mark.parametrize("target", [math.nan, math.inf])
def test_metric_needs_a_real_number(inside, target):
    with pytest.raises(Invalid) as caught:
        actions.add_metric(project=draft(inside), name="x", target=target, due_on=dt.date(2026, 1, 1), by=inside.bianca)
    assert caught.value.fields == {"target": ["Give a number."]}


def test_metric_knows_whether_a_value_keeps_the_promise(inside):
    metric = complete(inside, draft(inside)).metrics.get()
    assert [metric.is_met_by(value) for value in (3.5, 3.0, 2.0)] == [False, True, True]
    assert [metric.progress_at(value) for value in (4.0, 3.5, 2.0)] == [0.0, 0.5, 2.0]


def test_record_value_needs_an_approved_promise(inside):
    metric = complete(inside, draft(inside)).metrics.get()
    with pytest.raises(Refused, match="promised nothing yet"):
        actions.record_value(metric=metric, value=3.5, at=timezone.now(), source="BI", by=inside.bianca)


def test_record_value_keeps_what_was_measured(inside):
    metric = project_at(inside, ProjectState.APPROVED).metrics.get()
    at = timezone.now() - dt.timedelta(days=1)
    reading = actions.record_value(metric=metric, value=3.5, at=at, source="Monthly report", by=inside.bianca)
    assert str(reading) == "Missed connections: 3.5 %"
    with pytest.raises(Invalid, match="in the past"):
        actions.record_value(
            metric=metric, value=3, at=timezone.now() + dt.timedelta(hours=1), source="x", by=inside.bianca
        )
    with pytest.raises(Conflict, match="measured already"):
        actions.remove_metric(metric=metric, by=inside.bianca)


def test_stakeholder_is_a_member_or_a_name(inside):
    project = draft(inside)
    for given in ({}, {"user": inside.mina, "name": "Mina"}):
        with pytest.raises(Invalid, match="Choose a member"):
            actions.add_stakeholder(project=project, role="Watches", by=inside.bianca, **given)
    added = actions.add_stakeholder(project=project, role="Watches", user=inside.mina, by=inside.bianca)
    actions.remove_stakeholder(stakeholder=added, by=inside.bianca)
    assert not project.stakeholders.exists()
    assert last_record(project).details == {"what": "Mina (Watches)"}


# --- what could go wrong


def test_risks_are_numbered_in_order(inside):
    project = draft(inside)
    made = [actions.add_risk(project=project, title=title, likelihood=1, impact=5, by=inside.bianca) for title in "ab"]
    assert [str(risk) for risk in made] == ["R1 a", "R2 b"]
    assert [risk.level for risk in made] == [5, 5]


@pytest.mark.parametrize(
    ("given", "field"),
    [({"likelihood": 6}, "likelihood"), ({"impact": 0}, "impact"), ({"residual_impact": 2}, "residual_likelihood")],
)
def test_risk_off_the_scale_is_refused(inside, given, field):
    with pytest.raises(Invalid) as caught:
        actions.add_risk(
            **({"project": draft(inside), "title": "a", "likelihood": 1, "impact": 1, "by": inside.bianca} | given)
        )
    assert field in caught.value.fields


@pytest.fixture
def risk(inside):
    return complete(inside, draft(inside)).risks.get()


def test_accept_risk_by_an_approver_of_no_part_in_it(inside, risk):
    accepted = actions.accept_risk(risk=risk, reason="Seasons are known.", by=inside.rhea)
    assert (accepted.state, accepted.accepted_by) == (RiskState.ACCEPTED, inside.rhea)
    with pytest.raises(IllegalMove, match="Open it again"):
        actions.change_risk(risk=accepted, changes={"impact": 5}, by=inside.bianca)
    opened = actions.reopen_risk(risk=accepted, by=inside.bianca)
    assert (opened.state, opened.accepted_by, opened.accepted_at) == (RiskState.OPEN, None, None)


@pytest.mark.parametrize("owner", ["bianca", "rhea"])
def test_accept_risk_by_its_owner_is_refused_by_policy_and_database(inside, risk, owner):
    person = getattr(inside, owner)
    actions.change_risk(risk=risk, changes={"owner": person}, by=inside.bianca)
    risk.refresh_from_db()
    with pytest.raises(Refused, match="you own this risk"):
        actions.accept_risk(risk=risk, reason="Mine.", by=person)
    risk.state, risk.accepted_by, risk.accepted_at = RiskState.ACCEPTED, person, timezone.now()
    with pytest.raises(IntegrityError, match="projects_risk_segregation"), transaction.atomic():
        risk.save()


def test_accept_risk_needs_to_know_what_remains(inside):
    risk = actions.add_risk(
        project=draft(inside), title="a", likelihood=1, impact=1, owner=inside.dario, by=inside.bianca
    )
    with pytest.raises(Refused, match="what remains"):
        actions.accept_risk(risk=risk, reason="Fine.", by=inside.rhea)


def test_close_risk_needs_a_reason(inside, risk):
    with pytest.raises(Invalid, match="why it is gone"):
        actions.close_risk(risk=risk, reason=" ", by=inside.bianca)
    assert actions.close_risk(risk=risk, reason="No such flights any more.", by=inside.bianca).state == RiskState.CLOSED


# --- the tier


def test_assess_keeps_answers_version_and_reasons(inside):
    project = draft(inside)
    assessment = actions.assess(project=project, answers=HIGH, by=inside.bianca)
    project.refresh_from_db()
    assert (project.tier, assessment.tier, assessment.version, assessment.answers) == ("high", "high", "1", HIGH)
    assert assessment.reasons[0]["reason"] == "It decides on access to essential services."
    assert str(assessment) == "High risk by questionnaire 1"


def test_assess_names_the_questions_left_open(inside):
    with pytest.raises(Invalid) as caught:
        actions.assess(project=draft(inside), answers={**HIGH, "harm": ""}, by=inside.bianca)
    assert caught.value.fields == {"harm": ["Choose an answer."]}


def test_prohibited_use_stops_with_its_reason(inside):
    project = complete(inside, draft(inside), PROHIBITED)
    for refused in (
        lambda: actions.request_approval(project=project, by=inside.bianca),
        lambda: policies.require_approved(project),
    ):
        with pytest.raises(Refused) as caught:
            refused()
        assert caught.value.sentence == "“Late arrivals” is a prohibited use and stops here. It is social scoring."


# --- the decision


def test_request_approval_lists_what_is_missing(inside):
    with pytest.raises(Refused) as caught:
        actions.request_approval(project=draft(inside), by=inside.bianca)
    assert caught.value.sentence == (
        "The charter is not complete. Say what the expected outcomes are. Say who will use it. Name a sponsor. "
        "Promise at least one success metric with a target. Say what data it needs. Answer the risk questionnaire. "
        "Name at least one risk."
    )


def test_request_approval_asks_to_have_high_remaining_risk_accepted(inside, risk):
    actions.change_risk(risk=risk, changes={"residual_likelihood": 5, "residual_impact": 2}, by=inside.bianca)
    with pytest.raises(Refused, match="Have the remaining risk R1 accepted"):
        actions.request_approval(project=risk.project, by=inside.bianca)
    actions.accept_risk(risk=risk, reason="Watched daily.", by=inside.rhea)
    assert actions.request_approval(project=risk.project, by=inside.bianca).is_open


def test_approval_lets_development_begin(inside):
    heard = []
    approved.connect(lambda project, by, **_: heard.append((project, by)), weak=False, dispatch_uid="t")
    project = complete(inside, draft(inside))
    with pytest.raises(Refused, match="Ask for approval of its charter first"):
        policies.require_approved(project)
    request = actions.request_approval(project=project, by=inside.bianca)
    project.refresh_from_db()
    with pytest.raises(Refused, match="waits for signatures"):
        policies.require_approved(project)
    sign_all(inside, request)
    approved.disconnect(dispatch_uid="t")
    project.refresh_from_db()
    policies.require_approved(project)
    assert (project.state, project.approved_at) == (ProjectState.APPROVED, project.approval.decided_at)
    assert heard == [(project, inside.carlo)]
    assert last_record(project).action == "project.charter_approved"
    assert faults() == []


def test_request_names_owner_and_writers_as_conflicted(inside):
    project = complete(inside, draft(inside))
    actions.change_charter(project=project, changes={"owner": inside.mina}, by=inside.bianca)
    request = actions.request_approval(project=project, by=inside.bianca)
    assert {conflict.user: conflict.why for conflict in request.conflicts.all()} == {
        inside.bianca: "wrote the charter",
        inside.mina: "owns the project",
    }


def test_declined_charter_is_rejected_and_can_be_taken_up_again(inside):
    project = project_at(inside, ProjectState.REJECTED)
    with pytest.raises(IllegalMove, match="Take it up again first") as caught:
        actions.change_charter(project=project, changes={"title": "Again"}, by=inside.bianca)
    assert caught.value.legal == ["draft"]
    assert actions.reopen(project=project, by=inside.bianca).state == ProjectState.DRAFT
    sign_all(inside, actions.request_approval(project=project, by=inside.bianca))
    project.refresh_from_db()
    assert project.is_approved


def test_withdrawn_request_leaves_a_draft(inside):
    project = complete(inside, draft(inside))
    request = actions.request_approval(project=project, by=inside.bianca)
    with pytest.raises(Conflict, match="waits for signatures already"):
        actions.request_approval(project=project, by=inside.bianca)
    approvals.withdraw(request=request, by=inside.bianca)
    project.refresh_from_db()
    assert (project.state, project.is_waiting) == (ProjectState.DRAFT, False)
    assert actions.request_approval(project=project, by=inside.bianca).is_open


def change(act, **given):
    """A change by Bianca, to be made on a project given later."""
    return lambda cast, project: act(
        **{name: value(project) if callable(value) else value for name, value in given.items()}, by=cast.bianca
    )


def itself(project):
    return project


CHANGES = {
    "charter": change(actions.change_charter, project=itself, changes={"problem": "Other."}),
    "metric": change(actions.change_metric, metric=lambda project: project.metrics.get(), changes={"target": 1.0}),
    "metric removed": change(actions.remove_metric, metric=lambda project: project.metrics.get()),
    "requirement": change(actions.add_requirement, project=itself, kind="files", description="x"),
    "requirement changed": change(
        actions.change_requirement,
        requirement=lambda project: project.requirements.get(),
        changes={"personal_data": "personal"},
    ),
    "tier": change(actions.assess, project=itself, answers=HIGH),
}
SMALL_CHANGES = {
    "title": change(actions.change_charter, project=itself, changes={"title": "Other"}),
    "risk": change(actions.change_risk, risk=lambda project: project.risks.get(), changes={"impact": 5}),
    "risk closed": change(actions.close_risk, risk=lambda project: project.risks.get(), reason="Gone."),
    "stakeholder": change(actions.remove_stakeholder, stakeholder=lambda project: project.stakeholders.get()),
}


@pytest.mark.parametrize("name", [*CHANGES, *SMALL_CHANGES])
def test_open_request_is_invalidated_by_any_change(inside, name):
    project = complete(inside, draft(inside))
    request = actions.request_approval(project=project, by=inside.bianca)
    (CHANGES | SMALL_CHANGES)[name](inside, project)
    request.refresh_from_db()
    assert request.state == RequestState.INVALIDATED
    with pytest.raises(IllegalMove):
        approvals.sign(request=request, by=inside.rhea)
    project.refresh_from_db()
    assert project.state == ProjectState.DRAFT


@pytest.mark.parametrize("name", CHANGES)
def test_changed_promise_needs_a_new_approval(inside, name):
    heard = []
    changed.connect(lambda project, **_: heard.append(project), weak=False, dispatch_uid="t")
    project = project_at(inside, ProjectState.APPROVED)
    CHANGES[name](inside, project)
    changed.disconnect(dispatch_uid="t")
    project.refresh_from_db()
    assert (project.state, project.is_approved, heard) == (ProjectState.APPROVED, False, [project])
    with pytest.raises(Refused, match="changed after it was approved"):
        policies.require_approved(project)


def test_new_approval_of_a_changed_promise_counts_again(inside):
    project = project_at(inside, ProjectState.LIVE)
    CHANGES["charter"](inside, project)
    sign_all(inside, actions.request_approval(project=project, by=inside.bianca))
    project.refresh_from_db()
    assert (project.state, project.is_approved) == (ProjectState.LIVE, True)


@pytest.mark.parametrize("name", SMALL_CHANGES)
def test_small_change_leaves_the_approval(inside, name):
    project = project_at(inside, ProjectState.APPROVED)
    SMALL_CHANGES[name](inside, project)
    project.refresh_from_db()
    assert project.is_approved


def test_changed_promise_of_a_low_tier_leaves_the_approval(inside):
    project = project_at(inside, ProjectState.APPROVED, HARMLESS)
    CHANGES["charter"](inside, project)
    project.refresh_from_db()
    assert project.is_approved
    actions.assess(project=project, answers=LIMITED, by=inside.bianca)
    project.refresh_from_db()
    assert not project.is_approved


def test_approval_of_an_unchanged_charter_is_not_asked_twice(inside):
    with pytest.raises(Conflict, match="nothing in its promise has changed"):
        actions.request_approval(project=project_at(inside, ProjectState.APPROVED), by=inside.bianca)


# --- states


MOVES = {
    ProjectState.ON_HOLD: lambda cast, project: actions.put_on_hold(project=project, reason="Wait.", by=cast.bianca),
    ProjectState.DRAFT: lambda cast, project: actions.reopen(project=project, by=cast.bianca),
    ProjectState.LIVE: lambda cast, project: actions.go_live(project=project, by=cast.otto),
    ProjectState.RETIRED: lambda cast, project: actions.retire(project=project, reason="Over.", by=cast.bianca),
}


@pytest.mark.parametrize("to", MOVES)
@pytest.mark.parametrize("state", ProjectState)
def test_move_follows_the_table(inside, state, to):
    project = project_at(inside, state)
    if PROJECT_STATES.can_move(project, to) and not (state == ProjectState.ON_HOLD and to == ProjectState.LIVE):
        assert MOVES[to](inside, project).state == to
    else:
        with pytest.raises(DomainError):
            MOVES[to](inside, project)
        project.refresh_from_db()
        assert project.state == state


@pytest.mark.parametrize("state", [state for state in ProjectState if state != ProjectState.ON_HOLD])
def test_resume_only_ends_a_hold(inside, state):
    project = project_at(inside, state)
    with pytest.raises(IllegalMove, match="is not on hold"):
        actions.resume(project=project, by=inside.bianca)


def test_resume_goes_back_to_where_it_was(inside):
    held = project_at(inside, ProjectState.ON_HOLD)
    with pytest.raises(Refused, match="on hold; no work"):
        policies.require_approved(held)
    assert actions.resume(project=held, by=inside.bianca).state == ProjectState.APPROVED
    actions.go_live(project=held, by=inside.otto)
    actions.put_on_hold(project=held, reason="Again.", by=inside.bianca)
    assert actions.resume(project=held, by=inside.bianca).state == ProjectState.LIVE


def test_retire_asks_later_stages_first(inside):
    def object_to_it(project, **_):
        raise Conflict("An endpoint still answers.")

    project = project_at(inside, ProjectState.LIVE)
    retiring.connect(object_to_it, weak=False, dispatch_uid="t")
    with pytest.raises(Conflict, match="still answers"):
        actions.retire(project=project, reason="Over.", by=inside.bianca)
    retiring.disconnect(dispatch_uid="t")
    project.refresh_from_db()
    assert project.state == ProjectState.LIVE


def test_every_history_row_names_who_changed_it(inside):
    project = project_at(inside, ProjectState.RETIRED)
    assert all(row.history_user is not None for row in project.history.all())
    assert all(row.history_user is not None for row in Risk.history.all())
    assert faults() == []
