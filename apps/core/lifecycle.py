"""The eight stages in order, and the door through which any page asks where a project stands in them.

core knows the names only. The app on top of the line says what they mean for a project and announces itself here,
so that a page of a lower app can show the whole life without importing what lies above it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from apps.core.pages import Step


@dataclass(frozen=True)
class Stage:
    """One stage: its place, its key in addresses, its name, and what happens there."""

    number: int
    key: str
    name: str
    path: str
    purpose: str


STAGES = (
    Stage(1, "planning", "Planning", "projects/", "What it is for, what it is worth, what could go wrong"),
    Stage(2, "data", "Data", "datasets/", "What it learns from, prepared and signed off"),
    Stage(3, "development", "Development", "models/", "Training runs, candidates and versions"),
    Stage(4, "validation", "Validation", "validation/", "Independent checks, findings and verdicts"),
    Stage(5, "deployment", "Deployment", "endpoints/", "Where which version runs"),
    Stage(6, "monitoring", "Monitoring", "monitoring/", "Drift, performance, incidents"),
    Stage(7, "retraining", "Retraining", "retraining/", "Challenger against champion"),
    Stage(8, "retirement", "Retirement", "retirement/", "Leaving office in order"),
)
BY_KEY = {stage.key: stage for stage in STAGES}

Standing = Callable[[Any, Any], Sequence[Step]]
_standing: list[Standing] = []


def announce(standing: Standing) -> None:
    """Register the function (thing, user) -> eight steps. The last one announced answers."""
    _standing[:] = [standing]


def steps_of(thing: Any, user: Any) -> Sequence[Step]:
    """The eight steps of a project or model as `user` may see them; empty while nobody has announced an answer."""
    return _standing[0](thing, user) if _standing else ()
