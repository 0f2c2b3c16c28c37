"""What happens here when something happens below: a new organization, an approval, a version or model that ends."""

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from apps.approvals.kinds import Kind
from apps.approvals.models import Request, RequestState
from apps.approvals.signals import decided, signing
from apps.core.errors import Conflict, DomainError, Refused
from apps.core.tenancy import current_or_none
from apps.deployments import actions, policies
from apps.deployments.models import Deployment, DeploymentState, Endpoint, EndpointState
from apps.deployments.publishing import publish
from apps.deployments.signals import terms_judged
from apps.discussions.notices import tell
from apps.models.models import VersionState
from apps.models.signals import archiving, retiring, state_changed
from apps.organizations import access
from apps.organizations.models import ApiToken, Membership, RoleAssignment, TeamMembership
from apps.organizations.roles import Permission
from apps.organizations.signals import organization_created
from apps.validation.signals import concluded, following_up, gathering_use


@receiver(organization_created)
def begin(sender: Any, by: Any, **_: Any) -> None:
    """Every organization begins with staging and production."""
    actions.begin_with_defaults(by=by)


@receiver(signing)
def check_still_true(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Nobody signs for a deployment that the gate would refuse by now."""
    planned = _planned(request)
    if planned is None:
        return
    try:
        policies.check_gate(planned.endpoint, planned.version)
    except Refused as error:
        raise Conflict(f"What this request covers has changed since it was asked for. {error.sentence}") from error


@receiver(decided)
def follow_decision(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Approved: deploy, where the environment says so, or tell the operators. Anything else: the plan is dropped."""
    planned = _planned(request)
    if planned is None:
        return
    if request.state != RequestState.APPROVED:
        actions.drop_undecided(deployment=planned, by=by, reason=request.outcome)
    elif planned.endpoint.environment.deploys_when_approved:
        _deploy_or_say_why(planned)
    else:
        _tell_operators(planned.endpoint, f"Deploy now: “{planned}” is approved", planned.get_absolute_url())


def _deploy_or_say_why(planned: Deployment) -> None:
    """In the name of who asked; when that person may not any more, the operators take over."""
    try:
        actions.deploy(endpoint=planned.endpoint, version=planned.version, by=planned.requested_by)
    except DomainError as error:
        text = f"Please deploy by hand: “{planned}” is approved, but {error.sentence[:1].lower()}{error.sentence[1:]}"
        _tell_operators(planned.endpoint, text, planned.get_absolute_url())


@receiver(archiving)
def keep_what_answers(sender: Any, version: Any, **_: Any) -> None:
    """A version that answers somewhere is not archived."""
    live = Deployment.objects.filter(version=version, state=DeploymentState.LIVE).select_related("endpoint").first()
    if live is not None:
        raise Conflict(f"{version} answers at {live.endpoint}. Replace it there, or turn the endpoint off, first.")


@receiver(retiring)
def end_endpoints_first(sender: Any, model: Any, **_: Any) -> None:
    """A model with an endpoint that is not off is not retired."""
    left = Endpoint.objects.filter(model=model).exclude(state=EndpointState.OFF).first()
    if left is not None:
        raise Conflict(f"The endpoint {left} of “{model}” is {left.get_state_display().lower()}. Turn it off first.")


@receiver(state_changed)
def tell_of_lost_approval(sender: Any, version: Any, **_: Any) -> None:
    """Operators learn when a version that answers in production is approved no longer."""
    if version.state == VersionState.APPROVED:
        return
    rows = Deployment.objects.filter(version=version, state=DeploymentState.LIVE).in_production()
    for live in rows.select_related("endpoint__model", "endpoint__environment", "organization"):
        text = f"Roll back or replace: {version} answers at {live.endpoint}, but it is {version.state} now"
        _tell_operators(live.endpoint, text, live.endpoint.get_absolute_url())


@receiver(concluded)
def take_new_terms(sender: Any, version: Any, by: Any, **_: Any) -> None:
    """What answers is under the conditions of its newest validation, and held against them at once."""
    for live in Deployment.objects.filter(version=version, state=DeploymentState.LIVE):
        actions.judge_terms(deployment=actions.take_terms(deployment=live, by=by), by=by)


@receiver(gathering_use)
def tell_what_answers(sender: Any, ids: set[Any], **_: Any) -> None:
    """What answers somewhere is in use."""
    ids.update(Deployment.objects.filter(state=DeploymentState.LIVE).values_list("version_id", flat=True))


@receiver(following_up)
def look_at_terms(sender: Any, by: Any, **_: Any) -> None:
    """Once a day: days pass, monitors are switched off."""
    actions.follow_up(by=by)


@receiver(terms_judged)
def tell_of_broken_terms(sender: Any, deployment: Any, sentences: list[str], **_: Any) -> None:
    """Operators and validators learn when what answers breaks a condition of its validation."""
    if not sentences:
        return
    what = "no longer answers" if deployment.is_halted else "still answers"
    text = f"Act on {deployment.endpoint}: {deployment.version} {what}. {sentences[0]}"
    _tell_operators(deployment.endpoint, text, deployment.get_absolute_url())
    tell(access.people_with(Permission.VALIDATE, deployment.endpoint), text=text, url=deployment.get_absolute_url())


@receiver([post_save, post_delete], sender=ApiToken)
@receiver([post_save, post_delete], sender=RoleAssignment)
@receiver([post_save, post_delete], sender=Membership)
@receiver([post_save, post_delete], sender=TeamMembership)
def publish_access(sender: Any, update_fields: Any = None, **_: Any) -> None:
    """Tokens and roles decide who may ask: the prediction servers learn of a change within a second."""
    if current_or_none() is not None and set(update_fields or ()) != {"last_used_at"}:
        publish()


def _planned(request: Request) -> Deployment | None:
    if request.kind != Kind.DEPLOYMENT:
        return None
    rows = Deployment.objects.filter(request=request, state=DeploymentState.PLANNED)
    return rows.select_related("endpoint__environment", "endpoint__model__project", "requested_by", "version").first()


def _tell_operators(endpoint: Endpoint, text: str, url: str) -> None:
    people = access.people_with(Permission.OPERATE, endpoint)
    tell(people, text=text, url=url, template="deployments/operate", context={"endpoint": endpoint})
