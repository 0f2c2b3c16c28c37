"""The original of a converted model, learned again from the record that training really leaves, against its file."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.validation.engine.base import Kind, Verdict
from apps.validation.engine.checks.formats import apart, other_labels
from apps.validation.engine.metrics import Prediction
from apps.validation.engine.plans import default_item
from apps.validation.engine.registry import registry
from apps.validation.engine.runner import run_item
from tests.models.engine.samples import recipe
from tests.validation.engine.learned import asked, facts_of, trained
from tests.validation.faults import converted

ITEM = default_item(registry().get("consist.formats"), "limited", Kind.BINARY)
AT_TRAINING = "When it was trained, scores differed by up to"


@pytest.mark.parametrize(
    ("task", "chosen"),
    [
        ("binary", recipe("lightgbm", reweigh=["note"])),
        ("binary", recipe("random_forest", threshold=0.3)),
        ("multiclass", recipe("logistic")),
        ("regression", recipe("gradient_boosting", task="regression")),
    ],
)
def test_original_is_learned_again_and_says_the_same(tmp_path: Path, task: str, chosen: dict[str, Any]) -> None:
    said = asked(tmp_path, ITEM, trained(tmp_path, chosen, task))

    assert (said["reason"], said["verdict"]) == ("", Verdict.PASSED)
    assert 0 <= said["value"] < 1e-5
    assert said["evidence"]["notes"][0].startswith(AT_TRAINING)
    assert [line["rows"] for line in said["evidence"]["tables"][0]["rows"]] == [900, 0, 0]


@pytest.mark.parametrize("changes", [{"rows": 901}, {"is_whole": False}, {"rows": None}])
def test_other_rows_than_those_of_training_prove_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    record = trained(tmp_path, recipe("logistic"), "binary")
    said = asked(tmp_path, ITEM, record, facts_of(record, **changes))

    assert said["verdict"] == Verdict.NOT_RUN
    assert said["reason"].startswith("The training rows of the plan are not just those it was trained on")
    assert AT_TRAINING in said["reason"]


@pytest.mark.parametrize(("parameters", "verdict"), [({"C": 0.01}, Verdict.NOT_RUN), ({}, Verdict.PASSED)])
def test_another_library_is_told_from_a_bad_conversion(
    tmp_path: Path, parameters: dict[str, Any], verdict: Verdict
) -> None:
    case = converted.case_of(tmp_path, converted.exported(**parameters))
    case.facts["training"]["libraries"] = {"scikit-learn": "1.0"}

    said = run_item(case, ITEM)

    assert said.verdict is verdict
    instead = f"scikit-learn {version('scikit-learn')} instead of 1.0, the model answers"
    assert (instead in said.reason) is (verdict is Verdict.NOT_RUN)


def test_rows_that_are_answered_otherwise_are_evidence(tmp_path: Path) -> None:
    halved = converted.with_figures(converted.exported(), lambda figures: figures * np.float32(1.01))
    said = run_item(converted.case_of(tmp_path, halved), ITEM)

    rows = said.evidence["rows"]
    gaps = [abs(row["original"] - row["artifact"]) for row in rows]
    assert said.verdict is Verdict.FAILED and gaps[0] == pytest.approx(said.value)
    assert gaps == sorted(gaps, reverse=True)


def test_distance_and_labels_by_hand() -> None:
    ours = Prediction(np.array([0.2, 0.5, 0.9, 0.6]), np.array([0, 1, 1, 1]))
    theirs = Prediction(np.array([0.2, 0.49999, 0.3, np.nan]), np.array([1, 0, 0, 1]))

    assert apart(ours, theirs, Kind.BINARY).tolist() == pytest.approx([0, 1e-5, 0.6, 1])
    # The second hangs on less than the tolerance: either answer is right.
    assert other_labels(ours, theirs, Kind.BINARY, 0.5, 1e-4).tolist() == [True, False, True, False]
    figures = Prediction(np.array([200.0, -100.0]), np.zeros(2)), Prediction(np.array([200.0, -99.0]), np.zeros(2))
    assert apart(*figures, Kind.REGRESSION).tolist() == [0.0, 0.005]
    many = Prediction(np.array([0.5, 0.4]), np.array([0, 1]), np.array([[0.5, 0.5, 0.0], [0.3, 0.4, 0.3]]))
    other = Prediction(np.array([0.5, 0.4]), np.array([1, 2]), np.array([[0.5, 0.5, 0.0], [0.3, 0.3, 0.4]]))
    assert apart(many, other, Kind.MULTICLASS).tolist() == pytest.approx([0.0, 0.1])
    assert other_labels(many, other, Kind.MULTICLASS, 0.5, 1e-4).tolist() == [False, True]
