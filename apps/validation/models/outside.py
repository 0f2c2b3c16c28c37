"""Tools outside of Tenure, and what a run waits for from them."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone

from apps.core.models import History, TenantForeignKey, TenantManager, TenantModel, TenantQuerySet
from apps.core.states import Machine
from apps.validation.models.plans import PlanCheck
from apps.validation.models.runs import OPEN_RUNS, CheckResult, ValidationRun

KEY = RegexValidator(r"^[a-z0-9]+(-[a-z0-9]+)*$", "Small letters, digits and single hyphens.")


class OutsideTool(TenantModel):
    """A service that can be called to look at a version; its destination knows where it is and what signs the calls."""

    key = models.CharField(max_length=50, validators=[KEY])
    name = models.CharField(max_length=120)
    destination = TenantForeignKey("work.Destination", on_delete=models.PROTECT, related_name="+")
    is_active = models.BooleanField(default=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History()

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["key"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["organization", "key"], name="validation_tool_key")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("validation:outside-tool", args=[self.organization.key, self.key])

    @property
    def state(self) -> str:
        """Whether it is called."""
        return "active" if self.is_active else "retired"


class AnswerState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    ANSWERED = "answered", "Answered"
    MISSED = "missed", "No answer in time"
    DROPPED = "dropped", "Not needed any more"


ANSWER_STATES = Machine(
    "validation.OutsideAnswer",
    AnswerState,
    {
        AnswerState.WAITING: (AnswerState.ANSWERED, AnswerState.MISSED, AnswerState.DROPPED),
        AnswerState.ANSWERED: (),
        AnswerState.MISSED: (),
        AnswerState.DROPPED: (),
    },
)


class AnswerQuerySet(TenantQuerySet):
    """Reads of answers."""

    def missed(self) -> Self:
        """Those whose time has passed while their run still waits for them."""
        return self.filter(state=AnswerState.WAITING, due_at__lte=timezone.now(), run__state__in=OPEN_RUNS)


class AnswerManager(TenantManager.from_queryset(AnswerQuerySet)):  # type: ignore[misc]
    """Answers of the ambient organization."""


class OutsideAnswer(TenantModel):
    """One line of a run that is answered from outside: until when it is waited for, and the evidence that came.

    With a tool, the answer brings the one-time token that the call carried, of which only the hash is kept here.
    """

    run = TenantForeignKey(ValidationRun, on_delete=models.PROTECT, related_name="awaited")
    check_line = TenantForeignKey(PlanCheck, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, choices=AnswerState.choices, default=AnswerState.WAITING)
    due_at = models.DateTimeField()
    called = TenantForeignKey(OutsideTool, null=True, blank=True, on_delete=models.PROTECT, related_name="calls")
    delivery = TenantForeignKey("work.Delivery", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    token_hash = models.CharField(max_length=64, blank=True, editable=False)
    result = TenantForeignKey(CheckResult, null=True, blank=True, on_delete=models.PROTECT, related_name="answers")
    tool = models.CharField(max_length=120, blank=True)
    tool_version = models.CharField(max_length=60, blank=True)
    file = models.CharField(max_length=400, blank=True)
    file_name = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    history = History(excluded_fields=["token_hash"])
    objects: ClassVar = AnswerManager()

    project_path = "run__version__model__project"
    model_path = "run__version__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "run", "check_line"], name="validation_answer_once"),
            models.CheckConstraint(
                condition=models.Q(state="answered", answered_at__isnull=False, answered_by__isnull=False)
                | (~models.Q(state="answered") & models.Q(answered_at__isnull=True, file="")),
                name="validation_answer_state",
            ),
        ]

    def __str__(self) -> str:
        return str(self.title)

    def get_absolute_url(self) -> str:
        return self.run.get_absolute_url()

    @property
    def title(self) -> Any:
        """What the plan calls it."""
        return self.check_line.parameters.get("title") or self.check_line.name

    @property
    def is_open(self) -> bool:
        """Whether an answer may still come."""
        return self.state == AnswerState.WAITING and timezone.now() < self.due_at
