"""News that leaves the portal: written with the decision it tells of, sent from the outbox, kept in a ledger.

The next attempt is planned before each one is made. So a worker killed in the middle loses nothing, and a receiver that
is away for a day still gets its news: as with every webhook, perhaps twice, and then under the same id.
"""

import datetime as dt
import time
from typing import Any

from django.conf import settings
from django.utils import timezone

from apps.core import tenancy
from apps.core.errors import Invalid
from apps.core.secrets import seal, unseal
from apps.work import formats, mail, outbox, outgoing
from apps.work.formats import News
from apps.work.models import Attempt, Delivery, DeliveryState, Destination, OutboxMessage, Transport

# Seconds from each attempt to the next, as the Standard Webhooks specification suggests: a day and a half in all.
WAITS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400)
BUDGET = len(WAITS) + 1
FORMER_FOR = dt.timedelta(hours=24)
GONE = 410
QUEUE = "mail"


def open_destination(*, transport: str, address: str) -> Destination:
    """A place to send to, in the caller's transaction; webhooks get a secret of their own."""
    destination = Destination(transport=transport)
    _aim(destination, address)
    if transport == Transport.WEBHOOK:
        destination.sealed_secret = seal(formats.new_secret())
    destination.save(force_insert=True)
    return destination


def move_destination(*, destination: Destination, address: str) -> Destination:
    """Send elsewhere from now on; what is on its way goes there too."""
    _aim(destination, address)
    destination.is_gone = False
    destination.save()
    return destination


def change_secret(*, destination: Destination) -> str:
    """A new signing secret; the former one signs beside it for a day. Returns the new one."""
    fresh = formats.new_secret()
    destination.sealed_former, destination.former_until = destination.sealed_secret, timezone.now() + FORMER_FOR
    destination.sealed_secret = seal(fresh)
    destination.save()
    return fresh


def secret_of(destination: Destination) -> str:
    """The signing secret in clear; empty where nothing is signed."""
    return unseal(destination.sealed_secret) if destination.sealed_secret else ""


def send(*, destination: Destination, news: News, scope_id: Any = None) -> Delivery:
    """Write news for a destination into the ledger; it leaves once the caller's transaction has committed."""
    delivery = Delivery(
        destination=destination, scope_id=scope_id, event=news.event, news=_as_json(news), budget=BUDGET,
        next_at=timezone.now(),
    )  # fmt: skip
    delivery.save(force_insert=True)
    _plan(delivery, timezone.now())
    return delivery


def send_again(*, delivery: Delivery) -> Delivery:
    """Deliver it once more, whatever became of it: the same news under the same id, with as many attempts again."""
    locked = Delivery.objects.select_for_update(of=("self",)).get(pk=delivery.pk)
    locked.state, locked.ended_at, locked.next_at = DeliveryState.WAITING, None, timezone.now()
    locked.budget = locked.attempts + BUDGET
    locked.save()
    _plan(locked, timezone.now())
    return locked


def deliver(organization_id: str, delivery_id: str, attempts: int) -> None:
    """Make the attempt after so many; does nothing when that was made already. No transaction is open meanwhile."""
    with tenancy.tenant(organization_id):
        delivery = _claim(delivery_id, attempts)
        if delivery is None:
            return
        if delivery.destination.transport == Transport.MAIL:
            _mail(delivery)
            return
        url, body, headers = _written(delivery)
    answer = outgoing.post(url, body, headers)
    with tenancy.tenant(organization_id):
        _keep(delivery, answer)


def _claim(delivery_id: str, attempts: int) -> Delivery | None:
    rows = Delivery.objects.select_for_update(of=("self",)).select_related("destination")
    delivery = rows.filter(pk=delivery_id, state=DeliveryState.WAITING, attempts=attempts).first()
    if delivery is None:
        return None
    if delivery.attempts >= delivery.budget or delivery.destination.is_gone:
        _end(delivery, DeliveryState.FAILED)
        return None
    delivery.attempts += 1
    delivery.next_at = timezone.now() + dt.timedelta(seconds=_wait(delivery))
    delivery.save()
    _plan(delivery, delivery.next_at)
    return delivery


def _wait(delivery: Delivery) -> int:
    made = BUDGET - (delivery.budget - delivery.attempts)
    return WAITS[min(max(made - 1, 0), len(WAITS) - 1)]


def _plan(delivery: Delivery, at: dt.datetime) -> None:
    outbox.enqueue("work.deliver", delivery.pk, str(delivery.attempts), queue=QUEUE, at=at)


