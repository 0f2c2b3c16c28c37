"""Windows of time: hours, days, weeks from Monday, months; all in UTC, all aligned."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Window:
    """From `start` to `end`, without the end."""

    start: dt.datetime
    end: dt.datetime

    def __str__(self) -> str:
        return self.when.split(" ", 1)[1]

    @property
    def when(self) -> str:
        """The window as the end of a sentence: "in June 2013", "on 3 April 2013", "from 3 to 9 June 2013"."""
        length = self.end - self.start
        if length <= dt.timedelta(hours=1):
            return f"in the hour from {self.start:%H:%M} on {self.start:%-d %B %Y}"
        if length <= dt.timedelta(days=1):
            return f"on {self.start:%-d %B %Y}"
        if self.start.day == 1 and self.end.day == 1:
            return f"in {self.start:%B %Y}"
        last = self.end - dt.timedelta(days=1)
        first = f"{self.start:%-d}" if self.start.month == last.month else f"{self.start:%-d %B}"
        return f"from {first} to {last:%-d %B %Y}"


def window_at(moment: dt.datetime, span: str) -> Window:
    """The window of this span that holds the moment."""
    start = moment.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    if span == "hour":
        return Window(start, start + dt.timedelta(hours=1))
    start = start.replace(hour=0)
    if span == "day":
        return Window(start, start + dt.timedelta(days=1))
    if span == "week":
        start -= dt.timedelta(days=start.weekday())
        return Window(start, start + dt.timedelta(days=7))
    start = start.replace(day=1)
    return Window(start, (start + dt.timedelta(days=32)).replace(day=1))


def before(window: Window, span: str) -> Window:
    """The window before."""
    return window_at(window.start - dt.timedelta(microseconds=1), span)


def some_before(window: Window, span: str, count: int) -> Window:
    """So many windows before, as one."""
    first = window
    for _ in range(count):
        first = before(first, span)
    return Window(first.start, window.start)


WEEK = dt.timedelta(days=7)


def weeks_before(window: Window, count: int) -> list[Window]:
    """The same hours of so many weeks before, newest first; a window longer than a week steps over itself."""
    step = WEEK * -(-(window.end - window.start) // WEEK)
    return [Window(window.start - step * back, window.end - step * back) for back in range(1, count + 1)]
