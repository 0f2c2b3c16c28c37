"""What views hand to the page templates: plain values without tables, named as the reader would name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.core.errors import DomainError


@dataclass(frozen=True)
class Crumb:
    """A step of the breadcrumb; without `url` it is the page itself."""

    label: str
    url: str = ""


@dataclass(frozen=True)
class Action:
    """A button. `refused` is the sentence that says why it may not be pressed now; it is then shown disabled.

    `post` makes a form with the CSRF token and `fields` as hidden inputs, `get` a link to the page that asks for more.
    """

    label: str
    url: str
    method: str = "post"
    refused: str = ""
    danger: bool = False
    confirm: str = ""
    icon: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_link(self) -> bool:
        """Whether pressing it only opens a page."""
        return self.method == "get"


@dataclass(frozen=True)
class Tab:
    """One of several pages about the same object."""

    label: str
    url: str
    count: int | None = None
    current: bool = False


@dataclass(frozen=True)
class Told:
    """What an app says about a thing on the page that another app has for it."""

    title: str
    lines: Sequence[str]
    url: str = ""
    meaning: str = "neutral"


@dataclass(frozen=True)
class Change:
    """A field's value before and after."""

    field: str
    old: object
    new: object


@dataclass(frozen=True)
class Entry:
    """One thing that happened, on a timeline. `text` follows the person's name: "approved version 3"."""

    at: datetime
    by: object
    text: str
    icon: str = ""
    meaning: str = "neutral"
    body: str = ""
    url: str = ""
    changes: Sequence[Change] = ()


@dataclass(frozen=True)
class Step:
    """One of the eight stages as it stands for one project or model.

    `status` is done, here, waiting (not reached), attention, wrong or skipped; `missing` says what is needed to go on.
    """

    stage: str
    status: str
    note: str = ""
    url: str = ""
    missing: Sequence[str] = ()


def refusal(check: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """The sentence with which the policy `check` refuses, or an empty string when it allows."""
    try:
        check(*args, **kwargs)
    except DomainError as error:
        return error.sentence
    return ""


def changes(
    old: Mapping[str, object] | None, new: Mapping[str, object] | None, everything: bool = False
) -> list[Change]:
    """What differs between two mappings, in the order of the newer one; `everything` keeps what stayed the same."""
    before, after = old or {}, new or {}
    names = [*after, *[name for name in before if name not in after]]
    found = [Change(name, before.get(name), after.get(name)) for name in names]
    return found if everything else [change for change in found if change.old != change.new]
