"""Weights of training rows that make an outcome independent of a group: reweighing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def crossed(columns: Sequence[np.ndarray]) -> np.ndarray:
    """A whole number for each combination of values in the columns, shape (N,)."""
    numbers = np.zeros(len(columns[0]), dtype=np.int64)
    for values in columns:
        _, codes = np.unique(values.astype(str), return_inverse=True)
        _, numbers = np.unique(numbers * (codes.max() + 1) + codes, return_inverse=True)
    return numbers


def reweighed(groups: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    """P(group) P(outcome) / P(group and outcome) for each row, shape (N,); they sum to N.

    Kamiran and Calders, "Data preprocessing techniques for classification without discrimination" (2012), section 4.2.
    """
    both = crossed([groups, outcomes])
    shares = [np.bincount(codes)[codes] / len(codes) for codes in (crossed([groups]), crossed([outcomes]), both)]
    return np.asarray(shares[0] * shares[1] / shares[2])
