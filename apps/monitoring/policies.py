"""What may be done in monitoring: each rule raises a sentence."""

from typing import Any

from apps.core.errors import IllegalMove, Invalid, Refused
from apps.monitoring.models import INCIDENTS, KINDS_WITH_BASELINE, Incident, IncidentState, Monitor, MonitorKind
from apps.organizations import access
from apps.organizations.roles import Permission


def check_ingest(user: Any, endpoint: Any) -> None:
    """Whether the person or token may send rows for this endpoint."""
    access.check(user, Permission.INGEST, endpoint)


def check_give_feedback(user: Any, endpoint: Any) -> None:
    """Whoever may comment on the model may say what the predictions are worth."""
    access.check(user, Permission.COMMENT, endpoint)


def check_monitor(user: Any, endpoint: Any) -> None:
    """Whether the person may set up and change monitors and baselines of this endpoint (or of a model version)."""
    access.check(user, Permission.MONITOR, endpoint)


def check_monitor_any(user: Any) -> None:
    """Whether there is anything that the person may monitor."""
    access.check_somewhere(user, Permission.MONITOR)


def check_set_up(user: Any, endpoint: Any, monitors: list[Monitor]) -> None:
    """Whether some of the usual monitors are missing and the person may set them up."""
    check_monitor(user, endpoint)
    if {monitor.kind for monitor in monitors} >= set(MonitorKind.values):
        raise Refused("Every kind of monitor is set up.")


def check_run(user: Any, monitor: Monitor) -> None:
    """Whether the monitor can be run now by this person."""
    access.check(user, Permission.MONITOR, monitor)
    if not monitor.is_active:
        raise Refused("This monitor is paused. Resume it first.")


def check_snooze(user: Any, monitor: Monitor) -> None:
    """Whether the person may hold back or release the monitor's alerts."""
    access.check(user, Permission.MONITOR, monitor)


def check_open_any(user: Any) -> None:
    """Whether there is anything of which the person may open an incident."""
    access.check_somewhere(user, Permission.INVESTIGATE)


def check_open_incident(user: Any, endpoint: Any) -> None:
    """Whether the person may open an incident of the endpoint's model."""
    access.check(user, Permission.INVESTIGATE, endpoint)


def check_investigate(user: Any, incident: Incident) -> None:
    """Whether the person may work on the incident: take it, write, record what was done."""
    access.check(user, Permission.INVESTIGATE, incident)
    if not incident.is_open:
        raise IllegalMove(f"{incident} is {incident.get_state_display().lower()}; open a new one if it is back.")


def check_resolve(user: Any, incident: Incident) -> None:
    """Whether the incident can be resolved now by this person."""
    check_investigate(user, incident)
    INCIDENTS.check(incident, IncidentState.RESOLVED)


def check_dismiss(user: Any, incident: Incident) -> None:
    """Whether the incident can be dismissed now by this person."""
    check_investigate(user, incident)
    INCIDENTS.check(incident, IncidentState.DISMISSED)


def check_ending(root_cause: str, resolution: str) -> None:
    """An incident ends with a cause and with what was done."""
    missing = {}
    if not root_cause.strip():
        missing["root_cause"] = "Say what caused it."
    if not resolution.strip():
        missing["resolution"] = "Say what was done about it."
    if missing:
        raise Invalid("An incident ends with its cause and what was done.", missing)


def check_owner(owner: Any, endpoint: Any) -> None:
    """Whoever owns a monitor or an incident must be able to work on incidents of the endpoint."""
    if not access.can(owner, Permission.INVESTIGATE, endpoint):
        raise Invalid(f"{owner} has no role in which to work on incidents of this model.", {"owner": "Choose another."})


def check_limits(limits: dict) -> None:
    """Whether limits are usable numbers."""
    from apps.monitoring.engine.policy import Limits, Unusable

    try:
        Limits.read(limits)
    except Unusable as error:
        raise Invalid(str(error), {"limits": str(error)}) from error


def check_kind(kind: str, reference: str) -> None:
    """Only drift and performance compare with a reference."""
    if reference != "training" and kind not in KINDS_WITH_BASELINE:
        raise Invalid(
            f"A monitor of {MonitorKind(kind).label.lower()} has no reference.", {"reference": "Leave it as it is."}
        )
