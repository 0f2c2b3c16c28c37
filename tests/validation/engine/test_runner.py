"""A plan is run check by check; what cannot run says why and is never a pass."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from apps.core import sandbox
from apps.core.sandbox import Job, Refused
from apps.validation.engine.base import (
    Bound,
    CannotRun,
    Check,
    Family,
    Interval,
    Kind,
    Limits,
    Measured,
    Need,
    NothingToAsk,
    Sense,
    TooSmall,
    Verdict,
)
from apps.validation.engine.loading import load_case
from apps.validation.engine.plans import Item, Subject, template
from apps.validation.engine.registry import Registry
from apps.validation.engine.runner import judge_again, overall, run_item, validate, walk
from tests.validation.engine.cases import case, world
from tests.validation.engine.graphs import SIGNATURE, logistic, parquet
from tests.validation.faults import worlds

FACTS = {
    "documents": [{"document": "card", "section": "Use", "required": True, "filled": True}],
    "lineage": [{"what": "the recipe", "known": True}],
    "conversion": {"rows": 100, "worst_difference": 0.0, "label_flips": 0},
    "evidence": worlds.FACTS["evidence"],
    "dependencies": worlds.FACTS["dependencies"],
    "training": {
        "recipe": {
            "task": "classification",
            "target": "late",
            "features": [
                {"name": one["name"], "kind": "category" if one["type"] == "string" else one["type"]}
                for one in SIGNATURE["inputs"]
            ],
            "candidates": [{"estimator": "logistic"}],
        },
        "estimator": "logistic",
        "parameters": {},
    },
}
# The model here is written by hand, so that no training can make it again.
NOT_BY_A_RECIPE = ("consist.formats",)
OF_THE_FILE = ("sec.format", "sec.graph", "sec.digest", "sec.scanner", "lat.cold", "lat.size", "lat.memory")


class Fixed(Check):
    """Says the value it is given."""

    key = "test.fixed"
    family = Family.PERFORMANCE
    title = question = metric = source = "fixed"
    limits = {"limited": Limits(0.5, 0.7)}
    found: Any = Measured(0.6, "fixed")
    sense = Sense.AT_LEAST

    def measure(self, case: Any, **settings: Any) -> Measured:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def result_of(found: Any, limits: Limits | None = None, **given: Any) -> Any:
    made = type("Made", (Fixed,), {"found": found, **given})
    known = Registry()
    known.add(made)
    judged = given.get("judged", Bound.VALUE)
    return run_item(case(rows=200), Item("test.fixed", "test.fixed", {}, limits or Limits(0.5, 0.7), judged), known)


@pytest.mark.parametrize(
    ("value", "sense", "limits", "verdict"),
    [
        (0.7, Sense.AT_LEAST, Limits(0.5, 0.7), Verdict.PASSED),
        (0.69, Sense.AT_LEAST, Limits(0.5, 0.7), Verdict.WARNED),
        (0.5, Sense.AT_LEAST, Limits(0.5, 0.7), Verdict.WARNED),
        (0.49, Sense.AT_LEAST, Limits(0.5, 0.7), Verdict.FAILED),
        (0.1, Sense.AT_MOST, Limits(0.2, 0.1), Verdict.PASSED),
        (0.15, Sense.AT_MOST, Limits(0.2, 0.1), Verdict.WARNED),
        (0.21, Sense.AT_MOST, Limits(0.2, 0.1), Verdict.FAILED),
        (0.49, Sense.AT_LEAST, Limits(None, 0.5), Verdict.WARNED),
        (-9.0, Sense.AT_LEAST, Limits(-10.0, None), Verdict.PASSED),
    ],
)
def test_verdict_follows_the_threshold(value: float, sense: Sense, limits: Limits, verdict: Verdict) -> None:
    assert result_of(Measured(value, ""), limits, sense=sense).verdict is verdict


def test_end_of_the_interval_is_judged_where_the_plan_says_so() -> None:
    found = Measured(0.8, "", Interval(0.4, 0.9))

    assert result_of(found).verdict is Verdict.PASSED
    assert result_of(found, judged=Bound.LOWER).verdict is Verdict.FAILED
    assert result_of(Measured(0.8, ""), judged=Bound.LOWER).verdict is Verdict.TOO_SMALL


def test_kept_measurement_is_judged_by_other_thresholds_and_stays_as_grave_as_it_was() -> None:
    kept = {"value": 0.8, "low": 0.4, "high": 0.9, "sense": "at_least", "at_best": "warned", "sentence": "So.",
            "notes": ["Too small to judge: A."]}  # fmt: skip

    assert judge_again(kept, Limits(0.5, None), Bound.LOWER) == (Verdict.FAILED, "So.")
    assert judge_again(kept, Limits(0.5, None), Bound.VALUE) == (Verdict.WARNED, "So. Too small to judge: A.")
    assert judge_again({**kept, "at_best": None}, Limits(0.5, None), Bound.VALUE)[0] is Verdict.PASSED
    for silent in ({"value": None}, {"low": None, "high": None}):
        with pytest.raises(CannotRun):
            judge_again({**kept, **silent}, Limits(0.5, None), Bound.LOWER)


def test_value_that_is_no_number_is_not_a_pass() -> None:
    assert result_of(Measured(float("nan"), "")).verdict is Verdict.NOT_RUN
    assert result_of(Measured(float("inf"), "")).reason == "The measurement gave no finite number on these rows."


def test_measurement_that_says_too_little_is_at_best_a_warning() -> None:
    partly = result_of(Measured(0.9, "Alike.", at_best=Verdict.WARNED, notes=["Too small to judge: B."]))

    assert (partly.verdict, partly.sentence) == (Verdict.WARNED, "Alike. Too small to judge: B.")
    failed = result_of(Measured(0.1, "Apart.", at_best=Verdict.WARNED, notes=["Too small to judge: B."]))
    assert (failed.verdict, failed.sentence) == (Verdict.FAILED, "Apart.")


@pytest.mark.parametrize(
    ("reason", "verdict"),
    [
        (CannotRun("No."), Verdict.NOT_RUN),
        (TooSmall("Few."), Verdict.TOO_SMALL),
        (NothingToAsk("None."), Verdict.NOTHING),
    ],
)
def test_check_without_a_figure_says_which_kind_of_silence_it_is(reason: CannotRun, verdict: Verdict) -> None:
    silent = result_of(reason)

    assert (silent.verdict, silent.value, silent.reason) == (verdict, None, str(reason))


def test_error_in_a_check_costs_its_own_result_only() -> None:
    broken = result_of(ZeroDivisionError("by nought"))

    assert broken.verdict is Verdict.NOT_RUN
    assert broken.reason == "The check stopped with an error. ZeroDivisionError: by nought"


def test_need_that_is_not_there_is_the_reason() -> None:
    needy = result_of(Measured(1.0, ""), needs=frozenset({Need.CHAMPION, Need.ARTIFACT}))

    assert needy.verdict is Verdict.NOT_RUN
    assert needy.reason == "The artifact's bytes were not given. There is no champion to compare with."


def test_check_for_another_kind_does_not_run() -> None:
    assert result_of(Measured(1.0, ""), kinds=frozenset({Kind.REGRESSION})).verdict is Verdict.NOT_RUN


def test_check_that_nobody_brings_any_more_does_not_run() -> None:
    gone = run_item(case(rows=200), Item("x", "acme.gone", {}, Limits(1.0)), Registry())

    where = "The package that brought it is not installed where checks run."
    assert (gone.verdict, gone.reason) == (Verdict.NOT_RUN, f"No check has the key acme.gone. {where}")


def test_capped_rows_are_said() -> None:
    capped = result_of(Measured(0.9, ""), max_rows=50)

    assert (capped.rows_used, capped.rows_total) == (50, 200)
    assert capped.evidence["notes"] == ["Measured on 50 of 200 rows, drawn with seed 7."]


def test_every_built_in_result_is_plain_json() -> None:
    items = template(Subject("high", Kind.BINARY, ["sex"], there=frozenset(Need)))
    named = {"reference": world(3_000, seed=8), "stress": world(2_000, seed=9), "slices": {"women": 'sex = "female"'}}
    tried = case(champion=case().model, facts=FACTS, rows=6_000, **named)

    results = list(walk(tried, [item for item in items if item.key not in (*OF_THE_FILE, *NOT_BY_A_RECIPE)]))

    assert {result.verdict for result in results} <= {Verdict.PASSED, Verdict.WARNED, Verdict.NOTHING}
    for result in results:
        assert json.loads(json.dumps(result.as_json(), allow_nan=False))["name"] == result.name
        assert result.seconds > 0


def test_same_case_gives_the_same_values() -> None:
    items = [
        item
        for item in template(Subject("high", Kind.BINARY, ["sex"]))
        if item.key.startswith(("perf", "fair", "slice"))
    ]

    one, other = ([result.as_json() for result in walk(case(rows=2_000), items)] for _ in range(2))

    for first, second in zip(one, other, strict=True):
        assert {**first, "seconds": 0} == {**second, "seconds": 0}


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ([("passed", True), ("passed", False)], "passed"),
        ([("passed", True), ("warned", True)], "warned"),
        ([("passed", True), ("not_run", False)], "passed"),
        ([("not_run", False)], "not_run"),
        ([("warned", True), ("not_run", True)], "not_run"),
        ([("not_run", True), ("failed", False)], "failed"),
        ([("passed", True), ("nothing_to_ask", True)], "passed"),
        ([("passed", True), ("too_small", True)], "too_small"),
        ([("passed", True), ("too_small", False)], "passed"),
        ([("nothing_to_ask", True)], "not_run"),
        ([], "not_run"),
    ],
)
def test_verdict_of_a_run(verdicts: list[tuple[str, bool]], whole: str) -> None:
    assert overall([(Verdict(verdict), required) for verdict, required in verdicts]) == whole


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    model, champion = tmp_path / "model.onnx", tmp_path / "champion.onnx"
    model.write_bytes(logistic())
    champion.write_bytes(logistic(slope=0.1))
    return {
        "model": model,
        "champion": champion,
        "test": parquet(tmp_path / "test.parquet", unknown=100),
        "train": parquet(tmp_path / "train.parquet", seed=2),
    }


def registered(content: bytes, **given: Any) -> dict[str, Any]:
    return {"format": "onnx", "sha256": hashlib.sha256(content).hexdigest(), "signature": SIGNATURE, **given}


def payload(**given: Any) -> dict[str, Any]:
    items = template(Subject("limited", Kind.BINARY, ["sex", "age"], there=frozenset(Need)))
    return {
        "model": registered(logistic()),
        "champion": registered(logistic(slope=0.1), name="1"),
        "items": [item.as_json() for item in items if item.key.startswith(("perf", "fair", "consist", "sec"))],
        "done": [],
        "seed": 11,
        "max_rows": 100_000,
        "roles": {"time": "scheduled", "attributes": ["sex", "age"]},
        "facts": FACTS,
        **given,
    }


def test_real_onnx_file_is_validated_and_every_result_is_told(files: dict[str, Path]) -> None:
    told: list[dict[str, Any]] = []
    seen: list[tuple[int, int, str]] = []
    job = Job.local(payload=payload(), inputs=files, tell=keep(told), progress=lambda *step: seen.append(step))

    value = validate(job)

    assert value["rows"]["test"] == {"rows": 2000, "used": 1900, "without_truth": 100}
    assert [result["name"] for result in told] == [item["name"] for item in job.payload["items"]]
    verdicts = {result["name"]: result["verdict"] for result in told}
    assert verdicts["perf.auc"] == "passed" and verdicts["perf.vs_champion"] == "passed"
    assert verdicts["sec.scanner"] == "nothing_to_ask"
    assert [name for name, verdict in verdicts.items() if verdict == "not_run"] == [*NOT_BY_A_RECIPE]
    assert seen[-1] == (len(told), len(told), "All checks are done")
    assert value["libraries"]["onnxruntime"]


def test_run_goes_on_where_it_was_stopped(files: dict[str, Path]) -> None:
    told: list[dict[str, Any]] = []
    given = payload()
    given["done"] = [item["name"] for item in given["items"][1:]]

    validate(Job.local(payload=given, inputs=files, tell=keep(told)))

    assert [result["name"] for result in told] == [given["items"][0]["name"]]


def test_rows_over_the_cap_are_drawn_by_the_seed(files: dict[str, Path]) -> None:
    told: list[list[dict[str, Any]]] = []
    for _ in range(2):
        parts: list[dict[str, Any]] = []
        value = validate(Job.local(payload=payload(max_rows=500), inputs=files, tell=keep(parts)))
        told.append([{**part, "seconds": 0} for part in parts])

    assert value["rows"]["test"]["rows"] == 2000 and value["rows"]["test"]["used"] < 500
    assert told[0] == told[1]


def test_champion_of_another_question_is_not_compared(files: dict[str, Path]) -> None:
    told: list[dict[str, Any]] = []
    other = registered(logistic(slope=0.1), signature={**SIGNATURE, "classes": ["early", "late"]})

    validate(Job.local(payload=payload(champion=other), inputs=files, tell=keep(told)))

    result = next(part for part in told if part["key"] == "perf.vs_champion")
    assert (result["verdict"], result["reason"]) == (
        "not_run",
        "The champion answers another question: its classes differ.",
    )


def test_duplicates_are_exact_copies_over_all_columns_of_the_file(files: dict[str, Path], tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(files["test"])
    alike = table.set_column(0, "delay", pa.array([1.0] * table.num_rows, pa.float32()))
    copies = pa.concat_tables([alike, alike.slice(0, 200)])
    pq.write_table(copies, tmp_path / "copies.parquet")
    items = [item.as_json() for item in template(Subject("limited", Kind.BINARY)) if item.key == "data.duplicates"]

    found = verdicts_of({**files, "test": tmp_path / "copies.parquet"}, items=items)

    assert found["data.duplicates"]["sentence"] == "100 of 2,000 test rows are the exact copy of an earlier one."
    assert found["data.duplicates"]["evidence"]["rows"][0] == {"row": 2100}


@pytest.mark.parametrize("most", [100_000, 700])
def test_offending_rows_have_the_names_that_their_data_give_them(
    files: dict[str, Path], tmp_path: Path, most: int
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(files["test"])
    bookings = [None if place % 3 == 1 else f"B{place * 7}" for place in range(table.num_rows)]
    table = table.append_column("booking", pa.array(bookings)).append_column("leg", pa.array(range(table.num_rows)))
    pq.write_table(table, tmp_path / "named.parquet")
    items = [Item("noise", "robust.adversarial").as_json()]
    given = {**files, "test": tmp_path / "named.parquet"}

    plain, one, two = (
        verdicts_of(given, items=items, max_rows=most, **told)["noise"]["evidence"]
        for told in ({}, {"identifiers": ["booking"]}, {"identifiers": ["booking", "leg"]})
    )

    assert plain["named_by"] == [] and {*plain["rows"][0]} == {"row"}
    assert one["named_by"] == ["booking"] and two["named_by"] == ["booking", "leg"]
    places = [line["row"] for line in plain["rows"]]
    assert len(places) > 9 and {place % 3 == 1 for place in places} == {True, False}
    assert one["rows"] == [{"row": place, "id": bookings[place]} for place in places]
    words = [f"{bookings[place]}, {place}" if bookings[place] else str(place) for place in places]
    assert two["rows"] == [{"row": place, "id": word} for place, word in zip(places, words, strict=True)]


def test_names_of_rows_are_no_input_of_model_or_check(files: dict[str, Path]) -> None:
    job = Job.local(payload=payload(identifiers=["scheduled"], roles={}, items=[]), inputs=files)

    found, _ = load_case(job)

    assert found.test.named_by == ["scheduled"] and found.train is not None and found.train.named_by == []
    assert "scheduled" not in found.test.columns and "scheduled" not in found.test.inputs


def test_data_without_a_feature_are_refused_with_its_name(files: dict[str, Path], tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    poor = tmp_path / "poor.parquet"
    pq.write_table(pq.read_table(files["test"]).drop_columns(["distance"]), poor)

    with pytest.raises(Refused, match=r"distance is missing"):
        validate(Job.local(payload=payload(), inputs={**files, "test": poor}))


def test_data_without_any_truth_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    blank = parquet(tmp_path / "blank.parquet", 50, unknown=50)

    with pytest.raises(Refused, match="no row with a known truth"):
        validate(Job.local(payload=payload(), inputs={**files, "test": blank}))


def keep(told: list[dict[str, Any]]) -> Any:
    """A listener that keeps the results and leaves the announcements."""
    return lambda part: told.append(part) if "name" in part else None


def verdicts_of(files: dict[str, Path], **given: Any) -> dict[str, dict[str, Any]]:
    told: list[dict[str, Any]] = []
    validate(Job.local(payload=payload(**given), inputs=files, tell=keep(told)))
    return {result["name"]: result for result in told}


def test_pickle_in_disguise_is_never_opened(files: dict[str, Path], tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    content = b"cposix\nsystem\n(S'touch " + str(marker).encode() + b"'\ntR."
    files["model"].write_bytes(content)

    found = verdicts_of(files, model=registered(content))

    assert not marker.exists()
    assert found["sec.format"]["verdict"] == "failed"
    assert found["sec.format"]["sentence"].startswith("This file is a Python pickle, although its name ends in .onnx.")
    assert found["sec.graph"]["verdict"] == "failed"
    assert found["sec.digest"]["verdict"] == "passed"
    assert found["sec.scanner"]["verdict"] == "warned"
    assert found["sec.scanner"]["evidence"]["notes"] == [
        "This only informs: the verdict of the run does not look at it."
    ]
    assert found["sec.scanner"]["sentence"].endswith("found 1 in 1 pickled parts and arrays of the file: posix.system.")
    assert found["perf.auc"]["verdict"] == "not_run"
    assert found["perf.auc"]["reason"].startswith("The artifact was not opened.")


def test_tampered_artifact_is_found_by_its_digest(files: dict[str, Path]) -> None:
    found = verdicts_of(files, model=registered(logistic(slope=1.9)))

    assert found["sec.digest"]["verdict"] == "failed"
    assert found["sec.format"]["verdict"] == "passed"


def test_graph_with_a_loop_or_outside_data_is_never_opened(files: dict[str, Path]) -> None:
    import onnx

    model = onnx.load_model_from_string(logistic())
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    content = model.SerializeToString()
    files["model"].write_bytes(content)

    found = verdicts_of(files, model=registered(content))

    assert found["sec.graph"]["verdict"] == "failed"
    assert "point to files outside the model" in found["sec.graph"]["sentence"]
    assert found["perf.accuracy"]["verdict"] == "not_run"


def test_signature_that_the_graph_does_not_have_fails(files: dict[str, Path]) -> None:
    inputs = [*SIGNATURE["inputs"], {"name": "age", "type": "number", "nullable": True}]
    found = verdicts_of(files, model=registered(logistic(), signature={**SIGNATURE, "inputs": inputs}))

    assert found["sec.graph"]["verdict"] == "failed"
    assert found["sec.graph"]["evidence"]["tables"][0]["rows"] == [
        {"reason": "The signature names inputs that the model does not take: age."}
    ]


def test_damaged_file_costs_the_checks_and_not_the_run(files: dict[str, Path]) -> None:
    content = logistic()[:200]
    files["model"].write_bytes(content)

    found = verdicts_of(files, model=registered(content))

    assert found["sec.graph"]["verdict"] == "failed"
    assert {found[name]["verdict"] for name in ("perf.auc", "fair.impact_ratio:sex")} == {"not_run"}


def test_whole_run_behind_the_walls(files: dict[str, Path]) -> None:
    told: list[dict[str, Any]] = []

    result = sandbox.run(
        "apps.validation.engine.runner:validate", payload=payload(), inputs=files, told=keep(told), profile="learning"
    )

    assert "limits" in result.layer
    assert len(told) == len(payload()["items"])
    judged = {part["verdict"] for part in told if part["key"] not in NOT_BY_A_RECIPE}
    assert judged <= {"passed", "warned", "failed", "nothing_to_ask"}
