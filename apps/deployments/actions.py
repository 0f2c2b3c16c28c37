"""Environments, endpoints, and what answers there. Every verb is one transaction with one audit record."""

from collections.abc import Collection
from typing import Any

from django.utils import timezone

from apps.approvals import actions as approvals
from apps.approvals.kinds import Kind
from apps.audit.actions import action, record
from apps.core.errors import Invalid
from apps.deployments import policies, terms
from apps.deployments.engine import gate
from apps.deployments.models import (
    DEPLOYMENT_STATES,
    ENDPOINT_STATES,
    Deployment,
    DeploymentState,
    Endpoint,
    EndpointState,
    Environment,
    GateDecision,
)
from apps.deployments.publishing import publish
from apps.deployments.signals import endpoint_changed, terms_judged, version_deployed
from apps.models.actions import set_alias
from apps.models.models import CHAMPION, ModelVersion, RegisteredModel
from apps.models.policies import developers
from apps.projects import actions as projects
from apps.projects.models import ProjectState
from apps.validation import subjects

IN_PLACE = ("endpoint__environment", "endpoint__model__project", "endpoint__organization", "version__model")
# Keys that would hide pages of our own behind an endpoint's.
OUR_PAGES = {"new", "gate", "history", "environments"}


@action
def create_environment(
    *, key: str, name: str, order: int, by: Any, is_production: bool = False, deploys_when_approved: bool = False
) -> Environment:
    """A new place for models to run."""
    policies.check_create_environment(by)
    _check_free(Environment.objects.filter(key=key), "key", f"There is an environment “{key}” already.")
    _check_free(Environment.objects.filter(order=order), "order", f"Another environment is number {order} already.")
    environment = Environment(
        key=key,
        name=name,
        order=order,
        is_production=is_production,
        deploys_when_approved=deploys_when_approved,
    )
    environment.save(force_insert=True)
    details = {"order": order, "production": is_production, "deploys_when_approved": deploys_when_approved}
    record(by=by, action="environment.created", subject=environment, details=details)
    return environment


@action
def begin_with_defaults(*, by: Any) -> list[Environment]:
    """Give a new organization the environments it begins with: staging and production."""
    made = [
        Environment(key="staging", name="Staging", order=1),
        Environment(key="production", name="Production", order=2, is_production=True),
    ]
    for environment in made:
        environment.save(force_insert=True)
        record(by=by, action="environment.created", subject=environment, details={"order": environment.order})
    return made


@action
def create_endpoint(
    *, model: RegisteredModel, environment: Environment, by: Any, key: str = "", must_record: bool = False
) -> Endpoint:
    """An address for a model in an environment. Its key is the model's, in other environments with theirs behind it."""
    policies.check_create_endpoint(by, model, environment)
    key = key or _default_key(model, environment)
    if key in OUR_PAGES or Endpoint.objects.filter(key=key).exists():
        sentence = f"“{key}” is taken. Choose another key."
        raise Invalid(sentence, {"key": sentence})
    endpoint = Endpoint(model=model, environment=environment, key=key, must_record=must_record, created_by=by)
    endpoint.save(force_insert=True)
    details = {"model": model.key, "environment": environment.key, "must_record": must_record}
    record(by=by, action="endpoint.created", subject=endpoint, details=details)
    publish()
    return endpoint


@action
def ask_gate(*, version: ModelVersion, environment: Environment, by: Any) -> GateDecision:
    """Put the question to the gate on record, for a pipeline that must show later what it was told."""
    policies.access.check(by, policies.Permission.VIEW, version)
    return _decide(version, environment, "asked", by)


