"""Checks outside the plan: measured by the same worker, shown as such everywhere, counted for no verdict."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from apps.audit import statements
from apps.core import sandbox
from apps.core.errors import Conflict, IllegalMove, Invalid, Refused
from apps.models import actions as models
from apps.validation import actions, attestations, records, report, sheets
from apps.validation.actions import runs
from apps.validation.models import Challenge, Finding, OwnResult, Verdict
from tests.cast import Cast
from tests.support import deliver
from tests.validation.factories import LINES, STRICT, finished_run, fresh

HARD = {"key": "perf.auc", "fail": 0.99, "warn": 0.999}
EASY = {"key": "perf.auc", "fail": 0.5, "warn": 0.51}
QUICK = [LINES[0], LINES[2]]


def asked(cast: Cast, run: Any, line: dict[str, Any] = HARD) -> Challenge:
    """An own check of Vera's that waits for a worker."""
    return actions.ask_check(run=run, line=line, reason="The plan is kind here.", by=cast.vera)


def measured(cast: Cast, run: Any, line: dict[str, Any] = HARD) -> OwnResult:
    """The same, measured."""
    challenge = asked(cast, run, line)
    deliver(cast.meridian)
    return OwnResult.objects.get(challenge=challenge)


def test_own_check_that_fails_is_shown_and_signed_and_counts_for_no_verdict(inside: Cast) -> None:
    run = finished_run(inside, lines=QUICK)
    result = measured(inside, run)

    assert (result.verdict, result.fail, result.layer) == (Verdict.FAILED, 0.99, run.layer)
    assert result.value == run.results.get(name="perf.auc").value and result.evidence["figures"]
    run = fresh(run)
    assert run.verdict == Verdict.PASSED and run.results.count() == len(QUICK) and not Finding.objects.exists()
    actions.conclude(run=run, outcome="validated", statement="Fit.", by=inside.vera)
    signed = attestations.what_was_signed(run)
    said = json.loads(statements.payload_of(signed.envelope))["predicate"]
    assert [one["verdict"] for one in said["checks"]] == ["passed", "passed"]
    (own,) = [one["own"] for one in said["challenges"]]
    assert (own["verdict"], own["reported"]) == ("failed", report.OUTSIDE_THE_PLAN)
    assert models.request_approval(version=run.version, by=inside.dario).snapshot["validation"]["own_checks"]
    loaded = records.load(run)
    results = records.results_of(loaded)
    paper = sheets.said(said, results)
    assert [(one["verdict"]["label"], bool(one["charts"]["square"])) for one in paper["own"]] == [("Failed", True)]
    assert "The plan is kind here." in paper["own"][0]["asked"] and not paper["challenges"]["rows"]
    assert attestations.drawn_again(signed, results) == attestations.report(run)


def test_own_check_that_passes_does_not_save_a_failing_plan(inside: Cast) -> None:
    run = finished_run(inside, lines=[STRICT[0]])
    assert measured(inside, run, EASY).verdict == Verdict.PASSED

    assert fresh(run).verdict == Verdict.FAILED
    with pytest.raises(Refused, match="Findings stand against it"):
        actions.conclude(run=fresh(run), outcome="validated", statement="Fit.", by=inside.vera)


def test_conclusion_waits_for_an_own_check_that_can_be_cancelled(inside: Cast) -> None:
    run = finished_run(inside, lines=QUICK)
    challenge = asked(inside, run)
    given: dict[str, Any] = {"run": run, "outcome": "validated", "statement": "Fit.", "by": inside.vera}
    with pytest.raises(Conflict, match="still being measured"):
        actions.conclude(**given)

    actions.cancel_own_check(challenge=challenge, by=inside.vera)

    kept = OwnResult.objects.get(challenge=challenge)
    assert kept.verdict == Verdict.NOT_RUN and "cancelled" in kept.reason
    with pytest.raises(IllegalMove, match="nothing to cancel"):
        actions.cancel_own_check(challenge=Challenge.objects.get(), by=inside.vera)
    actions.conclude(**given)
    with pytest.raises(IllegalMove, match="is concluded"):
        asked(inside, run)


