"""Who may retire what, and what has to be true before each step. Each `check_x` raises with a sentence."""

import datetime as dt
from typing import Any

from django.utils import timezone

from apps.core.errors import Conflict, IllegalMove, Invalid, Refused
from apps.models.models import ModelVersion, RegisteredModel, VersionState
from apps.models.policies import models_in_office
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.retirement import measuring
from apps.retirement.models import ENDED, PLAN_STATES, Consumer, PlanState, RetirementPlan

RECENT = dt.timedelta(days=30)
LEAST_QUIET, MOST_QUIET = dt.timedelta(seconds=1), dt.timedelta(days=90)
MOST_NOTICE = 730
EDITABLE = {PlanState.PLANNED, PlanState.APPROVED}
BEFORE_OFF = {PlanState.PLANNED, PlanState.APPROVED, PlanState.NOTIFIED, PlanState.DRAINING, PlanState.DRAINED}


def check_retire(user: Any, thing: Any) -> None:
    """Whoever may plan and carry out a retirement in the project."""
    access.check(user, Permission.RETIRE, thing)


def check_retire_any(user: Any) -> None:
    """There is something that the person may retire."""
    access.check_somewhere(user, Permission.RETIRE)
    if not models_in_office(user, Permission.RETIRE).exists():
        raise Refused("There is no model in office that you may retire.")


def check_plan(user: Any, model: RegisteredModel, version: ModelVersion | None = None) -> None:
    """A model in office, or a version that is not put away, without another plan under way."""
    check_retire(user, model)
    if model.is_retired:
        raise Conflict(f"“{model}” is retired already.")
    if version is not None and version.state == VersionState.ARCHIVED:
        raise Conflict(f"{version} is archived already.")
    other = RetirementPlan.objects.filter(model=model).exclude(state__in=ENDED)
    if version is not None:
        other = other.filter(version__isnull=True) | other.filter(version=version)
    if (found := other.select_related("model", "version").first()) is not None:
        raise Conflict(f"{found} is under way already: plan {found.number}.")


def check_terms(plan: RetirementPlan) -> None:
    """The plan's terms fit together: successor, notice, quiet window, hold."""
    problems: dict[str, str] = {}
    if plan.version is not None and plan.version.model_id != plan.model_id:
        problems["version"] = "Choose a version of this model."
    if not plan.reason.strip():
        problems["reason"] = "Say why."
    if plan.notice_days > MOST_NOTICE:
        problems["notice_days"] = f"At most {MOST_NOTICE} days."
    if not LEAST_QUIET <= plan.quiet_for <= MOST_QUIET:
        problems["quiet_for"] = "From one second to 90 days."
    if plan.hold_until <= timezone.localdate():
        problems["hold_until"] = "Choose a day to come."
    problems |= _successor_problems(plan)
    if problems:
        raise Invalid(" ".join(problems.values()), problems)


def _successor_problems(plan: RetirementPlan) -> dict[str, str]:
    version, model = plan.successor_version, plan.successor_model
    if version is not None and model is not None:
        return {"successor_model": "Name a version or a model, not both."}
    if version is not None and plan.is_whole_model:
        return {"successor_version": "The whole model ends: name another model."}
    if version is not None and version.model_id != plan.model_id:
        return {"successor_version": "Choose a version of the same model, or name another model."}
    if version is not None and version.pk == plan.version_id:
        return {"successor_version": "It cannot follow itself."}
    if version is not None and version.state != VersionState.APPROVED:
        return {"successor_version": f"{version} is {version.state}; only an approved version can follow."}
    if model is not None and (model.pk == plan.model_id or model.is_retired):
        return {"successor_model": "Choose another model that is in office."}
    return {}


def blockers(plan: RetirementPlan) -> list[str]:
    """What forbids that it leaves office: it is the only champion of a live endpoint, and nothing follows it."""
    if plan.successor is not None:
        return []
    if plan.is_whole_model and plan.without_successor.strip():
        return []
    advice = (
        "Name a successor, or say why nothing follows." if plan.is_whole_model else "Name the version that follows."
    )
    return [
        f"{plan.subject} is the only champion of the live endpoint {endpoint}, and nothing follows it. {advice}"
        for endpoint in measuring.answering_at(plan)
    ]


def check_not_needed(plan: RetirementPlan) -> None:
    """Nothing that answers is left without a successor."""
    if found := blockers(plan):
        raise Refused(" ".join(found))


def check_change(user: Any, plan: RetirementPlan) -> None:
    """Changed until notice is given; a change ends its approval."""
    check_retire(user, plan)
    if plan.state not in EDITABLE:
        raise IllegalMove(
            f"{plan} is {plan.get_state_display().lower()}; its terms stand.", PLAN_STATES.next(plan.state)
        )


def check_add_consumer(user: Any, plan: RetirementPlan) -> None:
    """Whoever turns up as a consumer is added until it is off."""
    check_retire(user, plan)
    if plan.state not in BEFORE_OFF:
        raise IllegalMove(f"{plan} is {plan.get_state_display().lower()}; nobody uses it any more.")


