"""The questions that the portal asks every stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Model, QuerySet

from apps.core.pages import Step


@dataclass(frozen=True)
class Concern:
    """One thing that needs somebody: what it is, why, until when."""

    stage: str
    title: str
    url: str
    why: str
    meaning: str = "attention"
    due: datetime | date | None = None
    project: str = ""
    since: datetime | None = None

    @property
    def sort_at(self) -> datetime:
        """A moment to sort by: until when, or since when; what has neither comes last."""
        moment = self.due or self.since
        if moment is None:
            return datetime.max.replace(tzinfo=UTC)
        if isinstance(moment, datetime):
            return moment
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)


@dataclass(frozen=True)
class Source:
    """Rows of one kind that wait: `rows(user)` before access is applied, `tell` one of them as a concern."""

    stage: str
    rows: Callable[[Any], QuerySet]
    tell: Callable[[Any], Concern]
    related: tuple[str, ...] = ("organization",)
    order: tuple[str, ...] = ("id",)


@dataclass(frozen=True)
class Findable:
    """A kind of thing that search finds: where it is looked for and how a hit is shown."""

    kind: str
    icon: str
    rows: Callable[[], QuerySet]
    fields: tuple[str, ...]
    title: Callable[[Any], str]
    under: Callable[[Any], str]
    url: Callable[[Any], str]
    related: tuple[str, ...] = ("organization",)
    order: tuple[str, ...] = ("-id",)


@dataclass
class Life:
    """One line of the board: a model of a project, or a project that has none yet, with what each stage knows of it."""

    project: Any
    model: Any
    facts: dict[str, Any]

    def of(self, stage: str) -> Any:
        """What a stage knows; None when nothing."""
        return self.facts.get(stage)

    @property
    def subject(self) -> Model:
        """The model, or the project while there is none."""
        return self.model if self.model is not None else self.project  # type: ignore[no-any-return]


def day(moment: datetime | date | None) -> str:
    """A day as pages write it; empty for none."""
    return f"{moment.day} {moment:%b %Y}" if moment else ""


def several(count: int, noun: str) -> str:
    """ "1 finding", "2 findings"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


__all__ = ["Concern", "Findable", "Life", "Source", "Step", "day", "several"]
