"""The door of the worker that compares a challenger with the champion."""

from types import SimpleNamespace

import pytest

from apps.retraining import tasks

SAID = {"name": tasks.CHECK, "value": None, "reason": "12 rows are too few to compare two models on."}


@pytest.mark.parametrize("verdict", ["not_run", "too_small"])
def test_comparison_without_a_figure_ends_with_its_reason(monkeypatch, verdict):
    def run(function, *, told, **more):
        told({"begun": tasks.CHECK})
        told({**SAID, "verdict": verdict})
        return SimpleNamespace(layer="none")

    monkeypatch.setattr(tasks.sandbox, "run", run)
    job = SimpleNamespace(progress=None, cancelled=None)

    with pytest.raises(tasks.NotCompared, match="12 rows are too few"):
        tasks._compared(job, {}, {})
