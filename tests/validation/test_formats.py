"""A version that was trained here is held against its original in a real run; with other rows nothing is proven."""

from __future__ import annotations

from apps.models import actions as models
from apps.validation import actions, subjects
from apps.validation.actions.plans import begin_with
from tests.cast import Cast
from tests.models.engine.samples import recipe
from tests.retraining.drill import WRITTEN, Drill
from tests.support import deliver
from tests.validation.factories import fresh

LINES = [{"key": "consist.formats", "fail": 1e-4, "warn": 1e-5}, {"key": "sec.scanner", "warn": 0}]


def test_trained_version_is_held_against_its_original(inside: Cast) -> None:
    drill = Drill(inside)
    data = drill.data(rows=400)
    run = models.start_training(
        model=drill.model, recipe=recipe("lightgbm"), dataset_version=data, split=data.splits.get(), by=inside.dario
    )
    deliver(inside.meridian)
    run.refresh_from_db()
    version = models.register_version(model=drill.model, run=run, by=inside.dario)
    models.write_card(version=version, written=WRITTEN, by=inside.dario)
    models.submit_version(version=version, by=inside.dario)
    undivided = actions.write_plan(version=version, lines=LINES, train_data=data, by=inside.vera)
    assert subjects.facts(undivided)["training"]["is_whole"] is False
    assert [line["required"] for line in begin_with(undivided, {}) if line["key"] == LINES[0]["key"]] == [False]

    plan = actions.write_plan(version=version, lines=LINES, reason="The rows of the training.", by=inside.vera)
    assert [line["required"] for line in begin_with(plan, {}) if line["key"] == LINES[0]["key"]] == [True]
    started = actions.start_run(plan=actions.lock_plan(plan=plan, by=inside.vera), by=inside.vera)
    deliver(inside.meridian)

    found = {result.key: result for result in fresh(started).results.all()}
    assert (found["consist.formats"].verdict, found["consist.formats"].reason) == ("passed", "")
    assert found["consist.formats"].evidence["notes"][0].startswith("When it was trained, scores differed by up to")
    assert found["sec.scanner"].verdict == "nothing_to_ask"
    assert fresh(started).verdict == "passed"
    assert fresh(started).libraries["picklescan"]
