"""Twenty sound models go through the built-in plan of their kind: nothing fails, all that is needed can judge."""

from __future__ import annotations

import pytest

from apps.validation.engine import intervals
from apps.validation.engine.base import Verdict
from apps.validation.engine.runner import walk
from tests.validation.faults.bench import SOUND, plan_for

MOST_WARNINGS = 4  # of 46 to 80 checks; small data and forests that overfit a little earn some


@pytest.mark.parametrize("name", SOUND)
def test_sound_model_passes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "repeats_for", lambda rows: 50)
    case = SOUND[name]()
    lines = {line.name: line for line in plan_for(case)}

    results = list(walk(case, list(lines.values())))

    failed = [f"{one.name}: {one.sentence}" for one in results if one.verdict is Verdict.FAILED]
    silent = [
        f"{one.name}: {one.reason}" for one in results if one.verdict is Verdict.NOT_RUN and lines[one.name].required
    ]
    assert (failed, silent) == ([], [])
    assert sum(one.verdict is Verdict.WARNED for one in results) <= MOST_WARNINGS


def test_twenty_models_of_every_kind() -> None:
    assert len(SOUND) >= 20
    assert {SOUND[name]().kind for name in ("the law itself", "digits", "spending by its law")} == {
        "binary",
        "multiclass",
        "regression",
    }
