"""Model cards from records and written parts."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from apps.core.sandbox import Job
from apps.models.engine import cards, training
from tests.models.engine.samples import parquet, recipe

WRITTEN = {part.key: f"About {part.heading.lower()}." for part in cards.PARTS}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("trained")
    run = training.fit(
        Job.local(payload={"recipe": recipe("logistic")}, inputs={"train": parquet(folder)}, outputs=folder)
    )
    model = {"project": "Late arrivals", "key": "late", "name": 'Late: "arrivals"', "description": "Will it be late?"}
    version = {
        "number": 3,
        "state": "candidate",
        "created_at": "2026-11-23",
        "created_by": "Dana",
        "sha256": "ab" * 32,
        "format": "onnx",
        "size": 1000,
    }
    return {"model": model, "version": version, "run": run, "signature": run["signature"], "data": {"name": "Flights"}}


def test_card_is_complete_only_with_every_required_part(records: dict[str, Any]) -> None:
    assert cards.card(records, WRITTEN)["complete"] is True
    assert cards.card(records, {**WRITTEN, "oversight": "  "})["missing"] == ["oversight"]


def test_markdown_has_a_front_matter_that_parses(records: dict[str, Any]) -> None:
    text = cards.markdown(cards.card(records, WRITTEN))

    front = yaml.safe_load(text.split("---\n")[1])
    assert front["model_name"] == 'Late: "arrivals"'
    assert {metric["type"] for metric in front["model-index"][0]["results"][0]["metrics"]} >= {"roc_auc", "f1"}


def test_markdown_shows_figures_and_what_is_not_written(records: dict[str, Any]) -> None:
    text = cards.markdown(cards.card(records, {}))

    assert "## Intended use\n\n*Not written yet.* Which decision" in text
    assert "| logistic | logistic |" in text
    assert "worst difference" in text
    assert "## Contact" not in text


def test_written_signs_are_not_interpreted(records: dict[str, Any]) -> None:
    text = cards.markdown(cards.card(records, {"intended_use": "<script>alert(1)</script>\n\n# Head | [x](y)"}))

    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "\n# Head" not in text


def test_uploaded_model_has_a_card_without_training(records: dict[str, Any]) -> None:
    text = cards.markdown(cards.card({**records, "run": None, "data": None}, WRITTEN))

    assert "no training data are on record" in text
    assert "## Figures" not in text