@action
def request_deployment(
    *, endpoint: Endpoint, version: ModelVersion, by: Any, reason: str = "", acknowledged: Collection[int] = ()
) -> Deployment:
    """Plan a version for production and ask for the signatures the policy wants. Returns the planned deployment.

    `acknowledged` are the numbers of those conditions of its validation that are put in words.
    """
    locked = _locked(endpoint)
    policies.check_request_deployment(by, locked, version)
    decision = _decide(version, locked.environment, "requested", by)
    planned = Deployment(endpoint=locked, version=version, number=_next(locked), reason=reason, requested_by=by)
    planned.decision = decision
    _acknowledge(planned, acknowledged, by)
    planned.save(force_insert=True)
    planned.request = approvals.request(
        kind=Kind.DEPLOYMENT,
        scope=locked.model.project,
        title=f"Deploy {version} to {locked.environment}",
        link=planned.get_absolute_url(),
        snapshot=snapshot(planned),
        conflicts=dict(developers(version)),
        message=reason,
        tier=locked.model.project.tier,
        by=by,
    )
    planned.save()
    details = {"version": version.number, "endpoint": locked.key, "request": str(planned.request.pk)}
    record(by=by, action="deployment.requested", subject=planned, reason=reason, details=details)
    return planned


@action
def deploy(
    *, endpoint: Endpoint, version: ModelVersion, by: Any, reason: str = "", acknowledged: Collection[int] = ()
) -> Deployment:
    """Let a version answer at an endpoint from now on, in place of what answered before.

    Into production it carries out the approved plan for this version; elsewhere the gate alone decides. `acknowledged`
    are the numbers of the conditions in words that nobody acknowledged when it was asked for.
    """
    locked = _locked(endpoint)
    policies.check_deploy(by, locked, version)
    planned = locked.planned if locked.environment.is_production else None
    if planned is None:
        planned = Deployment(endpoint=locked, version=version, number=_next(locked), requested_by=by)
    planned.reason = planned.reason or reason
    _acknowledge(planned, acknowledged, by)
    planned.decision = _decide(version, locked.environment, "deployed", by)
    return _start(planned, by, reason)


@action
def roll_back(*, endpoint: Endpoint, reason: str, by: Any) -> Deployment:
    """Let the version before answer again, at once. The new deployment says what it undid and why."""
    locked = _locked(endpoint)
    before = policies.check_roll_back(by, locked)
    _needed(reason, "Say why you roll back; whoever looks at this later needs to know.")
    undone = locked.current
    assert undone is not None
    fresh = Deployment(
        endpoint=locked,
        version=before.version,
        number=_next(locked),
        reason=reason,
        requested_by=by,
        request=before.request,
        acknowledged=before.acknowledged,
        rollback_of=undone,
    )
    return _start(fresh, by, reason)


@action
def drop(*, deployment: Deployment, by: Any, reason: str = "") -> Deployment:
    """Give up a planned deployment; an open request for it is withdrawn by who asked."""
    rows = Deployment.objects.select_for_update(of=("self",)).select_related("endpoint", "request")
    locked = rows.get(pk=deployment.pk)
    policies.check_drop(by, locked)
    if locked.request is not None and locked.request.is_open:
        # The receiver of the request's end drops the plan.
        approvals.invalidate(request=locked.request, by=by, because=reason or "The deployment was given up.")
        locked.refresh_from_db()
        return locked
    return drop_undecided(deployment=locked, by=by, reason=reason)


@action
def drop_undecided(*, deployment: Deployment, by: Any, reason: str) -> Deployment:
    """Give up what was not approved: its request was declined, withdrawn, expired, or covers something else now."""
    DEPLOYMENT_STATES.move(deployment, DeploymentState.DROPPED)
    deployment.save()
    record(by=by, action="deployment.dropped", subject=deployment, reason=reason)
    return deployment


@action
def drain(*, endpoint: Endpoint, reason: str, by: Any) -> Endpoint:
    """Tell callers with every answer that the endpoint is going away; it still answers."""
    locked = _locked(endpoint)
    policies.check_drain(by, locked)
    locked.draining_at = timezone.now()
    return _move(locked, EndpointState.DRAINING, "endpoint.draining", _needed(reason, "Say why it is going away."), by)


@action
def resume(*, endpoint: Endpoint, reason: str, by: Any) -> Endpoint:
    """Take a draining endpoint back to life: it stays after all."""
    locked = _locked(endpoint)
    policies.check_resume(by, locked)
    locked.draining_at = None
    return _move(locked, EndpointState.LIVE, "endpoint.resumed", _needed(reason, "Say why it stays after all."), by)


