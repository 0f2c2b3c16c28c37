"""What tools outside of Tenure say: their results are judged like others, and marked as reported, not measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.validation.engine.base import TIERS, CannotRun, Check, Family, Limits, Measured, Parameter, Sense
from apps.validation.engine.case import Case

TITLE = Parameter("", "What the tool looks at, in a few words.", required=True)
SENSE = Parameter("at_least", "Which side of the threshold is good.", choices=tuple(Sense))


class Outside(Check):
    """Answered by somebody else. How long it is waited for, and which side is good, is said in the plan."""

    family = Family.OUTSIDE
    question = "What does a tool outside of Tenure say?"
    metric = "the figure that the tool reports"
    source = "the tool that is named with the result"
    reusable = False
    limits = dict.fromkeys(TIERS, Limits(0.5, None))  # what it means is said by the plan

    @classmethod
    def sense_of(cls, parameters: Mapping[str, Any]) -> Sense:
        """As the plan says."""
        return Sense(parameters.get("sense", cls.sense))

    def measure(self, case: Case, **settings: Any) -> Measured:
        """Nothing is measured here."""
        raise CannotRun("This is answered from outside of Tenure.")


class Reported(Outside):
    """A person or a program brings the result of another tool."""

    key = "outside.report"
    title = "Reported result"
    parameters = {
        "title": TITLE,
        "sense": SENSE,
        "hours": Parameter(72, "How many hours the run waits for it.", 1, 720),
    }


class OutsideJob(Outside):
    """A tool is called by a signed webhook, and brings the result itself."""

    key = "outside.job"
    title = "Outside job"
    parameters = {
        "title": TITLE,
        "tool": Parameter("", "Key of the outside tool that is called.", required=True),
        "sense": SENSE,
        "hours": Parameter(24, "How many hours the run waits for the answer.", 1, 720),
    }


CHECKS = (Reported, OutsideJob)
