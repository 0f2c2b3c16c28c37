"""Every planted fault is found by the check that must find it, which finds nothing in the same case without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.validation.engine import intervals
from apps.validation.engine.base import Family, Verdict
from apps.validation.engine.registry import registry
from tests.validation.faults.bench import FAULTS, Fault


@pytest.fixture(autouse=True)
def few_repeats(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Enough repeats for a verdict, not for a report."""
    monkeypatch.setattr(intervals, "repeats_for", lambda rows: 100)
    yield


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.key}: {fault.name}")
def test_planted_fault_is_found_and_its_absence_too(fault: Fault, tmp_path: Path) -> None:
    sound = fault.sound(tmp_path)
    assert fault.ask(sound).verdict is Verdict.PASSED

    found = fault.ask(fault.plant(sound, tmp_path))

    assert found.verdict in {Verdict.WARNED, Verdict.FAILED}, found.sentence or found.reason


def test_bench_is_large_enough_and_no_fault_is_there_twice() -> None:
    assert len(FAULTS) >= 40
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_every_check_has_a_fault_to_find() -> None:
    measuring = {check.key for check in registry().all() if check.family is not Family.OUTSIDE}
    assert measuring == {fault.key for fault in FAULTS}
