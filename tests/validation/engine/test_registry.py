"""Other packages bring checks; what is wrong with them is told and costs nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from apps.validation.engine import registry as module
from apps.validation.engine.base import Check, Family, Kind, Limits
from apps.validation.engine.registry import Registry, registry


class Foreign(Check):
    """A check of another package."""

    key = "acme.luck"
    family = Family.PERFORMANCE
    title = "Luck"
    question = "Is it lucky?"
    metric = "luck"
    source = "own"
    limits = {"limited": Limits(0.5)}


class Entry:
    def __init__(self, name: str, found: Any) -> None:
        self.name, self.found = name, found

    def load(self) -> Any:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Any:
    def fill(*entries: Entry) -> Registry:
        monkeypatch.setattr(module, "entry_points", lambda group: list(entries))
        registry.cache_clear()
        return registry()

    yield fill
    monkeypatch.undo()
    registry.cache_clear()


def test_entry_point_adds_its_checks(fresh: Any) -> None:
    filled = fresh(Entry("acme", [Foreign]))

    assert filled.get("acme.luck") is Foreign
    assert filled.problems == []


def test_broken_package_is_told_and_the_others_stay(fresh: Any) -> None:
    class Thief(Foreign):
        key = "perf.auc"

    class Half(Check):
        key = "acme.half"

    filled = fresh(
        Entry("broken", ImportError("no module")), Entry("thief", Thief), Entry("half", Half), Entry("odd", 3)
    )

    assert filled.get("perf.auc").__name__ == "RocAuc"
    assert filled.problems == [
        "The checks of broken could not be loaded: no module",
        "The check from thief is left out: The key perf.auc is taken by RocAuc.",
        "The check from half is left out: Half does not say its family, title, question, metric, source, limits.",
        "The check from odd is left out: it is not a Check.",
    ]


def test_checks_come_in_the_order_of_the_report() -> None:
    families = [check.family for check in registry().all()]

    assert families == sorted(families, key=list(Family).index)
    assert all(Kind.REGRESSION in check.kinds for check in registry().for_kind(Kind.REGRESSION))


def test_unknown_key_is_a_sentence() -> None:
    with pytest.raises(KeyError, match=r"No check has the key perf\.nothing"):
        registry().get("perf.nothing")
