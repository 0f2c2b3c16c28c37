"""Planted faults of data: rows seen in training, rows twice, features from another world, empty papers."""

from __future__ import annotations

import numpy as np
import pytest

from apps.validation.engine.base import CannotRun, Kind, Sense, Verdict
from apps.validation.engine.case import Rows
from apps.validation.engine.checks.data import Drift, Duplicates, Leak, psi
from apps.validation.engine.checks.documentation import Completeness
from tests.validation.engine.cases import FEATURES, case, world


def joined(one: Rows, other: Rows) -> Rows:
    columns = {name: np.concatenate([one.columns[name], other.columns[name]]) for name in one.columns}
    return Rows(columns, FEATURES, np.concatenate([one.truth, other.truth]), np.arange(len(one) + len(other)))


def test_leak_counts_exactly_the_rows_that_were_planted() -> None:
    test, train = world(1_000, 1), world(1_000, 2)
    found = Leak().measure(case(test=test, train=joined(train, test.take(np.arange(100)))))

    assert found.value == pytest.approx(0.1)
    assert [row["row"] for row in found.offending_rows] == list(range(50))
    assert Leak().measure(case()).value == 0.0


def coarse(rows: int, seed: int) -> Rows:
    """A world rounded so far that rows have twins without any leak."""
    made = world(rows, seed)
    return made.with_column("delay", np.round(made.columns["delay"])).with_column(
        "distance", np.zeros(rows, np.float32)
    )


def test_leak_is_not_seen_in_twins_that_meet_by_chance() -> None:
    test, train = coarse(2_000, 1), coarse(2_000, 2)

    clean = Leak().measure(case(test=test, train=train))

    assert clean.value < 0.05
    assert "By chance" in clean.sentence


def test_leak_among_fine_and_coarse_rows_is_the_share_beyond_chance() -> None:
    test, train = world(1_000, 1), world(1_000, 2)
    twins = joined(train, train.take(np.arange(500)))  # half of the training rows have a twin
    found = Leak().measure(case(test=test, train=joined(twins, test.take(np.arange(800)))))

    expected = 1_000 / 2_300
    assert found.value == pytest.approx((0.8 - expected) / (1 - expected))


def test_leak_needs_the_truth_to_be_the_same_too() -> None:
    test = world(500)
    other = Rows(test.columns, FEATURES, 1 - test.truth, test.number)

    assert Leak().measure(case(test=test, train=other)).value == 0.0


def test_rows_with_gaps_meet_each_other() -> None:
    test = world(100)
    gap, zero = test.columns["delay"].copy(), test.columns["distance"].copy()
    gap[:50], zero[:50] = np.nan, -0.0
    one = test.with_column("delay", gap).with_column("distance", zero)
    other = one.with_column("distance", np.where(zero == 0, np.float32(0.0), zero))

    found = Leak().measure(case(test=one, train=other))
    assert found.sentence.startswith("100 of 100 test rows are also in the training rows.")


def test_duplicates_are_counted_once_each() -> None:
    test = world(900)
    found = Duplicates().measure(case(test=joined(test, test.take(np.arange(100)))))

    assert found.value == pytest.approx(0.1)
    assert found.offending_rows[0] == {"row": 900}


def test_psi_of_the_same_rows_is_zero_and_grows_with_a_shift() -> None:
    random = np.random.default_rng(0)
    before = random.normal(0, 1, 20_000)

    assert psi(before, before) == 0.0
    assert psi(before, random.normal(0, 1, 20_000)) < 0.01
    assert psi(before, random.normal(0.5, 1, 20_000)) == pytest.approx(0.24, abs=0.04)


def test_psi_by_hand_for_two_categories() -> None:
    before = np.array(["a"] * 80 + ["b"] * 20, dtype=object)
    now = np.array(["a"] * 50 + ["b"] * 50, dtype=object)
    by_hand = (0.5 - 0.8) * np.log(0.5 / 0.8) + (0.5 - 0.2) * np.log(0.5 / 0.2)

    assert psi(before, now) == pytest.approx(by_hand)


def test_drift_names_the_feature_that_moved() -> None:
    test = world()
    found = Drift().measure(case(test=test.with_column("distance", test.columns["distance"] + 1)))

    assert found.tables[0].rows[0]["feature"] == "distance"
    assert Drift.default_limits("limited", Kind.BINARY).verdict(found.value, Sense.AT_MOST) is Verdict.WARNED
    assert Drift().measure(case()).value < 0.1


def section(filled: bool = True, **given: object) -> dict[str, object]:
    return {"document": "card", "section": "Intended use", "required": True, "filled": filled, "stale": False, **given}


def test_documents_that_are_empty_or_stale_are_named() -> None:
    facts = {"documents": [section(), section(False, section="Limits"), section(stale=True, section="Data")]}
    found = Completeness().measure(case(facts=facts))

    assert found.value == pytest.approx(1 / 3)
    assert found.notes == ["model card: Limits", "model card: Data"]


def test_documents_nobody_requires_cannot_be_judged() -> None:
    with pytest.raises(CannotRun, match="No section is required"):
        Completeness().measure(case(facts={"documents": [section(required=False)]}))
    with pytest.raises(CannotRun, match="do not say documents"):
        Completeness().measure(case(facts={"other": 1}))
