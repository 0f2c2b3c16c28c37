"""The time that pages about an endpoint look at: one choice, in the address, that goes along from page to page."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Max
from django.utils import timezone
from django.utils.http import urlencode

from apps.monitoring.models import Clock, Monitor, State, StateKind

HOUR = dt.timedelta(hours=1)
LONGEST = dt.timedelta(days=366 * 5)
PRESETS = {
    "24h": ("24 h", dt.timedelta(hours=24)),
    "7d": ("7 d", dt.timedelta(days=7)),
    "30d": ("30 d", dt.timedelta(days=30)),
    "90d": ("90 d", dt.timedelta(days=90)),
    "1y": ("1 y", dt.timedelta(days=366)),
}
USUAL = {"hour": "7d", "day": "30d", "week": "90d", "month": "1y"}  # what a page begins with, by the monitors' window
NAMES = ("range", "from", "to")


@dataclass(frozen=True)
class Period:
    """From `since` to `until`, without the end. `name` is a preset, or empty for a time of one's own.

    `is_chosen` says whether the address names it; then it goes along from page to page. `problem` is the sentence for
    what could not be read of the address.
    """

    since: dt.datetime
    until: dt.datetime
    name: str = ""
    is_chosen: bool = False
    problem: str = ""

    def __str__(self) -> str:
        return f"{_written(self.since)} to {_written(self.until)} UTC"

    @property
    def query(self) -> dict[str, str]:
        """What an address says of it; empty where nothing was chosen."""
        if not self.is_chosen:
            return {}
        return {"range": self.name} if self.name else between(self.since, self.until)

    @property
    def query_of_own(self) -> dict[str, str]:
        """Both ends as an address, and a form, says them."""
        return between(self.since, self.until)

    def on(self, url: str) -> str:
        """The address of another page that looks at the same time."""
        more = urlencode(self.query)
        return f"{url}{'&' if '?' in url else '?'}{more}" if more else url

    @property
    def ends(self) -> tuple[dt.datetime, dt.datetime]:
        """Both ends, for charts."""
        return self.since, self.until


def between(since: dt.datetime, until: dt.datetime) -> dict[str, str]:
    """A time of one's own as an address says it."""
    return {"from": f"{since.astimezone(dt.UTC):%Y-%m-%dT%H:%M}", "to": f"{until.astimezone(dt.UTC):%Y-%m-%dT%H:%M}"}


def read(given: Mapping[str, str], now: dt.datetime, usual: str = "90d") -> Period:
    """The time that an address asks for; presets count back from `now`. What cannot be read is the usual, and told."""
    name = given.get("range", "")
    if name in PRESETS:
        return _back(now, name, is_chosen=True)
    if not name and not given.get("from") and not given.get("to"):
        return _back(now, usual)
    since, until = _moment(given.get("from", "")), _moment(given.get("to", ""))
    if since is None or until is None:
        return _back(now, usual, problem="Say both ends of the time, as in 2026-03-01T00:00; it is taken as UTC.")
    if not since < until <= since + LONGEST:
        return _back(now, usual, problem="A time ends after it begins, and is at most five years long.")
    return Period(since, until, is_chosen=True)


def of_endpoint(endpoint: Any, given: Mapping[str, str], monitors: Iterable[Monitor] | None = None) -> Period:
    """The time that a page about an endpoint looks at; by the data's clock, now is its newest event.

    Two queries, one where the monitors are at hand.
    """
    watching = list(Monitor.objects.filter(endpoint=endpoint) if monitors is None else monitors)
    usual = next((USUAL[one.window] for one in watching if one.kind in ("drift", "performance")), "30d")
    return read(given, now_of(endpoint, watching), usual)


def now_of(endpoint: Any, monitors: Iterable[Monitor]) -> dt.datetime:
    """The end of the hour that is now for an endpoint: on the wall, or in its data."""
    now = timezone.now()
    if any(one.clock == Clock.DATA and one.is_active for one in monitors):
        states = State.objects.filter(endpoint=endpoint, kind=StateKind.PREDICTIONS)
        now = states.aggregate(newest=Max("last_at"))["newest"] or now
    return now.replace(minute=0, second=0, microsecond=0) + HOUR


def _back(now: dt.datetime, name: str, is_chosen: bool = False, problem: str = "") -> Period:
    return Period(now - PRESETS[name][1], now, name, is_chosen, problem)


def _moment(said: str) -> dt.datetime | None:
    try:
        found = dt.datetime.fromisoformat(said)
    except ValueError:
        return None
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)


def _written(moment: dt.datetime) -> str:
    day = f"{moment:%-d %b %Y}"
    return day if moment.hour == moment.minute == 0 else f"{day}, {moment:%H:%M}"
