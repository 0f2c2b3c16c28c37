"""The recipe of a version learned again with other seeds: from the record that training really leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.validation.engine.base import Verdict
from apps.validation.engine.plans import Item
from tests.models.engine.samples import recipe
from tests.validation.engine.learned import asked, trained

ITEM = Item("consist.seeds", "consist.seeds", {"seeds": 3, "rows": 600, "metric": ""})


@pytest.mark.parametrize(
    ("task", "chosen"),
    [
        ("binary", recipe("random_forest")),
        ("binary", recipe("random_forest", reweigh=["carrier"])),
        ("multiclass", recipe("random_forest")),
        ("regression", recipe("random_forest", task="regression")),
    ],
)
def test_what_training_left_on_record_is_learned_again(tmp_path: Path, task: str, chosen: dict[str, Any]) -> None:
    said = asked(tmp_path, ITEM, trained(tmp_path, chosen, task))

    assert said["reason"] == ""
    lines = said["evidence"]["tables"][0]["rows"]
    assert [line["seed"] for line in lines] == ["3", "4", "5"]
    assert said["value"] == pytest.approx(max(line["score"] for line in lines) - min(line["score"] for line in lines))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_what_has_no_seed_in_it_says_so_and_measures_nothing(tmp_path: Path, task: str) -> None:
    said = asked(tmp_path, ITEM, trained(tmp_path, recipe("logistic"), task))

    assert (said["value"], said["verdict"]) == (None, Verdict.NOTHING)
    assert said["reason"].startswith("This learner does not depend on its seed: learned again with 3 seeds, it answers")


def test_an_upload_cannot_be_learned_again(tmp_path: Path) -> None:
    said = asked(tmp_path, ITEM, trained(tmp_path, recipe("logistic"), "binary"), {})

    assert said["verdict"] == Verdict.NOT_RUN
    assert "No recipe of this portal" in said["reason"]
