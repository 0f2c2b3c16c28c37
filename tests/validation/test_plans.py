"""Plans: written by who is independent, locked before any result, changed only by writing a new one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from apps.audit.models import Record
from apps.core.errors import Conflict, IllegalMove, Invalid, NotVisible, Refused
from apps.organizations.actions import assign_role
from apps.validation import actions
from apps.validation.models import Plan, PlanCheck, PlanState, Template
from tests.cast import Cast
from tests.validation import factories
from tests.validation.factories import LINES


def test_write_plan_begins_with_the_built_in_checks_of_tier_and_kind(inside: Cast) -> None:
    plan = factories.plan_of(inside, lines=None, time_column="scheduled")

    names = set(plan.checks.values_list("name", flat=True))
    assert {"perf.auc", "fair.impact_ratio:sex", "consist.time_slices", "sec.graph", "doc.completeness"} <= names
    assert (plan.tier, plan.kind, plan.state) == ("limited", "binary", PlanState.DRAFT)
    assert plan.checks.get(name="perf.vs_champion").required is False
    assert plan.checks.get(name="data.leak").required is False  # nobody has said on which rows the upload was trained


def test_write_plan_by_who_made_the_version_is_refused(inside: Cast) -> None:
    version = factories.candidate(inside)
    assign_role(scope=version.model.project, role="validator", user=inside.dario, by=inside.odile)

    with pytest.raises(Refused, match=r"Dario (brought|registered)"):
        actions.write_plan(version=version, by=inside.dario, lines=LINES)


def test_write_plan_in_the_high_tier_by_a_team_mate_is_refused(inside: Cast) -> None:
    from apps.organizations.actions import add_to_team, create_team
    from tests.projects.factories import HIGH

    version = factories.candidate(inside, answers=HIGH)
    team = create_team(key="science", name="Science", by=inside.odile)
    for person in (inside.dario, inside.vera):
        add_to_team(team=team, user=person, by=inside.odile)

    with pytest.raises(Refused, match="another team"):
        actions.write_plan(version=version, by=inside.vera, lines=LINES)


@pytest.mark.parametrize("who", ["dario", "bianca", "rhea", "otto", "wim", "audrey", "adam", "odile"])
def test_write_plan_without_the_role_is_refused(inside: Cast, who: str) -> None:
    version = factories.candidate(inside)

    with pytest.raises(Refused):
        actions.write_plan(version=version, by=getattr(inside, who), lines=LINES)
    with pytest.raises(NotVisible):
        actions.write_plan(version=version, by=inside.mina, lines=LINES)


def test_write_plan_tells_every_problem_of_its_lines(inside: Cast) -> None:
    with pytest.raises(Invalid) as error:
        factories.plan_of(inside, lines=[{"key": "perf.nothing", "fail": 1}, {"key": "perf.auc", "fail": None}])

    assert len(error.value.fields["lines"]) == 2
    assert Plan.objects.count() == 0


def test_write_plan_with_unknown_columns_is_invalid(inside: Cast) -> None:
    with pytest.raises(Invalid, match="no column height"):
        factories.plan_of(inside, attributes=["height"])


def test_write_plan_with_an_unknown_time_column_is_invalid(inside: Cast) -> None:
    with pytest.raises(Invalid, match="no column departure"):
        factories.plan_of(inside, time_column="departure")


def test_write_plan_without_test_rows_asks_for_them(inside: Cast) -> None:
    with pytest.raises(Invalid, match="Say on which data it is tested"):
        actions.write_plan(version=factories.candidate(inside), by=inside.vera, lines=LINES)


def test_write_plan_on_data_of_another_project_is_invalid(inside: Cast) -> None:
    from tests.projects.factories import project_at

    version = factories.candidate(inside)
    foreign = factories.data(inside, project_at(inside, "approved", key="other"), "foreign")

    with pytest.raises(Invalid, match="same project"):
        actions.write_plan(version=version, by=inside.vera, lines=LINES, test_data=foreign)


def test_new_plan_replaces_the_old_one_and_needs_a_reason(inside: Cast) -> None:
    first = factories.locked_plan(inside)
    with pytest.raises(Invalid, match="Say why there is a new plan"):
        factories.plan_of(inside, first.version)

    second = factories.plan_of(inside, first.version, reason="The threshold was a mistake.")

    first.refresh_from_db()
    assert (first.state, second.number) == (PlanState.REPLACED, 2)
    assert Record.objects.filter(action="plan.replaced").count() == 1


def test_change_plan_exchanges_the_checks_of_a_draft(inside: Cast) -> None:
    plan = factories.plan_of(inside)

    actions.change_plan(plan=plan, lines=[{**LINES[0], "fail": 0.9, "warn": None}], by=inside.vera)

    assert [(line.name, line.fail) for line in plan.checks.all()] == [("perf.auc", 0.9)]
    assert "fair.impact_ratio:sex" in Record.objects.get(action="plan.changed").details["before"]


def test_lock_fixes_the_plan_and_its_hash(inside: Cast) -> None:
    plan = factories.locked_plan(inside)

    assert plan.is_locked and len(plan.content_hash) == 64
    assert (plan.locked_by, plan.locked_at is not None) == (inside.vera, True)
    with pytest.raises(IllegalMove, match="does not change"):
        actions.change_plan(plan=plan, lines=LINES, by=inside.vera)
    with pytest.raises(IllegalMove):
        actions.lock_plan(plan=plan, by=inside.vera)


def test_hash_of_a_plan_depends_on_thresholds_and_seed(inside: Cast) -> None:
    version = factories.candidate(inside)
    hashes = {
        factories.locked_plan(inside, version, lines, seed=seed, reason="Again.").content_hash
        for lines, seed in ((LINES, 1), (LINES, 2), (factories.STRICT, 1), (LINES, 1))
    }

    assert len(hashes) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "update validation_plancheck set fail = 0 where plan_id = %s",
        "delete from validation_plancheck where plan_id = %s",
        "update validation_plan set seed = seed + 1 where id = %s",
        "update validation_plan set content_hash = repeat('0', 64) where id = %s",
        "update validation_plan set state = 'draft' where id = %s",
    ],
)
def test_locked_plan_does_not_change_whoever_writes(inside: Cast, statement: str) -> None:
    plan = factories.locked_plan(inside)

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [plan.pk])


def test_line_is_not_added_to_a_locked_plan_whoever_writes(inside: Cast) -> None:
    plan = factories.locked_plan(inside)

    with pytest.raises(IntegrityError, match="do not change"), transaction.atomic():
        PlanCheck(plan=plan, order=9, name="x", key="perf.f1", family="performance", fail=0.1, judged="value").save()


def test_plan_is_not_written_while_a_run_is_under_way(inside: Cast) -> None:
    run = factories.queued_run(inside)

    with pytest.raises(Conflict, match="under way"):
        factories.plan_of(inside, run.version, reason="Quickly.")


def test_plan_of_a_version_that_is_decided_is_not_written(inside: Cast) -> None:
    from apps.models.actions import reject_version

    version = reject_version(version=factories.candidate(inside), reason="Too weak.", by=inside.vera)

    with pytest.raises(IllegalMove, match="nothing left to plan"):
        factories.plan_of(inside, version)


def template_lines() -> list[dict[str, Any]]:
    return [
        {"key": "perf.auc", "fail": 0.75, "warn": 0.8},
        {"key": "fair.impact_ratio", "fail": 0.9, "parameters": {"min_rows": 200}},
        {"key": "consist.time_slices", "warn": 0.2},
    ]


def test_template_is_what_plans_begin_with(inside: Cast) -> None:
    template = actions.write_template(
        tier="limited", kind="binary", lines=template_lines(), reason="Stricter.", by=inside.adam
    )

    plan = factories.plan_of(inside, lines=None)

    assert plan.template == template
    lines = {line.name: line for line in plan.checks.all()}
    assert set(lines) == {"perf.auc", "fair.impact_ratio:sex", "consist.time_slices"}
    assert lines["fair.impact_ratio:sex"].parameters["attributes"] == ["sex"]
    assert lines["fair.impact_ratio:sex"].parameters["min_rows"] == 200
    assert lines["consist.time_slices"].required is False  # no time column is named


def test_template_is_versioned_with_a_reason(inside: Cast) -> None:
    for number in (1, 2):
        template = actions.write_template(
            tier="high", kind="binary", lines=template_lines(), reason=f"Reason {number}.", by=inside.adam
        )

    assert template.version == 2
    assert list(Template.objects.filter(is_current=True)) == [template]
    with pytest.raises(Invalid, match="Say why"):
        actions.write_template(tier="high", kind="binary", lines=template_lines(), reason=" ", by=inside.adam)
    with pytest.raises(Refused):
        actions.write_template(tier="high", kind="binary", lines=template_lines(), reason="Mine.", by=inside.vera)


def test_built_in_lines_can_be_written_as_a_template_again(inside: Cast) -> None:
    for kind in ("binary", "multiclass", "regression"):
        lines = actions.built_in_lines("high", kind)
        template = actions.write_template(tier="high", kind=kind, lines=lines, reason="As built in.", by=inside.odile)
        assert template.lines == lines