@action
def turn_off(*, endpoint: Endpoint, reason: str, by: Any) -> Endpoint:
    """End an endpoint for good: what answered there ends, what was planned is dropped, callers get 410."""
    locked = _locked(endpoint)
    policies.check_turn_off(by, locked)
    _needed(reason, "Say why it is turned off; whoever calls it will ask.")
    if (planned := locked.planned) is not None:
        drop(deployment=planned, by=by, reason=reason)
    if (current := locked.current) is not None:
        _end(current, by)
    locked.off_at = timezone.now()
    return _move(locked, EndpointState.OFF, "endpoint.turned_off", reason, by)


@action
def take_terms(*, deployment: Deployment, by: Any) -> Deployment:
    """What answers is under the conditions of its newest validation from now on."""
    locked = _locked_deployment(deployment)
    locked.terms = _terms(locked.version)
    locked.save()
    record(by=by, action="deployment.terms_taken", subject=locked, details={"conditions": locked.terms})
    publish()
    return locked


def judge_terms(*, deployment: Deployment, by: Any) -> bool:
    """Hold what answers against its conditions; whether the answer is another than before.

    People are told when it begins to break one. While a strict one is broken, callers get no answers.
    """
    found = terms.broken_of(deployment)
    sentences = [sentence for sentence, _ in found]
    is_halted = any(is_strict for _, is_strict in found)
    if (deployment.breach, deployment.is_halted) == (" ".join(sentences), is_halted):
        return False
    _keep_judgement(deployment=deployment, sentences=sentences, is_halted=is_halted, by=by)
    return True


@action
def _keep_judgement(*, deployment: Deployment, sentences: list[str], is_halted: bool, by: Any) -> Deployment:
    locked = _locked_deployment(deployment)
    locked.breach, locked.is_halted = " ".join(sentences), is_halted
    locked.breached_at = (locked.breached_at or timezone.now()) if sentences else None
    locked.save()
    verb = "terms_broken" if sentences else "terms_kept"
    record(by=by, action=f"deployment.{verb}", subject=locked, reason=locked.breach, details={"halted": is_halted})
    publish()
    terms_judged.send(sender=Deployment, deployment=locked, sentences=sentences, by=by)
    return locked


def follow_up(*, by: Any) -> None:
    """Hold everything that answers against the conditions it is under."""
    rows = Deployment.objects.filter(state=DeploymentState.LIVE).exclude(terms=[])
    for live in rows.select_related(*IN_PLACE):
        judge_terms(deployment=live, by=by)


def snapshot(deployment: Deployment) -> dict[str, Any]:
    """What signers of a deployment sign: the version by its artifact's hash, the place, and the gate's answer."""
    version, endpoint = deployment.version, deployment.endpoint
    current = endpoint.current
    decision = deployment.decision
    return {
        "model": endpoint.model.key,
        "version": version.number,
        "artifact": version.artifact.sha256,
        "endpoint": endpoint.key,
        "environment": endpoint.environment.key,
        "replaces": current.version.number if current else None,
        "gate": decision.reasons if decision else [],
        "conditions": _terms(version),
        "acknowledged": deployment.acknowledged,
        "reason": deployment.reason,
    }


def _start(fresh: Deployment, by: Any, reason: str) -> Deployment:
    endpoint, now = fresh.endpoint, timezone.now()
    current = endpoint.current
    if current is not None:
        _end(current, by, now)
    fresh.replaced, fresh.started_at, fresh.deployed_by = current, now, by
    fresh.terms = _terms(fresh.version)
    DEPLOYMENT_STATES.move(fresh, DeploymentState.LIVE)
    fresh.save()
    went_live = endpoint.state == EndpointState.CREATED
    if went_live:
        ENDPOINT_STATES.move(endpoint, EndpointState.LIVE)
        endpoint.save()
    project = endpoint.model.project
    if endpoint.environment.is_production and project.state == ProjectState.APPROVED:
        projects.go_live(project=project, reason=f"{fresh} is the first in production.", by=by)
    verb = "rolled_back" if fresh.rollback_of else "replaced" if current else "deployed"
    details = {
        "endpoint": endpoint.key,
        "environment": endpoint.environment.key,
        "version": fresh.version.number,
        "artifact": fresh.version.artifact.sha256,
        "replaced": current.version.number if current else None,
        "request": str(fresh.request_id or ""),
    }
    record(by=by, action=f"deployment.{verb}", subject=fresh, reason=reason, details=details)
    if endpoint.environment.is_production and endpoint.model.champion != fresh.version:
        why = f"Answers in {endpoint.environment}."
        set_alias(model=endpoint.model, name=CHAMPION, version=fresh.version, reason=why, by=by)
    publish()
    version_deployed.send(sender=Deployment, deployment=fresh, endpoint=endpoint, version=fresh.version, by=by)
    if went_live:
        endpoint_changed.send(sender=Endpoint, endpoint=endpoint, state=endpoint.state, by=by)
    return fresh


