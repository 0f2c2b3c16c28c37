"""The engine beside SciPy and NumPy on the same rows, as `python -m benchmarks.exactness` has it: every limit holds."""

import pytest

from benchmarks import exactness

CHANGES = (
    "the same", "every tenth missing", "infinite here and there", "a thousand times", "shifted by 0.1 sd",
    "shifted by 0.5 sd", "wider by a half", "one more", "at most the mean", "squeezed",
)  # fmt: skip


@pytest.fixture(scope="module")
def found():
    worst = {name: exactness.Worst() for name in exactness.ALLOWED}
    pairs = exactness.compare_numbers(20_000, worst, (200, 20_000), CHANGES)
    assert pairs > 300
    exactness.compare_categories(20_000, worst)
    return worst


@pytest.mark.parametrize("name", [name for name in exactness.ALLOWED if not name.startswith("estimated")])
def test_statistic_is_that_of_the_rows_within_its_limit(found, name):
    worst = found[name]
    assert worst.apart <= exactness.ALLOWED[name], worst.case
    # Statistics that bins give exactly were compared as well, not left out.
    assert worst.case != "-" or name == "L-infinity"
