"""Plans and templates as text through API and pages, dry runs of templates, documents beside a version."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.validation import actions, texts
from apps.validation.dry_run import dry_run
from apps.validation.models import EvidenceDocument, Plan, Template
from tests.cast import Cast
from tests.validation import factories
from tests.validation.factories import LINES
from tests.validation.test_pages import of, url

API = "/o/meridian/api/v1/"
YAML = "application/yaml"


def post(client: Any, path: str, text: str, content_type: str = YAML) -> Any:
    return client.post(f"{API}{path}", text, content_type=content_type)


def text_of(client: Any, path: str) -> str:
    answer = client.get(f"{API}{path}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/yaml; charset=utf-8")
    return str(answer.content.decode())


def test_plan_is_written_and_read_as_text(inside: Cast, sign_in: Any) -> None:
    version = factories.candidate(inside)
    project = version.model.project
    for key in ("test", "population"):
        factories.data(inside, project, key, seed=5)
    vera = sign_in(inside.vera)
    text = """
model: late-flights
version: 1
kind: binary
data: {test: {dataset: test, number: 1}, reference: {dataset: population, number: 1}}
columns: {time: scheduled}
attributes: [sex]
slices:
  young: age < 30
evidence: [card]
seed: 7
max_rows: 5000
checks:
  - key: perf.auc
    fail: 0.7
  - key: slice.declared
    warn: 0.1
  - key: perf.accuracy
