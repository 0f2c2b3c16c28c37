"""Does the artifact say the same as the model it was converted from? The original is learned again and asked."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np

from apps.models.engine import recipes
from apps.validation.engine.arrays import Array, Flags, Floats, Line
from apps.validation.engine.base import (
    ANSWERS,
    MAX_EVIDENCE_ROWS,
    CannotRun,
    Check,
    Family,
    Kind,
    Limits,
    Measured,
    Need,
    Parameter,
    Sense,
    Titles,
    Verdict,
    table,
)
from apps.validation.engine.case import Case
from apps.validation.engine.checks.seeds import learned_again
from apps.validation.engine.metrics import Prediction

LEARNERS = ("scikit-learn", "lightgbm", "numpy")


class Formats(Check):
    """The artifact against its original, which nobody keeps: the recipe makes it again, with its own seed."""

    key = "consist.formats"
    kinds = ANSWERS | {Kind.RANKING}
    family = Family.CONSISTENCY
    title = "Same after conversion"
    question = "Does the artifact say the same as the model it was converted from?"
    metric = "largest difference of the score on test rows, artifact against the model learned again by its recipe"
    source = "own; figures relative to the largest one, as in the proof that training leaves"
    sense = Sense.AT_MOST
    needs = frozenset({Need.CONVERSION, Need.ORIGINAL})
    limits = {"low": Limits(1e-3, 1e-4), "limited": Limits(1e-4, 1e-5), "high": Limits(1e-4, 1e-5)}
    parameters = {"tolerance": Parameter(1e-5, "Scores no further apart than this are the same answer.", 0.0, 1.0)}
    max_rows = 20_000

    def measure(self, case: Case, tolerance: float = 1e-5, **settings: Any) -> Measured:
        """The largest difference; a label that changed is a failure whatever the threshold."""
        recipe = recipes.from_json(case.fact("training")["recipe"])
        original = learned_again(case, len(case.training), recipe.seed)
        distance = apart(original, case.said, case.kind)
        differing = other_labels(original, case.said, case.kind, recipe.threshold, tolerance)
        beyond = (distance > tolerance) | differing
        if beyond.any() and (others := other_libraries(case)):
            raise CannotRun(
                f"Learned again with {others}, the model answers {beyond.sum():,} of {len(beyond):,} rows otherwise: "
                f"that can be the library as well as the conversion. {case.seen_in_training}"
            )
        worst, flips = float(distance.max()), int(differing.sum())
        lines: list[Line] = [
            {"what": "test rows", "rows": len(distance)},
            {"what": f"scores more than {tolerance:g} apart", "rows": int((distance > tolerance).sum())},
            {"what": "labels that differ", "rows": flips},
        ]
        titles: Titles = {"what": ("artifact and model learned again", "text"), "rows": ("rows", "count")}
        return Measured(
            worst,
            f"On {len(distance):,} rows the scores of the artifact and of the model learned again differ by up to "
            f"{worst:.2g}, and {flips:,} labels differ.",
            tables=[table("Artifact against its original", lines, **titles)],
            offending_rows=farthest(case, original, distance, beyond),
            notes=[case.seen_in_training],
            at_best=Verdict.FAILED if flips else Verdict.PASSED,
        )


def other_libraries(case: Case) -> str:
    """The libraries that learn, as far as they are of another version than in training; empty when none is."""
    before = case.fact("training").get("libraries") or {}
    now = {name: version(name) for name in LEARNERS}
    return ", ".join(
        f"{name} {now[name]} instead of {before[name]}" for name in LEARNERS if before.get(name, now[name]) != now[name]
    )


def apart(original: Prediction, said: Prediction, kind: Kind) -> Floats:
    """How far apart the scores of each row are [rows]; an answer that is no number is as far away as 1."""
    if kind is Kind.MULTICLASS and original.chances is not None and said.chances is not None:
        if original.chances.shape != said.chances.shape:
            raise CannotRun("The artifact knows other classes than the training rows.")
        distance = np.abs(original.chances - said.chances).max(axis=1)
    else:
        size = max(1.0, float(np.abs(original.score).max())) if kind is Kind.REGRESSION else 1.0
        distance = np.abs(original.score - said.score) / size
    return np.asarray(np.where(np.isfinite(distance), distance, 1.0))


def other_labels(original: Prediction, said: Prediction, kind: Kind, threshold: float, tolerance: float) -> Flags:
    """Which rows have another label [rows]; not those where the original itself is undecided within the tolerance."""
    if kind is Kind.REGRESSION:
        return np.zeros(len(said.score), dtype=bool)
    if kind is Kind.BINARY:
        label: Array = original.score >= threshold
        sure = np.abs(original.score - threshold) > tolerance
    else:
        assert original.chances is not None
        ordered = np.sort(original.chances, axis=1)
        label = original.label
        sure = ordered[:, -1] - ordered[:, -2] > tolerance
    return np.asarray((label != said.label) & sure)


def farthest(case: Case, original: Prediction, distance: Floats, beyond: Flags) -> list[Line]:
    """The rows that are answered otherwise, the farthest first, a limited number."""
    order = np.argsort(-distance, kind="stable")
    return [
        {
            "row": int(case.test.number[place]),
            "original": float(original.score[place]),
            "artifact": float(case.said.score[place]),
        }
        for place in order[beyond[order]][:MAX_EVIDENCE_ROWS]
    ]


CHECKS = (Formats,)
