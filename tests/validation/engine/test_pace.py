"""How long the rest of a run takes."""

from __future__ import annotations

import pytest

from apps.validation.engine.pace import Pace


def test_nothing_is_known_before_the_first_result_of_the_first_run() -> None:
    assert Pace(["a", "b"], {}).left() is None


def test_the_rest_takes_what_it_took_before() -> None:
    assert Pace(["a", "b"], {"a": 2.0, "b": 6.0}).left() == pytest.approx(8.0)


def test_without_earlier_runs_the_rest_takes_as_long_as_what_is_done() -> None:
    pace = Pace(["a", "b", "c", "d"], {})
    pace.done("a", 3.0)
    pace.done("b", 5.0)

    assert pace.left() == pytest.approx(8.0)


def test_a_run_twice_as_slow_as_before_stays_so() -> None:
    pace = Pace(["a", "b"], {"a": 2.0, "b": 6.0})
    pace.done("a", 4.0)

    assert pace.left() == pytest.approx(12.0)


def test_what_the_present_check_has_spent_is_taken_off_but_never_more_than_it_takes() -> None:
    pace = Pace(["a", "b"], {"a": 2.0, "b": 6.0})

    assert pace.left("a", 1.5) == pytest.approx(6.5)
    assert pace.left("a", 30.0) == pytest.approx(6.0)


def test_a_check_that_could_not_run_says_nothing_about_the_others() -> None:
    pace = Pace(["a", "b"], {"a": 2.0, "b": 6.0})
    pace.done("a", None)

    assert pace.left() == pytest.approx(6.0)
