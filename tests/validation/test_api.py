"""The API: the same verbs as the pages, problem bodies that say what to do, nothing of others."""

from __future__ import annotations

from typing import Any

import pytest

from apps.validation.models import Plan, ValidationRun
from tests.cast import Cast
from tests.support import deliver
from tests.validation import factories
from tests.validation.factories import LINES, STRICT, finding_at, finished_run, in_days

ROOT = "/o/meridian/api/v1"


class Caller:
    """A signed-in client that speaks JSON."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def get(self, path: str) -> Any:
        return self.client.get(f"{ROOT}/{path}")

    def post(self, path: str, **given: Any) -> Any:
        return self.client.post(f"{ROOT}/{path}", given, content_type="application/json")


@pytest.fixture
def vera(inside: Cast, sign_in: Any) -> Caller:
    """The validator."""
    return Caller(sign_in(inside.vera))


@pytest.fixture
def dario(inside: Cast, sign_in: Any) -> Caller:
    """The developer."""
    return Caller(sign_in(inside.dario))


def test_program_plans_locks_runs_and_concludes(inside: Cast, vera: Caller) -> None:
    version = factories.candidate(inside)
    factories.data(inside, version.model.project, "test", seed=5)

    written = vera.post(
        "validation-plans/",
        model=version.model.key,
        version=version.number,
        lines=LINES,
        attributes=["sex"],
        test_data={"dataset": "test", "number": 1},
        seed=4,
    )
    assert written.status_code == 201, written.content
    plan = written.json()
    assert (plan["version"], plan["state"]) == ({"model": "late-flights", "number": 1}, "draft")
    assert [line["name"] for line in plan["checks"]][:2] == ["perf.auc", "fair.impact_ratio:sex"]
    changed = vera.post(f"validation-plans/{plan['id']}/change/", lines=LINES[:4])
    assert len(changed.json()["checks"]) == 4
    locked = vera.post(f"validation-plans/{plan['id']}/lock/").json()
    assert locked["state"] == "locked" and len(locked["content_hash"]) == 64
    run = vera.post(f"validation-plans/{plan['id']}/run/")
    assert (run.status_code, run.json()["state"]) == (201, "queued")

    deliver(inside.meridian)
    found = vera.get(f"validation-runs/{run.json()['id']}/").json()
    assert (found["state"], found["verdict"], found["plan_hash"]) == ("finished", "passed", locked["content_hash"])
    results = vera.get(f"check-results/?run={found['id']}").json()["results"]
    assert {result["verdict"] for result in results} == {"passed"} and results[0]["evidence"]
    ended = vera.post(f"validation-runs/{found['id']}/conclude/", outcome="validated", statement="Good.")
    assert ended.json()["outcome"] == "validated"
    again = vera.post(f"validation-runs/{found['id']}/conclude/", outcome="rejected", statement="Bad.")
    assert again.status_code == 409


def test_plan_with_wrong_lines_is_answered_with_every_problem(inside: Cast, vera: Caller) -> None:
    version = factories.candidate(inside)
    factories.data(inside, version.model.project, "test")
    given = {"model": version.model.key, "version": 1, "test_data": {"dataset": "test", "number": 1}}

    wrong = [{"key": "perf.none", "fail": 1}, {"key": "perf.auc", "fail": 0.9, "warn": 0.5}]
    answer = vera.post("validation-plans/", **given, lines=wrong)

    assert answer.status_code == 422
    assert len(answer.json()["errors"]["lines"]) == 2
    assert vera.post("validation-plans/", **given, lines=[]).status_code == 422
    assert vera.post("validation-plans/", **given, lines="all").status_code == 422
    assert vera.post("validation-plans/", **(given | {"model": "none"})).status_code == 404
    missing = {**given, "test_data": {"dataset": "none", "number": 1}}
    assert vera.post("validation-plans/", **missing).status_code == 422
    assert Plan.objects.count() == 0


def test_developer_may_read_and_not_validate(inside: Cast, dario: Caller) -> None:
    plan = factories.locked_plan(inside)

    assert dario.get(f"validation-plans/{plan.pk}/").status_code == 200
    answer = dario.post(f"validation-plans/{plan.pk}/run/")
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("You may not do this: plan and run validations")
    assert ValidationRun.objects.count() == 0


def test_finding_lives_through_the_api(inside: Cast, vera: Caller, dario: Caller) -> None:
    finding = finding_at(inside, "open")
    here = f"findings/{finding.pk}"

    assert [row["id"] for row in vera.get("findings/?blocking=1").json()["results"]] == [str(finding.pk)]
    assert vera.post(f"{here}/assign/", severity="critical").json()["severity"] == "critical"
    assert dario.post(f"{here}/plan-work/", action_plan="More data.").json()["state"] == "in_progress"
    assert dario.post(f"{here}/mark-ready/", remedy="Done.").json()["state"] == "ready_for_retest"
    again = factories.again(inside, finding.run)
    assert vera.post(f"{here}/retest/", run=str(again.pk)).json()["retest"] is not None
    assert dario.post(f"{here}/close/", note="Mine.").status_code == 403
    assert vera.post(f"{here}/close/", note="Seen.").json()["state"] == "closed"
    assert vera.post(f"{here}/close/", note="Seen.").status_code == 409
    assert vera.get("findings/?blocking=1").json()["results"] == []


def test_finding_is_raised_for_a_member_by_address(inside: Cast, vera: Caller) -> None:
    version = factories.candidate(inside)
    given = {"model": version.model.key, "version": 1, "title": "Odd", "description": "See.", "severity": "low"}

    made = vera.post("findings/", **given, owner="dario@meridian.example", due_on=str(in_days(7)))

    assert (made.status_code, made.json()["owner"]) == (201, "dario@meridian.example")
    assert vera.post("findings/", **given, owner="mallory@harbor.example").status_code == 422
    assert vera.post("findings/", **(given | {"severity": "huge"})).status_code == 422


def test_waiver_is_asked_for_through_the_api(inside: Cast, sign_in: Any, vera: Caller) -> None:
    finding = finding_at(inside, "open")
    bianca = Caller(sign_in(inside.bianca))
    given = {"reason": "Season.", "compensating_control": "A person looks.", "until": str(in_days(9))}

    made = bianca.post(f"findings/{finding.pk}/request-waiver/", **given)

    assert (made.status_code, made.json()["state"], made.json()["is_in_force"]) == (201, "requested", False)
    assert bianca.post(f"findings/{finding.pk}/request-waiver/", **given).status_code == 409
    assert vera.post(f"waivers/{made.json()['id']}/revoke/", reason="No.").status_code == 409
    assert len(vera.get("waivers/?model=late-flights&version=1").json()["results"]) == 1


def test_run_is_cancelled_through_the_api(inside: Cast, vera: Caller) -> None:
    run = factories.queued_run(inside)

    assert vera.post(f"validation-runs/{run.pk}/cancel/").json()["state"] == "cancelled"


def test_templates_and_checks(inside: Cast, sign_in: Any, vera: Caller) -> None:
    adam = Caller(sign_in(inside.adam))
    given = {"tier": "high", "kind": "binary", "lines": [{"key": "perf.auc", "fail": 0.8}], "reason": "Stricter."}

    assert vera.post("validation-templates/", **given).status_code == 403
    assert adam.post("validation-templates/", **given).json()["version"] == 1
    assert len(vera.get("validation-templates/?is_current=true").json()["results"]) == 1
    keys = [check["key"] for check in vera.get("validation-checks/").json()["results"]]
    assert "perf.auc" in keys and "sec.graph" in keys
    assert vera.get("validation-checks/perf.auc/").json()["judged"] == "lower"
    informs = {key: vera.get(f"validation-checks/{key}/").json()["informs"] for key in ("perf.auc", "sec.scanner")}
    assert informs == {"perf.auc": False, "sec.scanner": True}
    assert vera.get("validation-checks/perf.none/").status_code == 404


NOUNS = ["validation-plans", "validation-runs", "check-results", "findings", "waivers"]


@pytest.mark.parametrize("noun", NOUNS)
def test_outsiders_find_nothing(inside: Cast, sign_in: Any, noun: str) -> None:
    run = finished_run(inside, lines=STRICT)
    finding = run.findings.get()
    ids = {
        "validation-plans": run.plan_id,
        "validation-runs": run.pk,
        "check-results": finding.result_id,
        "findings": finding.pk,
    }

    mina, mallory = Caller(sign_in(inside.mina)), Caller(sign_in(inside.mallory))

    assert mina.get(f"{noun}/").json()["results"] == []
    assert mallory.get(f"{noun}/").status_code == 404
    if noun in ids:
        assert mina.get(f"{noun}/{ids[noun]}/").status_code == 404


@pytest.mark.parametrize("path", ["validation-runs/nonsense/", "findings/00000000-0000-0000-0000-000000000000/"])
def test_nonsense_is_not_found(inside: Cast, vera: Caller, path: str) -> None:
    assert vera.get(path).status_code == 404
    assert vera.get("validation-plans/?version=abc&model=%20").json()["results"] == []