"""

    made = post(vera, "validation-plans/from-text/", text)

    assert made.status_code == 201, made.content
    plan = Plan.objects.get()
    assert (plan.slices, plan.reference_data.dataset.key) == ([{"name": "young", "where": "age < 30"}], "population")
    again = text_of(vera, f"validation-plans/{plan.pk}/text/")
    value = yaml.safe_load(again)
    assert value["checks"][0] == {"key": "perf.auc", "fail": 0.7, "judged": "lower", "required": True}
    of_the_tier = {"fail": 0.5, "warn": 0.6, "judged": "value", "required": True}
    assert (plan.tier, value["checks"][2]) == ("limited", {"key": "perf.accuracy", **of_the_tier})
    second = post(vera, "validation-plans/from-text/", again + "reason: The same once more.\n")
    assert second.status_code == 201, second.content
    copy = Plan.objects.get(number=2)
    assert texts.of_plan(copy) == {**texts.of_plan(plan), "reason": "The same once more."}
    as_json = vera.get(f"{API}validation-plans/{plan.pk}/text/", headers={"accept": "application/json"}).json()
    assert as_json == value
    third = post(vera, "validation-plans/from-text/", json.dumps({**as_json, "reason": "JSON."}), "application/json")
    assert third.status_code == 201, third.content
    assert vera.get(f"{API}validation-plans/schema/").json()["title"] == "Validation plan"


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ("seed: x", "seed", "It is a whole number."),
        ("data: {stress: {dataset: none, number: 1}}", "data.stress", "There is no such dataset version, or"),
        ("columns: {time: departure}", "columns.time", "The test data have no column departure."),
        ("slices: {odd: age <}", "slices", "odd: Expected a number"),
        ("checks: [{key: perf.auc, fail: 0.5}, {key: perf.none, fail: 1}]", "checks.1", "No check"),
        ("checks: [{key: perf.auc, fail: null}]", "checks.0", "perf.auc needs a threshold"),
        ("kind: forecast", "kind", "A model that answers binary cannot be planned as forecast."),
    ],
)
def test_what_is_wrong_with_a_text_is_told_by_field_and_line(
    inside: Cast, sign_in: Any, change: str, field: str, sentence: str
) -> None:
    version = factories.candidate(inside)
    factories.data(inside, version.model.project, "test", seed=5)
    data = "data: {test: {dataset: test, number: 1}}\n"
    text = f"model: late-flights\nversion: 1\n{'' if change.startswith('data') else data}{change}\n"

    answer = post(sign_in(inside.vera), "validation-plans/from-text/", text)

    line = text.count("\n")
    assert answer.status_code == 422
    assert answer.json()["errors"][field][0].startswith(f"Line {line}, {field}: {sentence}")


@pytest.mark.parametrize("path", ["validation-plans/from-text/", "validation-templates/dry-run/"])
def test_no_text_at_all_is_told_what_it_lacks(inside: Cast, sign_in: Any, path: str) -> None:
    person = inside.vera if "plans" in path else inside.adam
    factories.candidate(inside)

    answer = post(sign_in(person), path, "")

    assert answer.status_code == 422 and "is missing" in str(answer.json()["errors"])


def test_text_of_a_version_that_one_may_not_see_is_refused(inside: Cast, sign_in: Any) -> None:
    factories.candidate(inside)
    text = "model: late-flights\nversion: 1\n"

    assert post(sign_in(inside.dario), "validation-plans/from-text/", text).status_code in {403, 422}
    assert post(sign_in(inside.vera), "validation-plans/from-text/", text.replace("1", "9")).json()["errors"] == {
        "model": ["Line 1, model: There is no such version, or you may not see it."]
    }
    assert post(sign_in(inside.vera), "validation-plans/from-text/", "x" * 800_001).status_code == 413


def template_text(**more: Any) -> str:
    lines = [
        {"key": "perf.auc", "fail": 0.99},
        {"key": "fair.impact_ratio", "warn": 0.2},
        {"key": "perf.f1", "fail": 0.1},
    ]
    return yaml.safe_dump({"tier": "limited", "kind": "binary", "checks": lines, **more}, sort_keys=False)


def test_template_is_written_tried_and_read_as_text(inside: Cast, sign_in: Any) -> None:
    adam, vera = sign_in(inside.adam), sign_in(inside.vera)
    run = factories.finished_run(inside)
    waiting = factories.candidate(inside, run.version.model)
    text = template_text(attributes=["sex"], evidence=["card"], reason="Stricter.")

    tried = post(adam, "validation-templates/dry-run/", text).json()

    assert tried["counts"] == {"failed": 1, "warned": 0, "passed": 0, "unknown": 1}
    assert [(one["version"]["number"], one["verdict"], one["failed"]) for one in tried["versions"]] == [
        (1, "failed", ["perf.auc"]), (waiting.number, "unknown", []),
    ]  # fmt: skip
    assert tried["versions"][0]["without"] == ["perf.f1"]
    assert Template.objects.count() == 0
    assert post(vera, "validation-templates/dry-run/", text).status_code == 403
    assert post(vera, "validation-templates/from-text/", text).status_code == 403
    made = post(adam, "validation-templates/from-text/", text)
    assert made.status_code == 201, made.content
    row = Template.objects.get()
    again = text_of(adam, f"validation-templates/{row.pk}/text/")
    assert yaml.safe_load(again)["attributes"] == ["sex"]
    post(adam, "validation-templates/from-text/", again)
    assert Template.objects.get(version=2).content_hash == row.content_hash
    assert post(adam, "validation-templates/from-text/", template_text()).json()["errors"] == {
        "reason": ["Line 1, reason: Say why the template changes."]
    }
    assert adam.get(f"{API}validation-templates/schema/").json()["required"] == ["tier", "kind", "checks"]


def test_dry_run_judges_stored_figures_anew(inside: Cast) -> None:
    run = factories.finished_run(inside)
    auc = run.results.get(key="perf.auc")

    def told(**line: Any) -> tuple[str, list[str], list[str]]:
        lines = actions.template_lines([{"key": "perf.auc", **line}], "binary", "high")
        found = dry_run(tier="limited", kind="binary", lines=lines, by=inside.adam).told[0]
        return found.verdict, [*found.failed, *found.warned], found.without

    assert auc.low is not None and auc.value is not None
    between = (auc.low + auc.value) / 2
    assert told(fail=between) == ("failed", ["perf.auc"], [])
    assert told(fail=between, judged="value") == ("passed", [], [])
    assert told(warn=between) == ("warned", ["perf.auc"], [])
    other = actions.template_lines([{"key": "perf.vs_simple", "fail": 0}], "binary", "high")
    assert dry_run(tier="limited", kind="binary", lines=other, by=inside.adam).told[0].without == ["perf.vs_simple"]
    ratio = {"key": "fair.impact_ratio", "fail": 0.99, "parameters": {"min_rows": 333}}
    elsewise = actions.template_lines([ratio, {"key": "perf.auc", "fail": 0.5}], "binary", "high")
    assert dry_run(tier="limited", kind="binary", lines=elsewise, by=inside.adam).told[0].failed == []
    for tier, kind in (("high", "binary"), ("limited", "regression")):
        assert dry_run(tier=tier, kind=kind, lines=other, by=inside.adam).told == []
    assert dry_run(tier="limited", kind="binary", lines=other, by=inside.mina).told == []


def test_dry_run_takes_the_same_queries_for_one_version_and_for_many(inside: Cast) -> None:
    run = factories.finished_run(inside, lines=LINES[2:4])
    lines = actions.built_in_lines("limited", "binary")

    def queries() -> int:
        with CaptureQueriesContext(connection, ) as asked:  # fmt: skip
            dry_run(tier="limited", kind="binary", lines=lines, by=inside.adam)
        return len(asked)

    queries()
    one = queries()
    for slope in (1.5, 2.5):
        factories.candidate(inside, run.version.model, slope=slope)

    assert queries() == one


def test_pages_show_text_differences_and_dry_run(inside: Cast, sign_in: Any) -> None:
    plan = factories.plan_of(inside, evidence=["document: Penetration test"], slices={"young": "age < 30"})
    vera, adam = sign_in(inside.vera), sign_in(inside.adam)

    page = vera.get(plan.get_absolute_url()).content.decode()
    assert "nobody has added it" in page and "age &lt; 30" in page
    text = vera.get(url("plan-text", *of(plan)))
    written = text.context["form"].initial["text"]
    sent = {"text": written.replace("0.6\n", "0.61\n"), "reason": "A little more."}
    answer = vera.post(url("plan-text", *of(plan)), sent)
    second = Plan.objects.get(number=2)
    assert (answer.status_code, answer["Location"]) == (303, second.get_absolute_url())
    assert "0.61" in vera.get(second.get_absolute_url()).content.decode()
    assert vera.post(url("plan-text", *of(second)), {"text": "model: x\nversion: 1", "reason": "x"}).status_code == 422

    template = url("template-text", "limited", "binary")
    tried = adam.post(template, {"text": template_text(), "try": "1"})
    assert tried.status_code == 200 and "Nothing is written yet" in tried.content.decode()
    assert Template.objects.count() == 0
    wrong = adam.post(template, {"text": template_text().replace("fail", "fial"), "try": "1"})
    assert wrong.status_code == 422 and "There is no field fial" in wrong.content.decode()
    assert adam.post(template, {"text": template_text(attributes=["sex"]), "reason": "New."}).status_code == 303
    shown = adam.get(Template.objects.get().get_absolute_url()).content.decode()
    assert "Otherwise than before" in shown and "Attributes" in shown
    assert vera.get(template).status_code == 403


def test_template_form_is_tried_before_it_is_saved(inside: Cast, sign_in: Any) -> None:
    adam = sign_in(inside.adam)
    where = url("write-template", "limited", "binary")
    form = adam.get(where)
    count = len(form.context["view"].formset.forms)
    names = [line["line"]["name"] for line in form.context["rows"]]
    lines: dict[str, Any] = {"lines-TOTAL_FORMS": count, "lines-INITIAL_FORMS": count}
    lines |= {f"lines-{place}-name": name for place, name in enumerate(names)}
    place = names.index("perf.auc")
    lines |= {f"lines-{place}-keep": "on", f"lines-{place}-fail": "0.9", f"lines-{place}-required": "on"}

    tried = adam.post(where, {**lines, "try": "1"})
    assert tried.status_code == 200 and "What it would say" in tried.content.decode()
    assert Template.objects.count() == 0
    saved = adam.post(where, {**lines, "reason": "Only this.", "attributes": "sex, race", "slices": "young: age < 30"})

    assert saved.status_code == 303
    assert Template.objects.get().setup == {
        "attributes": ["sex", "race"], "slices": [{"name": "young", "where": "age < 30"}],
    }  # fmt: skip
    assert adam.post(where, {**lines, "reason": "No.", "slices": "young age"}).status_code == 422


def test_documents_are_added_and_handed_out(inside: Cast, sign_in: Any) -> None:
    plan = factories.plan_of(inside, evidence=["document: Penetration test"])
    vera, here = sign_in(inside.vera), (plan.version.model.key, plan.version.number)

    form = vera.get(url("add-document", *here))
    assert form.context["form"].initial["title"] == "Penetration test"
    file = io.BytesIO(b"%PDF-1.7")
    file.name = "test.pdf"
    answer = vera.post(url("add-document", *here), {"title": "Penetration test", "file": file})
    document = EvidenceDocument.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, plan.get_absolute_url())
    assert b"".join(vera.get(document.get_absolute_url()).streaming_content) == b"%PDF-1.7"
    assert sign_in(inside.mina).get(document.get_absolute_url()).status_code == 404

    given = {"model": here[0], "version": here[1], "title": "Review", "url": "https://docs.example.org/1"}
    made = vera.post(f"{API}validation-documents/", given, content_type="application/json")
    assert (made.status_code, made.json()["link"]) == (201, given["url"])
    assert len(vera.get(f"{API}validation-documents/?model=late-flights").json()["results"]) == 2
    assert vera.get(url("document", made.json()["id"])).status_code == 404