def check_request_approval(user: Any, plan: RetirementPlan) -> None:
    """Asked for a plan that leaves nobody without an answer, one request at a time."""
    access.check(user, Permission.REQUEST_APPROVAL, plan)
    if plan.is_waiting:
        raise Conflict(f"{plan} waits for signatures already.")
    PLAN_STATES.check(plan, PlanState.APPROVED)
    check_not_needed(plan)
    asked = measuring.last_asked(plan)
    if asked is not None and asked > timezone.now() - RECENT and not plan.consumers.exists():
        raise Refused(
            f"{plan.subject} was asked for predictions on {asked:%-d %B}, but no consumer is named. "
            "Name who uses it, so that they can be told."
        )


def check_notify(user: Any, plan: RetirementPlan) -> None:
    """Notice is given of what is approved."""
    check_retire(user, plan)
    PLAN_STATES.check(plan, PlanState.NOTIFIED)


def check_remove_consumer(user: Any, consumer: Consumer) -> None:
    """As for any change of the plan."""
    check_change(user, consumer.plan)


def check_acknowledge(user: Any, consumer: Consumer) -> None:
    """By the contact, signed in; for somebody outside by who carries the plan out."""
    if consumer.contact_id != user.pk:
        access.check(user, Permission.VIEW, consumer)
        if consumer.contact_id is not None:
            raise Refused(f"Only {consumer.contact} can acknowledge for {consumer}.")
        check_retire(user, consumer)
    if consumer.acknowledged_at is not None:
        raise Conflict(f"{consumer} has acknowledged it already.")
    if consumer.notified_at is None or consumer.plan.state not in BEFORE_OFF:
        raise IllegalMove("There is no notice to acknowledge.")


def unacknowledged(plan: RetirementPlan) -> list[Consumer]:
    """The consumers who have not said that they know."""
    return list(plan.consumers.filter(acknowledged_at=None).select_related("contact"))


def check_everybody_knows(plan: RetirementPlan) -> None:
    """Every consumer has acknowledged."""
    if missing := unacknowledged(plan):
        names = ", ".join(f"{consumer} ({consumer.reached})" for consumer in missing)
        raise Refused(f"Not every consumer has acknowledged: {names}.")


def check_drain(user: Any, plan: RetirementPlan) -> None:
    """Traffic is turned away when everybody knows, the notice has passed and the successor answers."""
    check_retire(user, plan)
    PLAN_STATES.check(plan, PlanState.DRAINING)
    if plan.state == PlanState.DRAINED:
        raise IllegalMove(f"{plan.subject} has drained already.", PLAN_STATES.next(plan.state))
    if plan.is_whole_model:
        access.check(user, Permission.OPERATE, plan)
    check_everybody_knows(plan)
    ends = plan.notice_ends_at
    if ends is not None and ends > timezone.now():
        raise Refused(f"The notice runs until {timezone.localtime(ends):%-d %B %Y, %H:%M}. Wait until then.")
    check_not_needed(plan)
    check_replaced(plan)


def check_replaced(plan: RetirementPlan) -> None:
    """A version no longer answers anywhere: what follows it was deployed in its place."""
    where = measuring.answering_at(plan) if not plan.is_whole_model else []
    if where:
        names = ", ".join(str(endpoint) for endpoint in where)
        raise Refused(
            f"{plan.version} still answers at {names}. Deploy {plan.successor or 'its successor'} there first."
        )


def check_measure(user: Any, plan: RetirementPlan) -> None:
    """Counted while it drains."""
    check_retire(user, plan)
    if not plan.is_measured:
        raise IllegalMove(f"{plan} is {plan.get_state_display().lower()}; there is nothing to count.")


def check_turn_off(user: Any, plan: RetirementPlan) -> None:
    """Off when zero traffic is proven, and nobody was added who does not know."""
    check_retire(user, plan)
    if plan.state == PlanState.DRAINING:
        raise Refused("Zero traffic is not proven yet. Wait for a quiet window.")
    PLAN_STATES.check(plan, PlanState.OFF)
    if plan.is_whole_model:
        access.check(user, Permission.OPERATE, plan)
    check_everybody_knows(plan)
    check_not_needed(plan)
    check_replaced(plan)


def check_archive(user: Any, plan: RetirementPlan) -> None:
    """Put away by who operates: names are taken from the versions."""
    check_retire(user, plan)
    access.check(user, Permission.OPERATE, plan)
    PLAN_STATES.check(plan, PlanState.ARCHIVED)


def check_close(user: Any, plan: RetirementPlan) -> None:
    """Closed when everything is put away."""
    check_retire(user, plan)
    PLAN_STATES.check(plan, PlanState.CLOSED)


def check_cancel(user: Any, plan: RetirementPlan) -> None:
    """Taken back until it is off; endpoints that drain are resumed, which takes an operator."""
    check_retire(user, plan)
    PLAN_STATES.check(plan, PlanState.CANCELLED)
    if plan.is_measured and plan.is_whole_model:
        access.check(user, Permission.OPERATE, plan)


def check_read_held(user: Any, plan: RetirementPlan) -> None:
    """What is held is handed out to auditors and to who retires."""
    if not access.can(user, Permission.AUDIT):
        check_retire(user, plan)