def _written(delivery: Delivery) -> tuple[str, bytes, dict[str, str]]:
    destination, news = delivery.destination, News(**{**delivery.news, "data": _opened(delivery.news["data"])})
    url = unseal(destination.sealed_address)
    if destination.transport == Transport.SLACK:
        return url, formats.slack(news), {"Content-Type": "application/json"}
    if destination.transport == Transport.TEAMS:
        return url, formats.teams(news), {"Content-Type": "application/json"}
    body = formats.webhook(news)
    signing = [secret_of(destination)]
    if destination.former_until is not None and destination.former_until > timezone.now():
        signing.append(unseal(destination.sealed_former))
    return url, body, formats.webhook_headers(delivery.message_id, int(time.time()), body, signing)


def _opened(data: dict[str, Any]) -> dict[str, Any]:
    """The data with what the ledger keeps sealed, as {"sealed": ...}, in clear: for the receiver alone."""
    return {
        name: unseal(said["sealed"]) if isinstance(said, dict) and set(said) == {"sealed"} else said
        for name, said in data.items()
    }


def _keep(delivery: Delivery, answer: outgoing.Answer) -> None:
    locked = Delivery.objects.select_for_update(of=("self",)).select_related("destination").get(pk=delivery.pk)
    Attempt(
        delivery=locked, number=delivery.attempts, status_code=answer.status, error=answer.error[:500],
        answer=answer.body[:500], seconds=answer.seconds,
    ).save(force_insert=True)  # fmt: skip
    if locked.attempts != delivery.attempts or locked.state != DeliveryState.WAITING:
        return
    locked.status_code, locked.error = answer.status, answer.error[:500]
    if answer.is_ok:
        _end(locked, DeliveryState.DELIVERED)
    elif answer.status == GONE:
        locked.destination.is_gone = True
        locked.destination.save()
        _end(locked, DeliveryState.FAILED)
    elif locked.attempts >= locked.budget:
        _end(locked, DeliveryState.FAILED)
    else:
        if answer.retry_after:
            _put_off(locked, timezone.now() + dt.timedelta(seconds=answer.retry_after))
        locked.save()


def _put_off(delivery: Delivery, at: dt.datetime) -> None:
    """The receiver says when to come again: the attempt that is planned waits until then."""
    if delivery.next_at is not None and at > delivery.next_at:
        delivery.next_at = at
        planned = OutboxMessage.objects.filter(task="work.deliver", delivered_at=None)
        planned.filter(arguments=[str(delivery.pk), str(delivery.attempts)]).update(available_at=at)


def _mail(delivery: Delivery) -> None:
    """Mail has a ledger of its own: here it is done when it is written there."""
    news = News(**delivery.news)
    mail.send(
        to=unseal(delivery.destination.sealed_address),
        subject=news.title,
        template="news",
        context={"news": news, "url": news.url.removeprefix(settings.TENURE_ADDRESS)},
    )
    Attempt(delivery=delivery, number=delivery.attempts, answer="Handed to the mail server.").save(force_insert=True)
    _end(delivery, DeliveryState.DELIVERED)


def _end(delivery: Delivery, state: DeliveryState) -> None:
    delivery.state, delivery.ended_at, delivery.next_at = state, timezone.now(), None
    delivery.save()


def checked(*, transport: str, address: str) -> str:
    """The address, if something may be sent there; Invalid with a sentence where not."""
    found = address.strip() if transport == Transport.MAIL else outgoing.check_address(address)
    if len(_shown(transport, found)) > 254:
        raise Invalid("This address is too long.", {"url": "This address is too long."})
    return found


def _shown(transport: str, address: str) -> str:
    return address if transport == Transport.MAIL else outgoing.host_of(address)


def _aim(destination: Destination, address: str) -> None:
    address = checked(transport=destination.transport, address=address)
    destination.shown = _shown(destination.transport, address)
    destination.sealed_address = seal(address)


def _as_json(news: News) -> dict[str, Any]:
    return {
        "event": news.event, "at": news.at, "title": news.title, "text": news.text, "url": news.url,
        "facts": [list(fact) for fact in news.facts], "data": news.data or {}, "meaning": news.meaning,
    }  # fmt: skip


__all__ = [
    "change_secret",
    "checked",
    "deliver",
    "move_destination",
    "open_destination",
    "secret_of",
    "send",
    "send_again",
]
