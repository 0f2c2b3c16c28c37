"""What was measured on the same inputs is taken over, says so, and is judged again; anything else is measured."""

from __future__ import annotations

from typing import Any

import pytest

from apps.audit.models import Record
from apps.core import files
from apps.core.tenancy import tenant
from apps.validation import actions, reuse
from apps.validation.engine import identity
from apps.validation.engine.checks.latency import Batch, Cold, SingleRow
from apps.validation.models import Finding, ValidationRun
from tests.cast import Cast
from tests.support import deliver
from tests.validation import factories
from tests.validation.factories import LINES, STRICT, finished_run, fresh

SEED = 7
FEW = [LINES[0], LINES[2]]


def run_again(cast: Cast, run: ValidationRun, **more: Any) -> ValidationRun:
    """The same plan once more."""
    again = actions.start_run(plan=run.plan, by=cast.vera, **more)
    deliver(cast.meridian)
    return fresh(again)


def origins(run: ValidationRun) -> dict[str, str]:
    """Where each result comes from."""
    return dict(run.results.values_list("name", "origin"))


def test_second_run_of_a_plan_takes_over_what_was_judged_and_measures_the_rest(inside: Cast) -> None:
    lines = [*LINES, {"key": "lat.single", "fail": 60_000, "parameters": {"calls": 20}}]
    first = finished_run(inside, lines=lines)
    second = run_again(inside, first)

    assert set(origins(first).values()) == {"measured"}
    # Times are measured each time, and so is what could not run.
    assert origins(second) == {
        "perf.auc": "reused",
        "fair.impact_ratio:sex": "reused",
        "sec.format": "reused",
        "sec.digest": "reused",
        "perf.vs_champion": "measured",
        "lat.single": "measured",
    }
    was, now = (run.results.get(name="perf.auc") for run in (first, second))
    assert now.reused_from == was
    assert (now.value, now.low, now.high, now.evidence, now.layer) == (
        was.value, was.low, was.high, was.evidence, was.layer,
    )  # fmt: skip
    assert (second.state, second.verdict) == (first.state, first.verdict)
    assert Record.objects.filter(action="check.recorded", body__contains=str(was.pk), subject_id=now.pk).exists()


def test_a_third_run_names_the_run_that_measured(inside: Cast) -> None:
    first = finished_run(inside, lines=FEW)
    run_again(inside, first)
    third = run_again(inside, first)

    assert {result.reused_from.run_id for result in third.results.all()} == {first.pk}


def test_other_thresholds_judge_the_same_measurement_again(inside: Cast) -> None:
    first = finished_run(inside, lines=LINES, seed=SEED)
    plan = factories.locked_plan(inside, first.version, STRICT, reason="Stricter.", seed=SEED)
    second = actions.start_run(plan=plan, by=inside.vera)
    deliver(inside.meridian)

    result = fresh(second).results.get(name="perf.auc")
    assert (result.origin, result.verdict, result.fail) == ("reused", "failed", 0.99)
    assert Finding.objects.get(result=result).title == "ROC AUC failed"


def test_a_new_plan_keeps_the_seed_of_the_one_it_replaces(inside: Cast) -> None:
    first = finished_run(inside, lines=FEW)
    second = factories.again(inside, first, FEW)

    assert second.plan.seed == first.plan.seed
    assert set(origins(second).values()) == {"reused"}


def test_measured_anew_takes_nothing_over_and_is_taken_over_afterwards(inside: Cast) -> None:
    first = finished_run(inside, lines=FEW)
    second = run_again(inside, first, anew=True)
    third = run_again(inside, first)

    assert second.anew and set(origins(second).values()) == {"measured"}
    assert {result.reused_from.run_id for result in third.results.all()} == {second.pk}


def test_bytes_that_changed_in_storage_are_measured(inside: Cast) -> None:
    from tests.validation.engine.graphs import logistic

    first = finished_run(inside, lines=[*FEW, LINES[3]])
    with files.local(first.version.artifact.path) as path:
        path.write_bytes(logistic(slope=1.99))
    second = run_again(inside, first)

    assert set(origins(second).values()) == {"measured"}
    assert second.results.get(name="sec.digest").verdict == "failed"


GIVEN: dict[str, Any] = {
    "model": {"format": "onnx", "sha256": "m", "signature": {"task": "binary"}},
    "items": [{"name": "perf.auc", "key": "perf.auc", "parameters": {}, "fail": 0.6}],
    "done": [],
    "seed": 1,
    "max_rows": 1000,
    "roles": {"time": "", "attributes": []},
    "facts": {"conversion": None, "documents": [{"section": "Use", "filled": True}]},
}
DIGESTS = {"model": "m", "test": "t", "train": "r"}


def key_of(name: str = "perf.auc", digests: dict[str, str] = DIGESTS, **more: Any) -> str:
    """The key of the only line."""
    items = [{**GIVEN["items"][0], "name": name, "key": name, **more.pop("line", {})}]
    return reuse.keys_of({**GIVEN, "items": items, **more}, digests)[name]


