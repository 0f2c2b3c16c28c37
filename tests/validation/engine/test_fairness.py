"""Group figures equal fairlearn's; intervals cover; small groups are told."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn import metrics as oracle

from apps.validation.engine.base import CannotRun, Verdict
from apps.validation.engine.checks import fairness
from apps.validation.engine.checks.fairness import CHECKS, EqualisedOdds, ImpactRatio, cell_draws, cells_of
from tests.validation.engine.cases import Plain, case, world

EXACT = 1e-9
SEX = {"attributes": ["sex"], "favourable": "positive", "edges": [], "min_rows": 100, "min_each_truth": 20}


def lenient_with_men(seed: int = 1) -> Plain:
    """Marks men from 0.3 up and women from 0.6 up."""
    sex = world(seed=seed).columns["sex"]

    def label(score: np.ndarray) -> np.ndarray:
        return (score >= np.where(sex[: len(score)] == "male", 0.3, 0.6)).astype(np.int64)

    return Plain(lambda columns: 1 / (1 + np.exp(-2 * columns["delay"].astype(float))), label)


@pytest.mark.parametrize(
    ("check", "theirs"),
    [
        ("fair.impact_ratio", oracle.demographic_parity_ratio),
        ("fair.parity_difference", oracle.demographic_parity_difference),
        ("fair.equalised_odds", oracle.equalized_odds_difference),
        ("fair.equal_opportunity", oracle.equal_opportunity_difference),
    ],
)
@pytest.mark.parametrize("attribute", ["sex", "carrier"])
def test_group_figure_equals_fairlearn(check: str, theirs: object, attribute: str) -> None:
    tried = case(lenient_with_men())
    ours = next(one for one in CHECKS if one.key == check)().measure(tried, **{**SEX, "attributes": [attribute]})

    groups = tried.test.columns[attribute]
    assert ours.value == pytest.approx(theirs(tried.test.truth, tried.said.label, sensitive_features=groups), abs=EXACT)


def test_rates_by_group_equal_fairlearn() -> None:
    tried = case(lenient_with_men())
    rows = ImpactRatio().measure(tried, **SEX).tables[0].rows
    theirs = oracle.MetricFrame(
        metrics={
            "selection": oracle.selection_rate,
            "true_positive": oracle.true_positive_rate,
            "false_positive": oracle.false_positive_rate,
        },
        y_true=tried.test.truth,
        y_pred=tried.said.label,
        sensitive_features=tried.test.columns["sex"],
    ).by_group

    for row in rows:
        group = str(row["group"]).removeprefix("sex = ")
        for rate in ("selection", "true_positive", "false_positive"):
            assert row[rate] == pytest.approx(theirs.loc[group, rate], abs=EXACT)


def test_impact_ratio_with_a_biased_model_fails_with_its_interval() -> None:
    found = ImpactRatio().measure(case(lenient_with_men()), **SEX)

    assert found.interval is not None
    assert found.interval.low < found.value < found.interval.high < 0.8
    assert ImpactRatio.default_limits("high", "binary").verdict(found.value, ImpactRatio.sense) is Verdict.FAILED
    assert found.sentence.startswith("The favourable answer goes to ")


def test_impact_ratio_with_a_fair_model_passes() -> None:
    found = ImpactRatio().measure(case(), **SEX)

    assert found.value > 0.9
    assert found.at_best is Verdict.PASSED


def test_favourable_negative_turns_the_question_around() -> None:
    tried = case(lenient_with_men())
    turned = ImpactRatio().measure(tried, **{**SEX, "favourable": "negative"})

    rates = [np.mean(tried.said.label[tried.test.columns["sex"] == sex] == 0) for sex in ("male", "female")]
    assert turned.value == pytest.approx(min(rates) / max(rates), abs=EXACT)


def test_group_too_small_is_named_and_never_a_silent_pass() -> None:
    rows = world()
    sex = rows.columns["sex"].copy()
    sex[:30] = "unknown"
    found = ImpactRatio().measure(case(test=rows.with_column("sex", sex)), **SEX)

    assert found.notes == ["Too small to judge: sex = unknown."]
    assert found.at_best is Verdict.WARNED
    assert [row["judged"] for row in found.tables[0].rows] == ["yes", "yes", "too small to judge"]


def test_odds_need_rows_of_each_truth_in_every_group() -> None:
    rows = world()
    sex = rows.columns["sex"].copy()
    never = np.flatnonzero(rows.truth == 0)[:150]
    sex[never] = "on time"
    tried = case(test=rows.with_column("sex", sex))

    assert EqualisedOdds().measure(tried, **SEX).notes == ["Too small to judge: sex = on time."]
    assert ImpactRatio().measure(tried, **SEX).notes == []


def test_attribute_with_one_value_cannot_be_judged() -> None:
    rows = world()
    alike = rows.with_column("sex", np.full(len(rows), "female", dtype=object))

    with pytest.raises(CannotRun, match="only one value"):
        ImpactRatio().measure(case(test=alike), **SEX)
    with pytest.raises(CannotRun, match="no column height"):
        ImpactRatio().measure(case(), **{**SEX, "attributes": ["height"]})


def test_figure_as_attribute_is_cut_at_the_edges() -> None:
    rows = ImpactRatio().measure(case(), **{**SEX, "attributes": ["age"], "edges": [30, 60]}).tables[0].rows

    assert [row["group"] for row in rows] == ["age up to 30", "age 30 to 60", "age above 60"]


def test_attributes_are_crossed() -> None:
    rows = ImpactRatio().measure(case(), **{**SEX, "attributes": ["sex", "carrier"]}).tables[0].rows

    assert len(rows) == 6
    assert rows[0]["group"] == "sex = female, carrier = AA"
    assert sum(row["rows"] for row in rows) == 4_000


def test_nobody_selected_is_alike_for_all() -> None:
    counts = np.array([[[50, 0], [50, 0]], [[60, 0], [40, 0]]])

    assert float(fairness.impact_ratio(counts)) == 1.0
    assert float(fairness.parity_difference(counts)) == 0.0


def test_interval_of_the_impact_ratio_covers_the_truth() -> None:
    """Two groups selected at 0.5 and 0.4: the ratio 0.8 lies within the interval in about 95 of 100 samples."""
    random = np.random.default_rng(3)
    covered = 0
    for trial in range(200):
        counts = np.zeros((2, 2, 2), dtype=int)
        for group, rate in enumerate((0.5, 0.4)):
            said = random.binomial(800, rate)
            counts[group, 0] = [800 - said, said]
        drawn = fairness.impact_ratio(cell_draws(counts, 500, trial))
        low, high = np.quantile(drawn, [0.025, 0.975])
        covered += low <= 0.8 <= high

    assert 182 <= covered <= 199


def test_cells_count_every_row_once() -> None:
    tried = case()
    cells = cells_of(tried, SEX)

    assert cells.counts.sum() == len(tried.test)
    assert cells.names == ("sex = female", "sex = male")
