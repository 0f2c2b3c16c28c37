"""Who may deploy what, where and when. Each `check_x` raises with a sentence."""

from typing import Any

from apps.approvals.models import Signature
from apps.core.errors import Conflict, IllegalMove, Refused
from apps.datasets.models import VersionState as DataState
from apps.deployments import terms
from apps.deployments.engine import gate
from apps.deployments.models import (
    DEPLOYMENT_STATES,
    ENDPOINT_STATES,
    Deployment,
    DeploymentState,
    Endpoint,
    EndpointState,
    Environment,
)
from apps.models.models import ModelVersion, RegisteredModel, VersionState
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.validation.models import Finding, RunState, ValidationRun
from apps.validation.policies import held_up_by


def check_create_environment(user: Any) -> None:
    """Owners and administrators say which environments there are."""
    access.check(user, Permission.ADMINISTER)


def check_create_endpoint(user: Any, model: RegisteredModel, environment: Environment | None = None) -> None:
    """An operator of the project; one endpoint per model and environment."""
    access.check(user, Permission.OPERATE, model)
    taken = Endpoint.objects.filter(model=model, environment=environment).exclude(state=EndpointState.OFF).first()
    if environment is not None and taken is not None:
        raise Conflict(f"{model} has an endpoint in {environment} already: {taken}.")


def check_create_endpoints(user: Any) -> None:
    """Somebody who operates at least one project."""
    access.check_somewhere(user, Permission.OPERATE)


def check_operate(user: Any, endpoint: Endpoint) -> None:
    """An operator of the endpoint's project."""
    access.check(user, Permission.OPERATE, endpoint)


def check_ask(user: Any, endpoint: Endpoint) -> None:
    """Somebody who may ask for approvals in the endpoint's project."""
    access.check(user, Permission.REQUEST_APPROVAL, endpoint)


def check_request_deployment(user: Any, endpoint: Endpoint, version: ModelVersion | None = None) -> None:
    """Somebody who may ask for approvals; into production, one request at a time, through the gate."""
    check_ask(user, endpoint)
    if not endpoint.environment.is_production:
        raise Refused(f"{endpoint.environment} needs no approval. An operator deploys there directly.")
    _check_open(endpoint)
    if (planned := endpoint.planned) is not None:
        raise Conflict(f"{planned.version} is planned for {endpoint} already. Carry it out or withdraw it first.")
    if version is not None:
        check_fits(endpoint, version)
        check_gate(endpoint, version)


def check_deploy(user: Any, endpoint: Endpoint, version: ModelVersion) -> None:
    """An operator, through the gate; into production only what was asked for and signed, and not by who signed it."""
    check_operate(user, endpoint)
    _check_open(endpoint)
    check_fits(endpoint, version)
    check_gate(endpoint, version)
    if endpoint.environment.is_production:
        check_approved(user, endpoint, version)


def check_approved(user: Any, endpoint: Endpoint, version: ModelVersion) -> None:
    """The deployment is planned, all signatures are there, and the person is not one of the signers."""
    planned = endpoint.planned
    if planned is None or planned.version_id != version.pk:
        raise Refused(
            f"{endpoint.environment} takes only what was approved. Ask for the deployment of {version} first."
        )
    if not planned.is_approved:
        raise Refused(f"The deployment of {version} to {endpoint} still waits for signatures.")
    if Signature.objects.filter(request=planned.request, user=user).exists():
        raise Refused("You signed for this deployment; somebody else has to carry it out.")


def check_carry_out(user: Any, deployment: Deployment) -> None:
    """The planned deployment can be carried out by this person now."""
    check_operate(user, deployment.endpoint)
    DEPLOYMENT_STATES.check(deployment, DeploymentState.LIVE)
    check_deploy(user, deployment.endpoint, deployment.version)


def check_fits(endpoint: Endpoint, version: ModelVersion) -> None:
    """The version is one of the endpoint's model, and not the one that answers there already."""
    if version.model_id != endpoint.model_id:
        raise Refused(f"{endpoint} serves {endpoint.model}; {version} is a version of another model.")
    current = endpoint.current
    if current is not None and current.version_id == version.pk:
        raise Conflict(f"{version} answers at {endpoint} already.")


def check_gate(endpoint: Endpoint, version: ModelVersion) -> gate.Answer:
    """The gate's answer; raises with its sentences when it is no."""
    answer = gate.decide(gather(version, endpoint.environment, endpoint))
    if not answer.allowed:
        raise Refused(" ".join(answer.refusals))
    return answer


