"""What moves the answers: also where a model has more features than are looked at."""

from __future__ import annotations

import numpy as np

from apps.validation.engine.case import Rows
from apps.validation.engine.checks import explainability
from apps.validation.engine.checks.explainability import Declared, Importance, Unused
from tests.validation.engine.cases import case, world


def wide(idle: int) -> Rows:
    """A world whose idle features come before those that matter."""
    rows = world(600)
    names = [f"idle_{place:02}" for place in range(idle)]
    noise = np.random.default_rng(3).normal(size=(idle, len(rows))).astype(np.float32)
    columns = {**dict(zip(names, noise, strict=True)), **rows.columns}
    return Rows(columns, (*names, *rows.features), rows.truth, rows.number, rows.time)


def test_named_features_are_looked_at_before_the_others() -> None:
    rows = wide(idle=explainability.MAX_FEATURES)

    found = Declared().measure(case(test=rows), features=["delay", "carrier"])

    assert found.value > 0.99
    assert found.notes == ["60 of 63 features were looked at; the other 3 count for nothing here."]


def test_features_beyond_those_looked_at_are_told() -> None:
    told = Unused().measure(case(test=wide(idle=58)))
    whole = Importance().measure(case(test=wide(idle=2)))

    assert told.value == 59.0  # distance does nothing either
    assert told.notes == ["60 of 61 features were looked at; the other 1 count for nothing here."]
    assert (whole.notes, whole.tables[0].rows[0]["feature"]) == ([], "delay")
