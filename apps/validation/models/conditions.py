"""Conditions of use: what the validator's conclusion allows the version for, line by line."""

from typing import Any, ClassVar

from django.db import models

from apps.core.models import AppendOnlyModel, TenantForeignKey
from apps.validation.engine import conditions as engine
from apps.validation.models.runs import ValidationRun


class ConditionKind(models.TextChoices):
    """What a condition limits. Gate and prediction servers enforce all but the last, which somebody acknowledges."""

    UNTIL = engine.UNTIL, "Valid until a day"
    PLACES = engine.PLACES, "Only in named environments or at named endpoints"
    TRAFFIC = engine.TRAFFIC, "Only for a share of the callers, or in the shadow"
    INPUTS = engine.INPUTS, "Only for inputs within limits"
    MONITOR = engine.MONITOR, "A monitor has to be active"
    CONFIRM = engine.CONFIRM, "A person confirms each decision"
    STATEMENT = engine.STATEMENT, "In words, to be acknowledged at deployment"


class Condition(AppendOnlyModel):
    """One condition under which a run was concluded. Those of a version are those of its newest conclusion."""

    run = TenantForeignKey(ValidationRun, on_delete=models.PROTECT, related_name="terms")
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=16, choices=ConditionKind.choices)
    limits = models.JSONField(default=dict, blank=True)
    text = models.TextField(blank=True)
    is_strict = models.BooleanField(default=False)

    project_path = "run__version__model__project"
    model_path = "run__version__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "run", "number"], name="validation_condition_number"),
            models.CheckConstraint(
                condition=~models.Q(kind="statement") | ~models.Q(text=""), name="validation_condition_text"
            ),
        ]

    def __str__(self) -> str:
        return self.words

    @property
    def condition(self) -> engine.Condition:
        """The condition as the engine holds it."""
        return engine.Condition(self.kind, self.limits, self.text, self.is_strict)

    @property
    def words(self) -> str:
        """The condition as a sentence."""
        return self.condition.words

    def as_json(self) -> dict[str, Any]:
        """The condition as it is signed for and kept with a deployment."""
        return {"number": self.number, **self.condition.as_json(), "words": self.words}