@pytest.mark.parametrize(
    "changed",
    [
        {"digests": {**DIGESTS, "test": "u"}},
        {"digests": {**DIGESTS, "train": "u"}},
        {"digests": {**DIGESTS, "champion": "c"}},
        {"seed": 2},
        {"max_rows": 2000},
        {"roles": {"time": "", "attributes": ["sex"]}},
        {"identifiers": ["booking"]},
        {"model": {**GIVEN["model"], "signature": {"task": "regression"}}},
        {"champion": {"format": "onnx", "sha256": "c", "signature": {}, "name": "1"}},
        {"facts": {"conversion": {"largest": 0.1}}},
        {"line": {"parameters": {"resamples": 9}}},
        {"name": "perf.accuracy"},
    ],
)
def test_every_input_is_part_of_the_key(changed: dict[str, Any]) -> None:
    assert key_of(**changed) != key_of()


@pytest.mark.parametrize(
    "changed", [{"line": {"fail": 0.9, "warn": 0.95}}, {"facts": {**GIVEN["facts"], "documents": []}}]
)
def test_thresholds_and_records_that_it_does_not_ask_for_are_none(changed: dict[str, Any]) -> None:
    assert key_of(**changed) == key_of()


def test_records_are_part_of_the_key_where_the_check_asks_for_them() -> None:
    assert key_of("doc.completeness", facts={**GIVEN["facts"], "documents": []}) != key_of("doc.completeness")


def test_code_and_libraries_are_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of()
    with monkeypatch.context() as patch:
        patch.setattr(identity, "code_of", lambda check: "other code")
        assert key_of() != before
    with monkeypatch.context() as patch:
        patch.setattr(identity, "libraries", lambda: "other libraries")
        assert key_of() != before


def test_code_of_another_package_is_its_own(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_reuse.py").write_text("KEY = 'acme'\n")
    monkeypatch.syspath_prepend(tmp_path)
    theirs = type("Theirs", (SingleRow,), {"__module__": "acme_reuse"})

    before = identity.code_of(theirs)
    identity._code.cache_clear()
    (tmp_path / "acme_reuse.py").write_text("KEY = 'other'\n")

    assert before not in {identity.code_of(SingleRow), identity.code_of(theirs)}


def test_times_have_no_key() -> None:
    assert not any(check.reusable for check in (SingleRow, Batch, Cold))
    assert reuse.keys_of({**GIVEN, "items": [{**GIVEN["items"][0], "key": "lat.single"}]}, DIGESTS) == {}


def test_nothing_crosses_from_one_organization_to_another(cast: Cast) -> None:
    with tenant(cast.meridian.pk):
        run = finished_run(cast, lines=FEW)
        keys = {result.name: result.inputs_hash for result in run.results.all()}
        actions.start_run(plan=run.plan, by=cast.vera)
        assert set(reuse.found(ValidationRun.objects.order_by("-number").first(), keys)) == set(keys)
    with tenant(cast.harbor.pk):
        assert reuse.found(run, keys) == {}


def test_another_model_takes_nothing_over(inside: Cast) -> None:
    run = finished_run(inside, lines=FEW)
    keys = {result.name: result.inputs_hash for result in run.results.all()}
    other = factories.candidate(inside, factories.model_of(inside, run.version.model.project, "two"))

    assert reuse.found(ValidationRun(version=run.version), keys)
    assert reuse.found(ValidationRun(version=other), keys) == {}


def test_the_page_and_the_api_say_which_run_measured(inside: Cast, sign_in: Any) -> None:
    first = finished_run(inside, lines=FEW)
    second = run_again(inside, first)
    client = sign_in(inside.vera)

    page = client.get(second.get_absolute_url()).content.decode()
    assert page.count("Measured in an earlier run") == 2
    assert "Validation 1 of" in page and "judged here by the thresholds of this plan" in page
    rows = client.get(f"/o/meridian/api/v1/check-results/?run={second.pk}").json()["results"]
    assert {(row["origin"], row["reused_from"]["run"]) for row in rows} == {("reused", 1)}
    assert len(client.get("/o/meridian/api/v1/check-results/?origin=measured").json()["results"]) == 2


def test_page_and_api_ask_for_everything_anew(inside: Cast, sign_in: Any) -> None:
    first = finished_run(inside, lines=FEW)
    client = sign_in(inside.vera)
    address = first.plan.get_absolute_url() + "run/"

    client.post(address, {"anew": "yes"})
    newest = ValidationRun.objects.order_by("-number").first()
    assert newest.number == 2 and newest.anew
    actions.cancel_run(run=newest, by=inside.vera)
    answer = client.post(
        f"/o/meridian/api/v1/validation-plans/{first.plan_id}/run/", {"anew": True}, "application/json"
    )
    assert (answer.status_code, answer.json()["anew"]) == (201, True)