def test_own_check_that_ends_its_child_says_why(inside: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished_run(inside, lines=QUICK)

    def ended(*_: Any, **__: Any) -> None:
        raise sandbox.TimedOut("It took too long.", layer="limits")

    monkeypatch.setattr(sandbox, "run", ended)
    result = measured(inside, run)

    assert (result.verdict, result.layer) == (Verdict.NOT_RUN, "limits") and "It took too long." in result.reason


@pytest.mark.parametrize(
    ("line", "field", "sentence"),
    [
        ({"key": "perf.luck"}, "line", "perf.luck"),
        ({"key": "perf.auc", "fail": 0.9, "warn": 0.5}, "line", "fail before it warns"),
        ({"key": "perf.auc", "parameters": {"luck": 1}}, "line", "luck"),
        ({"key": "consist.sources", "fail": 0.1, "parameters": {"column": "luck"}}, "lines", "no column luck"),
        ({"key": "outside.report", "fail": 1, "parameters": {"title": "Scan"}}, "line", "has its line in a plan"),
    ],
)
def test_line_that_does_not_fit_is_refused(inside: Cast, line: dict[str, Any], field: str, sentence: str) -> None:
    run = finished_run(inside, lines=[LINES[2]])
    with pytest.raises(Invalid, match=sentence) as refused:
        asked(inside, run, line)
    assert set(refused.value.fields) == {field} and not Challenge.objects.exists()


def test_only_an_independent_validator_asks_whoever_writes(inside: Cast) -> None:
    run = finished_run(inside, lines=QUICK)
    for name in ("dario", "bianca", "rhea"):
        with pytest.raises(Refused):
            actions.ask_check(run=run, line=HARD, reason="x", by=getattr(inside, name))
    challenge = asked(inside, run)
    kinder = runs.measurement(challenge.asked, {"verdict": "passed", "value": 1.0, "sense": "at_least"})
    with pytest.raises(IntegrityError, match="with its thresholds"), transaction.atomic():
        OwnResult(challenge=challenge, **{**kinder, "fail": 0.1}).save(force_insert=True)


def test_pages_ask_show_and_make_it_a_finding(inside: Cast, sign_in: Any) -> None:
    run = finished_run(inside, lines=QUICK)
    vera = sign_in(inside.vera)
    here = ["meridian", run.version.model.key, run.version.number, run.number]
    page = reverse("validation:ask-check", args=here)

    offered = vera.get(page).content.decode()
    assert '?key=fair.impact_ratio"' in offered and "outside.report" not in offered
    assert vera.post(page).status_code == 422
    form = vera.get(f"{page}?key=fair.impact_ratio").content.decode()
    assert 'value="sex"' in form
    assert vera.post(f"{page}?key=perf.auc", {"fail": "0.99", "warn": "0.999"}).status_code == 422
    emptied = vera.post(f"{page}?key=fair.impact_ratio", {"fail": "0.7", "reason": "x", "given_attributes": ""})
    assert emptied.status_code == 422 and "Fails at" in form and "Min rows" in form
    sent = vera.post(f"{page}?key=perf.auc", {"fail": "0.99", "warn": "0.999", "reason": "The plan is kind."})
    assert sent.status_code == 303 and "#own-" in sent.url
    waiting = vera.get(run.get_absolute_url()).content.decode()
    assert "Not yet" in waiting and reverse(
        "validation:cancel-own-check", args=["meridian", Challenge.objects.get().pk]
    )
    deliver(inside.meridian)

    for shown in (run.get_absolute_url(), reverse("validation:report", args=here)):
        text = vera.get(shown).content.decode()
        assert "Outside the plan" in text and "The plan is kind." in text and report.OUTSIDE_THE_PLAN[:20] in text
    conclude = vera.get(reverse("validation:conclude", args=here)).content.decode()
    assert "Your own checks that did not pass" in conclude
    raised = reverse("validation:raise-finding", args=here[:3])
    form = vera.get(f"{raised}?run={run.number}&own=perf.auc").content.decode()
    assert "failed" in form and "Found by a check outside the plan, asked for this reason: The plan is kind." in form


def test_api_asks_and_shows_it(inside: Cast, sign_in: Any) -> None:
    run = finished_run(inside, lines=QUICK)
    vera, address = sign_in(inside.vera), "/o/meridian/api/v1/challenges/"
    given = {"run": str(run.pk), "kind": "check", "text": "Why not.", "line": HARD}

    refused = vera.post(address, given | {"line": {"key": "luck"}}, content_type="application/json")
    assert refused.status_code == 422 and "line" in refused.json()["errors"]
    made = vera.post(address, given, content_type="application/json").json()
    assert made["answer"] is None and made["line"]["fail"] == 0.99
    deliver(inside.meridian)
    answer = vera.get(f"{address}{made['id']}/").json()["answer"]
    assert (answer["verdict"], answer["fail"]) == ("failed", 0.99)
    assert vera.post(f"{address}{made['id']}/cancel/").status_code == 409
