"""The pages: a validator's whole day, what others may see, and no page whose queries grow with its rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.validation import actions
from apps.validation.models import Finding, Plan, ValidationRun, Waiver
from apps.validation.models.runs import Outcome
from tests.cast import Cast
from tests.support import deliver
from tests.validation import factories
from tests.validation.factories import STRICT, finding_at, finished_run, in_days


def url(name: str, *arguments: Any) -> str:
    return reverse(f"validation:{name}", args=["meridian", *arguments])


def of(row: Any) -> tuple[Any, ...]:
    return (row.version.model.key, row.version.number, row.number)


def test_validator_plans_locks_runs_and_concludes_in_the_pages(inside: Cast, sign_in: Any) -> None:
    version = factories.candidate(inside)
    test = factories.data(inside, version.model.project, "test", seed=5)
    vera = sign_in(inside.vera)
    here = (version.model.key, version.number)

    form = vera.get(url("write-plan", *here)).content.decode()
    assert 'list="columns"' in form and '<option value="carrier"></option>' in form
    given = {"test_data": test.pk, "attributes": "sex", "favourable": "positive", "max_rows": 50_000}
    answer = vera.post(url("write-plan", *here), given)
    plan = Plan.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, plan.get_absolute_url())

    page = vera.get(plan.get_absolute_url()).content.decode()
    assert "Impact ratio, sex" in page and "Lock the plan" in page
    form = vera.get(url("change-plan", *of(plan)))
    assert form.status_code == 200
    keep = {"perf.auc", "fair.impact_ratio:sex", "sec.digest"}
    lines = {"lines-TOTAL_FORMS": plan.checks.count(), "lines-INITIAL_FORMS": plan.checks.count()}
    for place, line in enumerate(plan.checks.all()):
        lines |= {f"lines-{place}-name": line.name, f"lines-{place}-fail": line.fail if line.fail is not None else ""}
        if line.name in keep:
            lines |= {f"lines-{place}-keep": "on", f"lines-{place}-required": "on"}
    wrong = vera.post(url("change-plan", *of(plan)), lines | {"lines-1-fail": "much"})
    assert wrong.status_code == 422 and '<a href="#id_lines-1-fail">Fail: Enter a number.</a>' in wrong.content.decode()
    assert vera.post(url("change-plan", *of(plan)), lines).status_code == 303
    assert set(plan.checks.values_list("name", flat=True)) == keep
    assert plan.checks.get(key="fair.impact_ratio").parameters["attributes"] == ["sex"]

    assert "Its hash binds every result to it." in vera.get(url("lock-plan", *of(plan))).content.decode()
    assert vera.post(url("lock-plan", *of(plan))).status_code == 303
    answer = vera.post(url("start-run", *of(plan)))
    run = ValidationRun.objects.get()
    assert answer["Location"] == run.get_absolute_url()
    waiting = vera.get(run.get_absolute_url()).content.decode()
    assert "Not yet" in waiting and "Cancel" in waiting

    deliver(inside.meridian)
    page = vera.get(run.get_absolute_url()).content.decode()
    assert "How many positives are found for each false alarm?" in page
    assert "The favourable answer goes to" in page
    glance = page.partition('id="glance"')[2].partition("</section>")[0]
    assert 'href="#fairness"' in glance and "Is it fair and unbiased?" in glance
    given = {"outcome": Outcome.VALIDATED, "statement": "Accurate and fair enough."}
    given |= {"terms-TOTAL_FORMS": 0, "terms-INITIAL_FORMS": 0}
    assert vera.post(url("conclude", *of(run)), given).status_code == 303
    report = vera.get(url("report", *of(run))).content.decode()
    assert "Accurate and fair enough." in report and "Vera neither trained" in report
    version.refresh_from_db()
    assert version.state == "validated"


def test_owner_and_validator_settle_a_finding_in_the_pages(inside: Cast, sign_in: Any) -> None:
    finding = finding_at(inside, "open")
    dario, vera = sign_in(inside.dario), sign_in(inside.vera)

    assert "Plan the work" in dario.get(finding.get_absolute_url()).content.decode()
    assert dario.post(url("plan-work", *of(finding)), {"action_plan": "More data."}).status_code == 303
    assert dario.post(url("mark-ready", *of(finding)), {"remedy": "More data used."}).status_code == 303
    again = factories.again(inside, finding.run)
    assert vera.get(url("retest", *of(finding))).status_code == 200
    assert vera.post(url("retest", *of(finding)), {"run": again.pk}).status_code == 303
    assert vera.post(url("close-finding", *of(finding)), {"note": "Seen."}).status_code == 303
    page = vera.get(finding.get_absolute_url()).content.decode()
    assert "Seen." in page and "More data used." in page


def test_waiver_is_asked_for_and_revoked_in_the_pages(inside: Cast, sign_in: Any) -> None:
    from tests.projects.factories import sign_all

    finding = finding_at(inside, "open")
    bianca, vera = sign_in(inside.bianca), sign_in(inside.vera)
    given = {"reason": "Season.", "compensating_control": "A person looks.", "until": in_days(20)}

    assert bianca.post(url("request-waiver", *of(finding)), given | {"until": in_days(-1)}).status_code == 422
    assert bianca.post(url("request-waiver", *of(finding)), given).status_code == 303
    waiver = Waiver.objects.get()
    sign_all(inside, waiver.request)
    assert "A person looks." in bianca.get(finding.get_absolute_url()).content.decode()
    told = vera.get(url("report", *of(finding.run))).content.decode()
    assert "F1 ROC AUC failed" in told and "A person looks." in told and "Rhea (Risk approver, signed, " in told
    before = vera.get(url("conclude", *of(finding.run))).content.decode()
    assert f'<a href="{finding.result.get_absolute_url()}">ROC AUC</a>' in before and "perf.auc" not in before
    assert sign_in(inside.dario).get(url("revoke-waiver", waiver.pk)).status_code == 403
    assert vera.post(url("revoke-waiver", waiver.pk), {"reason": "Not kept."}).status_code == 303
    waiver.refresh_from_db()
    assert waiver.state == "revoked"


def test_validator_raises_and_assigns_a_finding_in_the_pages(inside: Cast, sign_in: Any) -> None:
    version = factories.candidate(inside)
    vera = sign_in(inside.vera)
    here = url("raise-finding", version.model.key, version.number)
    given = {"title": "Odd", "description": "See.", "severity": "low", "owner": inside.dario.pk}

    assert vera.get(here).status_code == 200
    assert vera.post(here, given | {"title": ""}).status_code == 422
    assert vera.post(here, given).status_code == 303
    finding = Finding.objects.get()
    given = {"owner": inside.dario.pk, "due_on": in_days(3), "severity": "high"}
    assert vera.post(url("assign", *of(finding)), given).status_code == 303
    finding.refresh_from_db()
    assert finding.severity == "high"


def test_administrator_writes_a_template_in_the_pages(inside: Cast, sign_in: Any) -> None:
    adam = sign_in(inside.adam)
    here = url("write-template", "high", "binary")
    built_in = actions.built_in_lines("high", "binary")

    assert f'href="{url("templates")}"' in adam.get(here).text.partition("Put in force")[2]  # Cancel leads somewhere.
    lines: dict[str, Any] = {
        "lines-TOTAL_FORMS": len(built_in),
        "lines-INITIAL_FORMS": len(built_in),
        "reason": "Stricter.",
    }
    lines |= {f"lines-{place}-name": line["name"] for place, line in enumerate(built_in)}
    lines |= {"lines-0-keep": "on", "lines-0-fail": "0.8", "lines-0-required": "on"}
    answer = adam.post(here, lines)
    assert answer.status_code == 303
    page = adam.get(answer["Location"]).content.decode()
    assert built_in[0]["name"] in page and "Stricter." in page
    assert adam.get(url("write-template", "huge", "binary")).status_code == 404
    assert sign_in(inside.vera).get(here).status_code == 403


LISTS = ["runs", "plans", "findings", "waivers", "checks", "templates"]


@pytest.mark.parametrize("name", LISTS)
def test_list_without_rows_explains_the_thing(inside: Cast, sign_in: Any, name: str) -> None:
    page = sign_in(inside.vera).get(url(name))

    assert page.status_code == 200
    assert "Validation" in page.content.decode() or "Checks" in page.content.decode()


def test_lists_show_what_there_is_and_export_it(inside: Cast, sign_in: Any) -> None:
    finding = finding_at(inside, "open")
    actions.request_waiver(finding=finding, reason="x", compensating_control="y", until=in_days(9), by=inside.bianca)
    vera = sign_in(inside.vera)

    for name, word in {
        "runs": f"Validation 1 of {finding.version}",
        "plans": f"Plan 1 for {finding.version}",
        "findings": "ROC AUC failed",
        "waivers": "ROC AUC failed",
    }.items():
        assert word in vera.get(url(name)).content.decode()
        assert vera.get(f"{url(name)}?format=csv").status_code == 200
    assert "ROC AUC failed" in vera.get(f"{url('findings')}?severity=high&overdue=false&mine=false").content.decode()
    assert "ROC AUC failed" not in vera.get(f"{url('findings')}?mine=true").content.decode()
    assert "ROC AUC failed" in vera.get(f"{url('findings')}?model=late-flights").content.decode()
    assert "ROC AUC failed" not in vera.get(f"{url('findings')}?model=other").content.decode()
    assert "Validation 1 of" in vera.get(f"{url('runs')}?model=late-flights").content.decode()


def test_list_takes_the_same_queries_for_one_row_and_for_ten(inside: Cast, sign_in: Any) -> None:
    finding = finding_at(inside, "open")
    vera = sign_in(inside.vera)

    def count(name: str) -> int:
        vera.get(url(name))
        with CaptureQueriesContext(connection) as captured:
            assert vera.get(url(name)).status_code == 200
        return len(captured)

    before = count("findings")
    for number in range(10):
        actions.raise_finding(
            version=finding.version, title=f"Odd {number}", description="x", severity="low", by=inside.vera
        )
    assert count("findings") == before


def test_run_page_takes_the_same_queries_however_many_checks(inside: Cast, sign_in: Any) -> None:
    vera = sign_in(inside.vera)
    counts = []
    version = factories.candidate(inside)
    for lines in (factories.LINES[2:4], factories.LINES):
        run = finished_run(inside, version, lines, reason="Again.")
        vera.get(run.get_absolute_url())
        with CaptureQueriesContext(connection) as captured:
            vera.get(run.get_absolute_url())
        counts.append(len(captured))

    assert counts[1] - counts[0] <= 2


@pytest.mark.parametrize(
    ("who", "status"),
    [("vera", 200), ("dario", 200), ("wim", 200), ("audrey", 200), ("odile", 200), ("mina", 404), ("mallory", 404)],
)
def test_pages_of_a_run_are_seen_by_who_sees_the_project(inside: Cast, sign_in: Any, who: str, status: int) -> None:
    run = finished_run(inside, lines=STRICT)
    finding = Finding.objects.get()
    client = sign_in(getattr(inside, who))

    for path in (
        run.get_absolute_url(),
        url("report", *of(run)),
        run.plan.get_absolute_url(),
        finding.get_absolute_url(),
    ):
        assert client.get(path).status_code == status


def test_refused_button_says_why(inside: Cast, sign_in: Any) -> None:
    run = finished_run(inside, lines=STRICT)

    page = sign_in(inside.dario).get(run.get_absolute_url()).content.decode()

    assert "You may not do this: plan and run validations, raise and close findings." in page
    assert (
        sign_in(inside.dario).post(url("conclude", *of(run)), {"outcome": "rejected", "statement": "x"}).status_code
        == 403
    )


def test_number_that_does_not_exist_is_not_found(inside: Cast, sign_in: Any) -> None:
    vera = sign_in(inside.vera)

    for name in ("run", "plan", "finding"):
        assert vera.get(url(name, "nothing", 1, 1)).status_code == 404


def test_what_people_write_is_escaped(inside: Cast, sign_in: Any) -> None:
    version = factories.candidate(inside)
    finding = actions.raise_finding(
        version=version, title="<script>alert(1)</script>", description="<b>x</b>", severity="low", by=inside.vera
    )

    page = sign_in(inside.vera).get(finding.get_absolute_url()).content.decode()

    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page
    assert "<b>x</b>" not in page


def test_auditor_finds_everything_in_the_admin(inside: Cast, sign_in: Any) -> None:
    finding_at(inside, "open")
    client = sign_in(inside.audrey)

    names = ("template", "plan", "plancheck", "validationrun", "checkresult", "finding", "waiver")
    statuses = {
        name: client.get(reverse(f"admin:validation_{name}_changelist"), follow=True).status_code for name in names
    }
    assert set(statuses.values()) == {200}


def rows_sent(page: Any) -> dict[str, Any]:
    """The form of the lines as a browser would send it back unchanged."""
    sent: dict[str, Any] = {}
    for form in page.context["view"].formset.forms:
        for field in form:
            value = field.value()
            if value is not None and value is not False:
                sent[field.html_name] = field.field.prepare_value(value)
    return {**sent, "lines-TOTAL_FORMS": len(page.context["view"].formset.forms), "lines-INITIAL_FORMS": 0}


def place_of(page: Any, name: str) -> str:
    forms = page.context["view"].formset.forms
    return next(f"lines-{place}" for place, form in enumerate(forms) if form.line["name"] == name)


def test_list_of_checks_says_which_only_informs(inside: Cast, sign_in: Any) -> None:
    page = sign_in(inside.vera).get(url("checks")).content.decode()

    assert page.count("Only informs: the verdict of a run does not look at it") == 1


def test_check_with_its_settings_is_added_to_a_draft(inside: Cast, sign_in: Any) -> None:
    plan = factories.plan_of(inside)
    vera = sign_in(inside.vera)
    page = vera.get(url("change-plan", *of(plan)))
    before = {line.name: line.as_line() for line in plan.checks.all()}
    added, noise = place_of(page, "robust.direction"), place_of(page, "robust.noise")
    sent = rows_sent(page)
    sent |= {f"{added}-keep": "on", f"{added}-given_rules": "delay up", f"{noise}-keep": "on"}

    wrong = vera.post(url("change-plan", *of(plan)), {**sent, f"{noise}-given_strength": "7"})
    assert wrong.status_code == 422 and "less than or equal to 2" in wrong.content.decode()
    answer = vera.post(url("change-plan", *of(plan)), {**sent, f"{noise}-given_strength": "0.3"})

    assert answer.status_code == 303
    after = {line.name: line.as_line() for line in plan.checks.all()}
    assert {name: after[name] for name in before} == before
    assert after["robust.direction"]["parameters"] == {"rules": ["delay up"], "tolerance": 1e-6}
    assert after["robust.noise"]["parameters"]["strength"] == 0.3
    assert set(after) == {*before, "robust.direction", "robust.noise"}


def test_lines_of_another_plan_are_refused(inside: Cast, sign_in: Any) -> None:
    plan = factories.plan_of(inside)
    vera = sign_in(inside.vera)
    sent = rows_sent(vera.get(url("change-plan", *of(plan))))

    refused = vera.post(url("change-plan", *of(plan)), {**sent, "lines-0-name": "perf.f1"})

    assert refused.status_code == 422
    assert "The checks have changed meanwhile" in refused.content.decode()
