"""What may be done in monitoring: each rule raises a sentence."""

import math
from typing import Any

from apps.approvals.models import RequestState
from apps.core.errors import Conflict, IllegalMove, Invalid, Refused
from apps.monitoring.models import (
    INCIDENTS,
    KINDS_WITH_BASELINE,
    BaselineRequest,
    BatchState,
    Channel,
    Check,
    Incident,
    IncidentState,
    Level,
    Monitor,
    MonitorKind,
    Purpose,
    Reference,
)
from apps.monitoring.segmenting import MOST_COLUMNS
from apps.monitoring.worth import KEYS
from apps.organizations import access
from apps.organizations.roles import Permission

MOST_CUTS = 20
LARGEST = 1e9


def check_ingest(user: Any, endpoint: Any) -> None:
    """Whether the person or token may send rows for this endpoint."""
    access.check(user, Permission.INGEST, endpoint)


def check_retry(user: Any, batch: Any) -> None:
    """Who watches the endpoint may have a batch counted again that was given up."""
    access.check(user, Permission.MONITOR, batch)
    if batch.state != BatchState.FAILED:
        raise IllegalMove("Only a batch that could not be counted can be tried again.")


def check_hold(user: Any, endpoint: Any) -> None:
    """Who may work on incidents of the endpoint may hold its rows, and let them go."""
    access.check(user, Permission.INVESTIGATE, endpoint)


def check_hold_any(user: Any) -> None:
    """Whether there is any endpoint whose rows the person may hold."""
    access.check_somewhere(user, Permission.INVESTIGATE)


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
    if {monitor.kind for monitor in monitors} >= set(MonitorKind.values) - {MonitorKind.SEGMENTS, MonitorKind.CONTENTS}:
        raise Refused("Every kind of monitor is set up.")


def check_exact(user: Any, check: Check) -> None:
    """Whether the check can be computed from the rows by this person: only drift is told by bins."""
    access.check(user, Permission.INVESTIGATE, check)
    if check.monitor.kind != MonitorKind.DRIFT or check.baseline_id is None:
        raise Refused("Only checks of drift are told by bins; all others are exact as they are.")


def check_run(user: Any, monitor: Monitor) -> None:
    """Whether the monitor can be run now by this person."""
    access.check(user, Permission.MONITOR, monitor)
    if not monitor.is_active:
        raise Refused("This monitor is paused. Resume it first.")


def check_snooze(user: Any, monitor: Monitor) -> None:
    """Whether the person may hold back or release the monitor's alerts."""
    access.check(user, Permission.MONITOR, monitor)


def check_accept(user: Any, check: Check) -> None:
    """Whether the person may take what the check looked at as the new normal."""
    monitor = check.monitor
    access.check(user, Permission.MONITOR, check)
    if monitor.kind != MonitorKind.DRIFT or check.baseline is None:
        raise Refused("Only a window that was looked at for drift can become the new baseline.")
    if monitor.reference not in (Reference.TRAINING, Reference.PERIOD):
        raise Refused("This monitor compares with the windows before; it takes up a new normal by itself.")
    if not check.is_current:
        raise Refused("This window was checked again since. Accept its newest revision.")
    if check.level == Level.NOT_ENOUGH:
        raise Refused("There are too few rows in this window to say how things are.")
    check_none_waits(check.baseline.version)


def check_none_waits(version: Any) -> None:
    """One new baseline of a version waits for a signature at a time."""
    if BaselineRequest.objects.filter(version=version, request__state=RequestState.OPEN).exists():
        raise Conflict(f"A new baseline of {version} waits for a signature. Have that decided first.")


def check_mute(user: Any, monitor: Monitor) -> None:
    """Whether the person may have something of the monitor not told, or told again."""
    access.check(user, Permission.MONITOR, monitor)


def check_write_watch_plan(user: Any, plan: Any = None) -> None:
    """Administrators say what has to be watched at which tier."""
    access.check(user, Permission.ADMINISTER)


def check_channel_any(user: Any) -> None:
    """Whether there is anything that the person may have told somewhere."""
    if not access.can(user, Permission.ADMINISTER):
        access.check_somewhere(user, Permission.MONITOR)


def check_channels_of(user: Any, thing: Any) -> None:
    """Channels of a project or endpoint are for who watches it, those of the organization for administrators."""
    if access.can(user, Permission.ADMINISTER):
        return
    if thing is None:
        access.check(user, Permission.ADMINISTER)
    access.check(user, Permission.MONITOR, thing)


def check_channel(user: Any, channel: Channel) -> None:
    """Whether the person may change the channel, try it, and read its address and secret."""
    check_channels_of(user, channel.endpoint or channel.project)


def check_replay(user: Any, delivery: Any, channel: Channel) -> None:
    """Whether the person may have this sent again: whoever may do so to its channel, of what they may see."""
    access.check(user, Permission.VIEW, delivery)
    check_channel(user, channel)


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