def _end(current: Deployment, by: Any, now: Any = None) -> None:
    DEPLOYMENT_STATES.move(current, DeploymentState.ENDED)
    current.ended_at, current.ended_by = now or timezone.now(), by
    current.save()


def _move(locked: Endpoint, state: EndpointState, verb: str, reason: str, by: Any) -> Endpoint:
    before = ENDPOINT_STATES.move(locked, state)
    locked.save()
    details = {"before": {"state": before}, "after": {"state": str(state.value)}}
    record(by=by, action=verb, subject=locked, reason=reason, details=details)
    publish()
    endpoint_changed.send(sender=Endpoint, endpoint=locked, state=locked.state, by=by)
    return locked


def _decide(version: ModelVersion, environment: Environment, occasion: str, by: Any) -> GateDecision:
    answer = gate.decide(policies.gather(version, environment))
    decision = GateDecision(
        version=version,
        environment=environment,
        allowed=answer.allowed,
        reasons=[{"code": one.code, "met": one.is_met, "sentence": one.sentence} for one in answer.reasons],
        occasion=occasion,
        decided_for=by,
    )
    decision.save(force_insert=True)
    details = {"allowed": answer.allowed, "refusals": answer.refusals, "occasion": occasion}
    record(by=by, action="gate.decided", subject=decision, details=details)
    return decision


def _terms(version: ModelVersion) -> list[dict[str, Any]]:
    return [condition.as_json() for condition in subjects.conditions_in_force(version)]


def _acknowledge(deployment: Deployment, numbers: Collection[int], by: Any) -> None:
    """Keep who took note of the conditions in words; Invalid while one is left of which nobody did."""
    new = terms.unacknowledged(deployment)
    left = [one for one in new if one.number not in numbers]
    if left:
        said = " ".join(f"{one.number}: “{one.text}”" for one in left)
        sentence = f"Acknowledge these conditions of its validation. {said}"
        raise Invalid(sentence, {"acknowledged": sentence})
    at = timezone.now().isoformat()
    taken = [{"number": one.number, "text": one.text, "by": by.email, "at": at} for one in new]
    deployment.acknowledged = [*deployment.acknowledged, *taken]


def _locked_deployment(deployment: Deployment) -> Deployment:
    return Deployment.objects.select_for_update(of=("self",)).select_related(*IN_PLACE).get(pk=deployment.pk)


def _default_key(model: RegisteredModel, environment: Environment) -> str:
    if environment.is_production:
        return str(model.key)
    return f"{model.key[: 49 - len(environment.key)].rstrip('-')}-{environment.key}"


def _locked(endpoint: Endpoint) -> Endpoint:
    rows = Endpoint.objects.select_for_update(of=("self",))
    return rows.select_related("environment", "model__project", "organization").get(pk=endpoint.pk)


def _next(endpoint: Endpoint) -> int:
    newest = Deployment.objects.filter(endpoint=endpoint).order_by("-number").first()
    return newest.number + 1 if newest else 1


def _check_free(rows: Any, field: str, sentence: str) -> None:
    if rows.exists():
        raise Invalid(sentence, {field: sentence})


def _needed(reason: str, sentence: str) -> str:
    if not reason.strip():
        raise Invalid(sentence, {"reason": sentence})
    return reason.strip()
