"""What retirement hears: decisions on plans, and that somebody wants to end a model or project past it."""

from typing import Any

from django.dispatch import receiver

from apps.approvals import actions as approvals
from apps.approvals.kinds import Kind
from apps.approvals.models import Request
from apps.approvals.signals import decided, signing
from apps.core.errors import Conflict
from apps.deployments.models import Deployment
from apps.models.models import RegisteredModel
from apps.models.signals import retiring as model_retiring
from apps.projects.models import Project
from apps.projects.signals import retiring as project_retiring
from apps.retirement import actions, policies
from apps.retirement.models import PlanState, RetirementPlan


def _plan_of(request: Request) -> RetirementPlan | None:
    if request.kind != Kind.RETIREMENT:
        return None
    rows = RetirementPlan.objects.select_related("model__project", "version__artifact", "version__model", "approval")
    return rows.filter(approval=request).first()


@receiver(decided)
def conclude(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Take over the decision on a plan."""
    plan = _plan_of(request)
    if plan is not None and plan.state in {PlanState.PLANNED, PlanState.APPROVED}:
        actions.conclude_approval(request=request, by=by)


@receiver(signing)
def check_still_true(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Nobody signs for a plan that has changed, or that would leave a live endpoint without an answer by now."""
    plan = _plan_of(request)
    if plan is None:
        return
    if not approvals.invalidate_if_changed(request=request, snapshot=actions.snapshot(plan), by=by):
        policies.check_not_needed(plan)


@receiver(model_retiring)
def end_in_order(sender: Any, model: RegisteredModel, **_: Any) -> None:
    """A model that has answered somewhere leaves office by a plan that has come to its archive."""
    served = Deployment.objects.filter(endpoint__model=model, started_at__isnull=False).exists()
    plans = RetirementPlan.objects.filter(model=model, version=None, state=PlanState.ARCHIVED)
    if served and not plans.exists():
        raise Conflict(f"“{model}” has been in use: plan its retirement, so that its consumers are told.")


@receiver(project_retiring)
def end_models_first(sender: Any, project: Project, **_: Any) -> None:
    """A project with a model in office is not ended."""
    left = RegisteredModel.objects.filter(project=project, retired_at=None).first()
    if left is not None:
        raise Conflict(f"The model “{left}” of this project is in office. Retire it first.")