def check_escalation(hours: int | None, person: Any, endpoint: Any) -> None:
    """Whether an incident that nobody takes can be told to this person after so many hours; both, or neither."""
    if (hours is None) != (person is None):
        name = "escalate_to" if person is None else "escalate_after"
        raise Invalid("Say after how many hours, and whom to tell.", {name: "Give both, or neither."})
    if hours is not None and not 1 <= hours <= 720:
        raise Invalid("From 1 hour to 30 days.", {"escalate_after": "Choose between 1 and 720 hours."})
    if person is not None and not access.can(person, Permission.INVESTIGATE, endpoint):
        sentence = f"{person} has no role in which to work on incidents of this model."
        raise Invalid(sentence, {"escalate_to": "Choose another."})


def check_limits(limits: dict) -> None:
    """Whether limits are usable numbers."""
    from apps.monitoring.engine.policy import Limits, Unusable

    try:
        Limits.read(limits)
    except Unusable as error:
        raise Invalid(str(error), {"limits": str(error)}) from error


def check_kind(kind: str, reference: str) -> None:
    """Only drift, performance and segments compare with a reference."""
    if reference != "training" and kind not in KINDS_WITH_BASELINE:
        raise Invalid(
            f"A monitor of {MonitorKind(kind).label.lower()} has no reference.", {"reference": "Leave it as it is."}
        )


def check_segment(column: Any, active: Any) -> None:
    """Whether an endpoint's rows can be counted apart by this column, beside those that are active."""
    from apps.monitoring.engine.wanted import RESERVED

    name = column.column
    if not name or len(name) > 60 or "=" in name or name.startswith("_") or name in RESERVED:
        raise Invalid(
            "A column is named by up to 60 characters, without = and without _ at the start.",
            {"column": "Choose another name."},
        )
    if active.filter(column=name).exists():
        raise Conflict(f"“{name}” is watched already.")
    if active.filter(purpose=column.purpose).count() >= (MOST_COLUMNS if column.purpose == Purpose.SEGMENT else 1):
        raise Conflict(
            f"An endpoint has {MOST_COLUMNS} segment columns at most, and one that names lists. Give one up first."
        )
    if len(column.cuts) > MOST_CUTS or len(set(column.cuts)) != len(column.cuts):
        raise Invalid(f"A figure is cut at up to {MOST_CUTS} different places.", {"cuts": "Give fewer, each once."})
    if not 1 <= column.top <= 1000:
        raise Invalid("From 1 to 1,000 places of a list can count.", {"top": "Choose between."})
    _check_against_model(column)


def _check_against_model(column: Any) -> None:
    """What the version that answers now says of the column: a figure needs cuts, a favourable label must exist."""
    from apps.models.engine.signatures import Signature, class_key

    current = column.endpoint.current
    if current is None:
        return
    signature = Signature.from_json(current.version.signature)
    types = {one.name: one.type for one in signature.inputs}
    is_figure = types.get(column.column) == "number"
    if is_figure and not column.cuts and column.purpose == Purpose.SEGMENT:
        raise Invalid(f"“{column.column}” is a figure. Say where to cut it.", {"cuts": "Say where, as 25, 40, 60."})
    if column.cuts and types.get(column.column) in ("string", "boolean"):
        raise Invalid(f"“{column.column}” is no figure and has nothing to cut.", {"cuts": "Leave it empty."})
    labels = [class_key(one) for one in signature.classes]
    if column.favourable and column.favourable not in labels:
        told = f"Choose one of {', '.join(labels)}." if labels else "Leave it empty: the model gives figures."
        raise Invalid(f"The model has no label “{column.favourable}”.", {"favourable": told})


def check_set_values(user: Any, project: Any) -> None:
    """Whether the person may say what outcomes are worth: whoever writes what the project promises."""
    access.check(user, Permission.PLAN, project)


def check_set_values_any(user: Any) -> None:
    """Whether there is any project for which the person may say so."""
    access.check_somewhere(user, Permission.PLAN)


def check_values(written: Any) -> None:
    """Whether amounts can be used: a currency, and for one kind of model a number for what it tells apart."""
    if len(written.currency) != 3 or not written.currency.isalpha():
        raise Invalid("A currency has three letters, as EUR.", {"currency": "Give three letters."})
    if not written.reason:
        raise Invalid("Say where the amounts come from.", {"reason": "Say where from."})
    names = set(written.values)
    if not names or not any(names <= set(keys) for keys in KEYS.values()):
        raise Invalid(
            "Give amounts for one kind of model: right and wrong answers of yes and no, right and wrong, or errors.",
            {"values": "Give some of one kind."},
        )
    if not all(math.isfinite(value) and abs(value) < LARGEST for value in written.values.values()):
        raise Invalid("An amount is a number under a thousand million.", {"values": "Give smaller ones."})
