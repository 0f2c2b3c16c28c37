"""What monitoring does when it hears from the apps below."""

import datetime as dt
from typing import Any

from django.db.models import Count, Q
from django.dispatch import receiver

from apps.approvals.kinds import Kind
from apps.approvals.models import Request
from apps.approvals.signals import decided, signing
from apps.deployments.models import Endpoint, EndpointState
from apps.deployments.signals import endpoint_changed, gathering_monitors, predictions_recorded, terms_judged
from apps.models.models import ModelVersion
from apps.models.signals import registered
from apps.monitoring import actions
from apps.monitoring.actions.service import Call
from apps.monitoring.models import BaselineRequest, Cause, Monitor, MonitorKind, Severity
from apps.monitoring.signals import incident_opened
from apps.organizations.people import system
from apps.organizations.signals import organization_created
from apps.validation.actions import trigger_revalidation
from apps.validation.models import Trigger
from apps.validation.signals import gathering_objectives, gathering_watch
from apps.work import schedules

OF_THE_MODEL = (Cause.DRIFT, Cause.PERFORMANCE, Cause.FEEDBACK, Cause.VALUE, Cause.SEGMENTS)


@receiver(organization_created)
def begin(organization: Any, **_: Any) -> None:
    """Somebody looks after what killed workers leave behind."""
    schedules.plan(
        name="Count what a stopped worker left behind",
        task="monitoring.pick_up",
        subject_id=organization.pk,
        every=dt.timedelta(minutes=1),
        queue="monitoring",
    )


@receiver(organization_created)
def keep_house(organization: Any, **_: Any) -> None:
    """Incidents are followed up, and digests written."""
    actions.keep_schedules(organization_id=organization.pk)


@receiver(decided)
def settle_baseline(request: Request, by: Any, **_: Any) -> None:
    """A new baseline that was asked for takes effect when it is signed."""
    if request.kind == Kind.BASELINE and BaselineRequest.objects.filter(request=request).exists():
        actions.settle_baseline(request=request, by=by)


@receiver(signing)
def hold_against_the_window(request: Request, by: Any, **_: Any) -> None:
    """Nobody signs for a window that was checked again since."""
    if request.kind == Kind.BASELINE and BaselineRequest.objects.filter(request=request).exists():
        actions.invalidate_if_overtaken(request=request, by=by)


@receiver(registered)
def make_baseline(version: Any, by: Any, **_: Any) -> None:
    """A version that names its dataset gets its baseline at once: the reference is fixed before anything is served."""
    if version.dataset_version_id is not None:
        actions.start_baseline(version=version, reason="The version was registered.", by=system())


@receiver(predictions_recorded)
def take_served(endpoint_id: Any, version_id: Any, predictions: Any, **_: Any) -> None:
    """Served predictions go the same way as sent ones; their calls are counted by the hour."""
    endpoint = Endpoint.objects.select_related("model", "organization").get(pk=endpoint_id)
    version = ModelVersion.objects.get(pk=version_id)
    calls: dict[Any, Call] = {}
    for one in predictions:
        before = calls.get(one.call)
        calls[one.call] = Call(one.at, one.seconds, one.status, before.rows + 1 if before else 1)
    actions.count_calls(endpoint=endpoint, calls=list(calls.values()))
    rows = [_row(one) for one in predictions if one.status == "ok" and not one.is_repeat]
    if rows:
        actions.take_served(endpoint=endpoint, version=version, rows=rows, by=system())


@receiver(endpoint_changed)
def stop_watching(endpoint: Any, state: str, by: Any, **_: Any) -> None:
    """What is off needs no monitor."""
    if state == EndpointState.OFF and Monitor.objects.filter(endpoint=endpoint, is_active=True).exists():
        actions.stop_monitors(endpoint=endpoint, reason="The endpoint is off.", by=by)


@receiver(gathering_monitors)
def tell_monitors(endpoint: Any, monitors: list[dict[str, Any]], **_: Any) -> None:
    """What is watched at an endpoint, with which limits, for conditions of use that ask for it."""
    from apps.monitoring.engine.policy import Limits

    for monitor in Monitor.objects.filter(endpoint=endpoint, is_active=True):
        monitors.append({"kind": monitor.kind, "limits": Limits.read(monitor.limits).as_json()})


@receiver(terms_judged)
def open_for_broken_terms(deployment: Any, sentences: list[str], by: Any, **_: Any) -> None:
    """What answers against a condition of its validation is an incident; one is open at a time."""
    endpoint = deployment.endpoint
    if sentences and actions.open_of(endpoint, Cause.CONDITIONS) is None:
        actions.open_incident(
            endpoint=endpoint,
            cause=Cause.CONDITIONS,
            severity=Severity.SEVERE,
            title=sentences[0],
            evidence={"sentences": sentences, "halted": deployment.is_halted, "deployment": deployment.number},
            by=by,
        )


@receiver(incident_opened)
def revalidate(incident: Any, by: Any, **_: Any) -> None:
    """A limit that was passed, or an incident somebody opened, has what answers validated again.

    Failing or slow calls and silence say nothing of the model; a broken condition is told for itself.
    """
    current = incident.endpoint.current
    by_a_person = incident.check_run_id is None and incident.cause != Cause.CONDITIONS
    if current is None or not (by_a_person or incident.cause in OF_THE_MODEL):
        return
    trigger_revalidation(
        version=current.version,
        trigger=Trigger.INCIDENT if by_a_person else Trigger.BREACH,
        reason=str(incident),
        source=incident.get_absolute_url(),
        by=by,
    )


def _row(one: Any) -> dict[str, Any]:
    outputs = one.outputs
    said = outputs["label"] if "label" in outputs else outputs["score"]
    return {
        **one.inputs,
        "_id": one.prediction_id,
        "_at": one.event_at,
        "_score": outputs.get("score"),
        "_prediction": said,
    }


@receiver(gathering_watch)
def tell_watch(version: ModelVersion, watched: list[dict[str, Any]], **_: Any) -> None:
    """Which endpoints of a model answer, and how many active monitors each has."""
    rows = Endpoint.objects.filter(model_id=version.model_id, state__in=[EndpointState.LIVE, EndpointState.DRAINING])
    active = Count("monitors", filter=Q(monitors__is_active=True))
    watched.extend({"endpoint": one.key, "monitors": one.active} for one in rows.annotate(active=active))


@receiver(gathering_objectives)
def tell_objectives(version: ModelVersion, objectives: list[dict[str, Any]], **_: Any) -> None:
    """How fast the endpoints of a model have to be: what their monitors, but those paused, open an incident at."""
    from apps.monitoring.engine.policy import Limits

    service = Monitor.objects.filter(kind=MonitorKind.SERVICE, is_active=True, endpoint__model_id=version.model_id)
    for monitor in service.exclude(endpoint__state=EndpointState.OFF).select_related("endpoint"):
        seconds = Limits.read(monitor.limits).latency
        objectives.append({"endpoint": monitor.endpoint.key, "ms": seconds * 1000})