def check_roll_back(user: Any, endpoint: Endpoint) -> Deployment:
    """An operator, at once and without new signatures: the version before was approved and has served. Returns it."""
    check_operate(user, endpoint)
    current = endpoint.current
    if current is None or not endpoint.is_serving:
        raise IllegalMove(f"Nothing answers at {endpoint}; there is nothing to roll back.")
    before = before_of(current)
    if before is None:
        raise IllegalMove(f"{current.version} is the first version at {endpoint}; there is none before it.")
    good = {VersionState.APPROVED} if endpoint.environment.is_production else gate.TRIED
    if before.version.state not in good:
        raise Refused(f"The version before, {before.version}, is {before.version.state} and may not answer again.")
    if broken := terms.broken(before.version, endpoint.environment, endpoint):
        raise Refused(f"The version before, {before.version}, may not answer again. {' '.join(broken)}")
    return before


def before_of(deployment: Deployment) -> Deployment | None:
    """The deployment whose version answered before this one's; after a roll-back, the one before what was undone."""
    rows = endpoint_history(deployment.endpoint).filter(number__lt=deployment.number)
    undone = deployment.rollback_of
    if undone is not None:
        rows = rows.filter(number__lt=_original(deployment).number)
    return rows.exclude(version_id=deployment.version_id).first()


def _original(deployment: Deployment) -> Deployment:
    """The deployment that first brought a rolled-back-to version, before what the roll-back undid."""
    earlier = endpoint_history(deployment.endpoint).filter(version_id=deployment.version_id, rollback_of=None)
    return earlier.filter(number__lt=deployment.number).first() or deployment


def endpoint_history(endpoint: Endpoint) -> Any:
    """What has answered at the endpoint, newest first."""
    return Deployment.objects.filter(endpoint=endpoint, started_at__isnull=False).select_related(
        "version", "rollback_of"
    )


def check_drop(user: Any, deployment: Deployment) -> None:
    """Who asked, or an operator, takes a planned deployment back."""
    if deployment.requested_by_id != user.pk:
        check_operate(user, deployment.endpoint)
    DEPLOYMENT_STATES.check(deployment, DeploymentState.DROPPED)


def check_drain(user: Any, endpoint: Endpoint) -> None:
    """An operator, while it is live."""
    check_operate(user, endpoint)
    ENDPOINT_STATES.check(endpoint, EndpointState.DRAINING)


def check_resume(user: Any, endpoint: Endpoint) -> None:
    """An operator, while it drains."""
    check_operate(user, endpoint)
    if endpoint.state != EndpointState.DRAINING:
        raise IllegalMove(
            f"{endpoint} does not drain; there is nothing to resume.", ENDPOINT_STATES.next(endpoint.state)
        )


def check_turn_off(user: Any, endpoint: Endpoint) -> None:
    """An operator, from any state but off."""
    check_operate(user, endpoint)
    ENDPOINT_STATES.check(endpoint, EndpointState.OFF)


def _check_open(endpoint: Endpoint) -> None:
    if endpoint.state not in {EndpointState.CREATED, EndpointState.LIVE}:
        moves = ENDPOINT_STATES.next(endpoint.state)
        raise IllegalMove(
            f"{endpoint} is {endpoint.get_state_display().lower()}; nothing is deployed there now.", moves
        )


def for_gate(versions: Any) -> Any:
    """Versions with all that the gate looks at, for asking it without a query for each thing."""
    return versions.select_related(
        "model__project__approval", "artifact", "dataset_version__dataset", "approval", "organization"
    )


def gather(version: ModelVersion, environment: Environment, endpoint: Endpoint | None = None) -> gate.Facts:
    """The facts the gate decides on, as they are now; without an endpoint for the one there is in the environment."""
    project = version.model.project
    concluded = ValidationRun.objects.filter(version=version, state=RunState.FINISHED).exclude(outcome="").first()
    earlier = Environment.objects.filter(order__lt=environment.order, is_production=False)
    served = Deployment.objects.filter(version=version, started_at__isnull=False)
    data = version.dataset_version
    conditions = list(concluded.terms.all()) if concluded else []
    return gate.Facts(
        version=str(version),
        environment=environment.name,
        is_production=environment.is_production,
        charter_is_approved=project.is_approved,
        tier=project.tier,
        version_state=version.state,
        format=version.artifact.format,
        data=str(data or ""),
        data_is_signed_off=data is not None and data.state == DataState.SIGNED_OFF,
        validation=concluded.outcome if concluded else "",
        approval_counts=version.approval is not None and version.approval.state == "approved",
        blocking_findings=tuple(str(finding) for finding in Finding.objects.blocking().filter(version=version)),
        earlier_environments=tuple(earlier.values_list("name", flat=True)),
        held_up_by=held_up_by(version),
        conditions=tuple(condition.words for condition in conditions),
        broken_conditions=tuple(terms.broken(version, environment, endpoint, conditions)),
        served_in=tuple(served.values_list("endpoint__environment__name", flat=True)),
    )
