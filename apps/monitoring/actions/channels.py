"""Channels: where incidents are told, tried out, and what was delivered there."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Conflict, Invalid
from apps.monitoring import policies
from apps.monitoring.models import Cause, Channel, Incident, Severity
from apps.work import deliveries
from apps.work.formats import News
from apps.work.models import Delivery, Transport

SETTINGS = ("name", "least", "causes", "is_active", "address")


@action
def create_channel(
    *,
    name: str,
    transport: str,
    address: str,
    by: Any,
    project: Any = None,
    endpoint: Any = None,
    least: str = Severity.ATTENTION,
    causes: list[str] | None = None,
) -> Channel:
    """A channel of the organization, or of a project or endpoint; the incidents of these are told there from now on."""
    project = endpoint.model.project if endpoint is not None else project
    policies.check_channels_of(by, endpoint or project)
    channel = Channel(
        name=name.strip(), project=project, endpoint=endpoint, least=least, causes=causes or [], created_by=by
    )
    _check(channel)
    channel.destination = deliveries.open_destination(transport=transport, address=_checked(transport, address))
    channel.save(force_insert=True)
    record(by=by, action="channel.created", subject=channel, details=_facts(channel))
    return channel


@action
def change_channel(*, channel: Channel, settings: dict[str, Any], by: Any) -> Channel:
    """Change some of its settings (see SETTINGS); with another address everything goes there from now on."""
    policies.check_channel(by, channel)
    unknown = set(settings) - set(SETTINGS)
    if unknown:
        raise Invalid(f"A channel has no setting called {', '.join(sorted(unknown))}.")
    before = _facts(channel)
    given = dict(settings)
    address = given.pop("address", "")
    for name, value in given.items():
        setattr(channel, name, value)
    _check(channel)
    if address:
        wanted = _checked(channel.destination.transport, address)
        deliveries.move_destination(destination=channel.destination, address=wanted)
    channel.save()
    record(by=by, action="channel.changed", subject=channel, details={"before": before, "after": _facts(channel)})
    return channel


@action
def change_channel_secret(*, channel: Channel, by: Any) -> str:
    """A new signing secret, which is returned; the former one signs beside it for a day."""
    policies.check_channel(by, channel)
    if channel.destination.transport != Transport.WEBHOOK:
        raise Conflict("Only webhooks are signed.")
    fresh = deliveries.change_secret(destination=channel.destination)
    record(by=by, action="channel.secret_changed", subject=channel)
    return fresh


@action
def try_channel(*, channel: Channel, by: Any) -> Delivery:
    """Send a test there, so that one sees whether it arrives before it has to."""
    policies.check_channel(by, channel)
    news = News(
        event="channel.test",
        at=timezone.now().isoformat(),
        title=f"A test of the channel “{channel.name}”",
        text=f"{by} tried it out. Incidents will look like this.",
        url=settings.TENURE_ADDRESS + channel.get_absolute_url(),
        facts=[("Tells of", channel.reach), ("Causes", channel.causes_in_words)],
        data={"channel": str(channel.pk)},
        meaning="good",
    )
    delivery = deliveries.send(destination=channel.destination, news=news, scope_id=channel.project_id)
    record(by=by, action="channel.tested", subject=channel, details={"delivery": str(delivery.pk)})
    return delivery


@action
def replay_delivery(*, delivery: Delivery, by: Any) -> Delivery:
    """Send something once more under the same id, whatever became of it before."""
    channel = Channel.objects.select_related("destination").get(destination_id=delivery.destination_id)
    policies.check_replay(by, delivery, channel)
    again = deliveries.send_again(delivery=delivery)
    record(by=by, action="delivery.replayed", subject=again, details={"channel": channel.name})
    return again


def announce(incident: Incident, event: str, text: str) -> list[Delivery]:
    """Tell every channel that this incident is for, in the caller's transaction."""
    endpoint = incident.endpoint
    reached = Channel.objects.filter(
        Q(endpoint=endpoint)
        | Q(endpoint=None, project_id=endpoint.model.project_id)
        | Q(endpoint=None, project=None),
        Q(causes=[]) | Q(causes__contains=[incident.cause]),
        is_active=True,
        destination__is_gone=False,
    )  # fmt: skip
    if incident.severity != Severity.SEVERE:
        reached = reached.filter(least=Severity.ATTENTION)
    channels = list(reached.select_related("destination"))
    news = _news(incident, event, text) if channels else None
    return [
        deliveries.send(destination=one.destination, news=news, scope_id=endpoint.model.project_id)
        for one in channels
        if news is not None
    ]


def _news(incident: Incident, event: str, text: str) -> News:
    over = event in {"incident.calmed", "incident.resolved", "incident.dismissed"}
    return News(
        event=event,
        at=timezone.now().isoformat(),
        title=f"Incident {incident.number} of {incident.model}: {incident.get_cause_display().lower()}",
        text=text,
        url=settings.TENURE_ADDRESS + incident.get_absolute_url(),
        facts=[
            ("Endpoint", str(incident.endpoint)),
            ("Severity", str(incident.get_severity_display())),
            ("State", str(incident.get_state_display())),
            ("Owner", str(incident.owner or "Nobody yet")),
        ],
        data={
            "incident": incident.number,
            "model": incident.model.key,
            "endpoint": incident.endpoint.key,
            "cause": incident.cause,
            "severity": incident.severity,
            "state": incident.state,
            "since": incident.since.isoformat(),
            "evidence": incident.evidence,
        },
        meaning="good" if over else "wrong" if incident.severity == Severity.SEVERE else "attention",
    )


def _check(channel: Channel) -> None:
    if not channel.name:
        raise Invalid("Give the channel a name.", {"name": "Give it a name."})
    if channel.least not in Severity.values:
        raise Invalid("There is no such severity.", {"least": "Choose one of the list."})
    if set(channel.causes) - set(Cause.values):
        raise Invalid("There is no such cause.", {"causes": "Choose from the list."})
    if Channel.objects.filter(name=channel.name).exclude(pk=channel.pk).exists():
        raise Conflict(f"There is already a channel called “{channel.name}”. Choose another name.")


def _checked(transport: str, address: str) -> str:
    if transport not in Transport.values:
        raise Invalid("There is no such kind of channel.", {"transport": "Choose one of the list."})
    if transport == Transport.MAIL:
        try:
            validate_email(address.strip())
        except ValidationError as error:
            raise Invalid("This is no mail address.", {"address": "Give a mail address."}) from error
    try:
        return deliveries.checked(transport=transport, address=address)
    except Invalid as error:
        raise Invalid(error.sentence, {"address": error.sentence}) from error


def _facts(channel: Channel) -> dict[str, Any]:
    return {
        "transport": channel.destination.transport,
        "to": channel.destination.shown,
        "tells_of": channel.reach,
        "least": channel.least,
        "causes": channel.causes,
        "is_active": channel.is_active,
    }
