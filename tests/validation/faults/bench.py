"""The whole bench: all planted faults, whichever module plants them."""

from __future__ import annotations

from tests.validation.faults import plants_data, plants_file, plants_model, plants_people, plants_uses
from tests.validation.faults.planted import FAULTS, Fault
from tests.validation.faults.sound import SOUND, plan_for

__all__ = [
    "FAULTS",
    "SOUND",
    "Fault",
    "plan_for",
    "plants_data",
    "plants_file",
    "plants_model",
    "plants_people",
    "plants_uses",
]
