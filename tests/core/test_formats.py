"""Figures as people read them."""

import pytest

from apps.core import formats


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (0, "0"),
        (3.0, "3"),
        (0.5, "0.5"),
        (-0.25, "-0.25"),
        (0.03127, "0.0313"),
        (12.345, "12.3"),
        (1234.5, "1,234"),
        (1234567, "1,234,567"),
        (1e-9, "1.00e-09"),
        (float("nan"), "–"),
    ],
)
def test_number(value, expected):
    assert formats.number(value) == expected


def test_number_with_fixed_decimals():
    assert formats.number(0.5, 3) == "0.500"


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (999_700, "1.0 MB"), (2_147_483_648, "2.1 GB"), (None, "–")],
)
def test_size(count, expected):
    assert formats.size(count).replace("\u202f", " ") == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0123, "12 ms"),
        (4.21, "4.2 s"),
        (75, "1 min 15 s"),
        (3600, "1 h"),
        (90061, "1 d 1 h"),
        (-5, "−5.0 s"),
        (None, "–"),
    ],
)
def test_duration(seconds, expected):
    assert formats.duration(seconds).replace("\u202f", " ") == expected


def test_percent_and_measure():
    assert formats.percent(0.8731) == "87.3\u202f%"
    assert formats.measure(0.5, "share") == "50.0\u202f%"
    assert formats.measure(12.5, "ms") == "12.5\u202fms"
    assert formats.measure(None, "ms") == "–"


def test_shorten():
    assert formats.shorten("departure delay", 9) == "departur…"
    assert formats.shorten("short", 9) == "short"
