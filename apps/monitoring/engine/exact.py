"""Numbers handled so that nothing depends on how: sums that come out the same in every order, and floats compared as
whole numbers.

 Adding floats depends on the order of adding, so two workers that merge the same states would differ in the last
bits. Here a value becomes a whole number of units, and whole numbers add up the same whatever the order. A number is
kept as two 64-bit halves, `high * 2**31 + low`, so that four thousand million values fit before anything can run
over.
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SPLIT = 31
RESOLUTION = 40  # a unit is the feature's scale over 2**40
CAP = 2.0**62  # in units: values beyond four million times the scale count as that
MAGNITUDE = np.int64(2**63 - 1)  # all bits of a float but its sign


def unit_for(scale: float) -> float:
    """The unit for values of this size: a power of two, so that converting is exact. Zero or no scale gives that of
    1.
    """
    if not scale or not math.isfinite(scale):
        scale = 1.0 if not scale or math.isnan(scale) else 2.0**1000
    return math.ldexp(1.0, max(math.frexp(scale)[1] - RESOLUTION, -1000))


def quantise(values: Floats, unit: Floats | float) -> tuple[Integers, Integers]:
    """High and low halves of each value in units, rounded to the nearest unit and capped at `CAP`. No NaN."""
    with np.errstate(over="ignore"):
        units = np.clip(np.rint(values / unit), -CAP, CAP)
    high = np.floor(units / 2.0**SPLIT)
    low = units - high * 2.0**SPLIT
    return high.astype(np.int64), low.astype(np.int64)


def add(values: Floats, unit: float) -> tuple[int, int]:
    """The exact sum of the values, as its two halves."""
    high, low = quantise(values, unit)
    return carry_one(int(high.sum()), int(low.sum()))


def carry_one(high: int, low: int) -> tuple[int, int]:
    """The one way to write this number: the low half between 0 and 2**31."""
    return high + (low >> SPLIT), low & ((1 << SPLIT) - 1)


def carry(high: Integers, low: Integers) -> tuple[Integers, Integers]:
    """The one way to write these numbers: the low halves between 0 and 2**31."""
    over = low >> SPLIT
    return high + over, low - (over << SPLIT)


def value(high: Integers, low: Integers, unit: Floats | float) -> Floats:
    """The sums as floats in the feature's own measure."""
    return (high.astype(np.float64) * 2.0**SPLIT + low.astype(np.float64)) * unit


def to_ordered(values: Floats) -> Integers:
    """Whole numbers that are ordered as the floats are, by turning the bits of the negative ones around: minus zero
    comes right before zero, NaN before or after everything by its sign.

    A search among whole numbers has no branch that the processor could guess wrong: it takes a fifth of the time.
    """
    bits = values.view(np.int64)
    found = bits >> 63
    found &= MAGNITUDE
    found ^= bits
    return found


def from_ordered(numbers: Integers) -> Floats:
    """The floats that `to_ordered` was given."""
    return to_ordered(numbers.view(np.float64)).view(np.float64)


def places_among(edges: Floats, values: Floats) -> Integers:
    """For every value how many of the rising edges are smaller, as `np.searchsorted` says; of NaN anything."""
    # Adding zero makes minus zero zero, so that neither zero is beyond an edge that is zero.
    return np.searchsorted(to_ordered(edges + 0.0), to_ordered(values), side="left")
