"""The tags that pages are written with; `docs/design-system.md` shows each with an example.

Small values are written here, everything with structure has a file in `templates/components/`.
"""

from __future__ import annotations

import json as _json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import wraps
from typing import Any

from django import template
from django.template import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince

from apps.core import formats, lifecycle, meanings
from apps.core.components import Form, Words, pages_around, person_name, side_by_side
from apps.core.pages import Action, Change

register = template.Library()

type Values = dict[str, Any]


def _render(context: Context, name: str, values: Values) -> SafeString:
    """A component file with these values, without the blank line that files end with."""
    file = context.template.engine.get_template(f"components/{name}.html")  # type: ignore[union-attr]
    inner = context.new({"request": context.get("request"), "csrf_token": context.get("csrf_token"), **values})
    return mark_safe(file.render(inner).strip())  # noqa: S308 - the engine has escaped it


def component(function: Callable[..., Values]) -> Callable[..., SafeString]:
    """Register a tag that renders `components/<name>.html` with the values the function returns."""

    @wraps(function)
    def tag(context: Context, *args: Any, **kwargs: Any) -> SafeString:
        return _render(context, function.__name__.rstrip("_"), function(context, *args, **kwargs))

    register.simple_tag(tag, takes_context=True, name=function.__name__.rstrip("_"))
    return tag


def container(function: Callable[..., Values]) -> Callable[..., SafeString]:
    """The same for a tag with an end: the function gets the content between as its second argument."""

    @wraps(function)
    def tag(context: Context, content: str, *args: Any, **kwargs: Any) -> SafeString:
        return _render(context, function.__name__.rstrip("_"), function(context, content, *args, **kwargs))

    register.simple_block_tag(tag, takes_context=True, name=function.__name__.rstrip("_"))
    return tag


# Figures


def _known(value: Any) -> Any:
    """None for a variable that does not exist, which templates hand on as an empty text."""
    return None if value == "" else value


@register.simple_tag
def number(value: float | None, digits: int | None = None) -> str:
    """12,345 or 0.312."""
    return formats.number(_known(value), digits)


@register.simple_tag
def percent(value: float | None, digits: int = 1) -> str:
    """87.3 % from 0.873."""
    return formats.percent(_known(value), digits)


@register.simple_tag(name="bytes")
def bytes_(value: int | None) -> str:
    """2.1 MB."""
    return formats.size(_known(value))


@register.simple_tag
def duration(seconds: float | None) -> str:
    """1 h 5 min."""
    return formats.duration(_known(getattr(seconds, "total_seconds", lambda: seconds)()))


@register.simple_tag
def measure(value: float | None, unit: str = "") -> str:
    """A figure with its unit."""
    return formats.measure(_known(value), unit)


@register.simple_tag
def time(value: datetime | date | None, style: str = "") -> str:
    """A moment in the reader's zone, UTC on hover. Styles: "" (to the minute), seconds, date, clock, ago."""
    if value is None or value == "":
        return formats.NOTHING
    if not isinstance(value, datetime):
        day = f"{value.day} {value:%b %Y}"
        return format_html('<time datetime="{}" class="nowrap">{}</time>', value.isoformat(), day)
    moment = value if timezone.is_aware(value) else value.replace(tzinfo=UTC)
    utc = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}" class="nowrap">{}</time>',
        utc.isoformat(timespec="seconds").replace("+00:00", "Z"),
        f"{utc:%Y-%m-%d %H:%M:%S} UTC",
        _moment(timezone.localtime(moment), style),
    )


def _moment(local: datetime, style: str) -> str:
    if style == "ago":
        return _ago(local)
    if style == "clock":
        return f"{local:%H:%M}"
    day = f"{local.day} {local:%b %Y}"
    return {"date": day, "seconds": f"{day}, {local:%H:%M:%S}"}.get(style, f"{day}, {local:%H:%M}")


def _ago(moment: datetime) -> str:
    now = timezone.now()
    distance = abs((now - moment).total_seconds())
    if distance < 60:
        return "just now" if moment <= now else "in a moment"
    if moment > now:
        return f"in {timesince(now, moment, depth=1)}"
    return f"{timesince(moment, now, depth=1)} ago"


@component
def hash_(context: Context, value: str | None, length: int = 12) -> Values:
    """The beginning of a digest; the whole on hover and to copy."""
    return {"value": value or "", "short": (value or "")[:length]}


# State


@component
def badge(context: Context, state: Any, label: str = "", meaning: str = "", icon: str = "") -> Values:
    """A state as icon and word. Takes a word, a choice, or an object with `state`."""
    words = Words.of(state)
    means = meaning or words.meaning
    return {"label": label or words.label, "meaning": means, "icon": icon or meanings.icon_of(words.value, means)}


_VERDICTS = {
    "passed": "passed",
    "pass": "passed",
    "failed": "failed",
    "fail": "failed",
    "warning": "warning",
    "warn": "warning",
    "warned": "warning",
    "not_run": "could not run",
    "too_small": "too small to judge",
    "nothing_to_ask": "nothing to ask",
}


@component
def verdict(context: Context, value: Any, label: str = "") -> Values:
    """The outcome of a check: passed, failed, warning, skipped or error."""
    word = meanings.word_of(value).lower()
    means = meanings.meaning_of(word)
    return {
        "label": label or meanings.words_of(_VERDICTS.get(word, word)),
        "meaning": means,
        "icon": meanings.icon_of(word, means),
    }


_TIER_LEVELS = {"low": 1, "limited": 2, "high": 3, "prohibited": 4}


@component
def tier(context: Context, value: Any) -> Values:
    """The risk tier with one to four bars; "Not assessed" when there is none."""
    word = meanings.word_of(value or "").lower()
    return {
        "label": meanings.words_of(value) if word else "Not assessed",
        "level": _TIER_LEVELS.get(word, 0),
        "word": word,
    }


@register.simple_tag
def icon(name: str, label: str = "", size: str = "") -> str:
    """A sign from the sprite; decorative unless `label` says it in words."""
    return format_html(
        '<svg class="icon{}" {}><use href="{}#{}"/></svg>',
        f" icon-{size}" if size else "",
        format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"'),
        static("tenure/icons.svg"),
        name,
    )


@component
def person(context: Context, user: Any, link: str = "", size: str = "") -> Values:
    """Initials and name; nobody means that Tenure itself did it."""
    name = person_name(user)
    initials = "".join(part[0] for part in name.replace("@", " ").replace(".", " ").split()[:2]).upper()
    is_service = user is None or getattr(user, "kind", "person") != "person"
    return {
        "name": name,
        "initials": initials,
        "link": link,
        "size": size,
        "email": "" if is_service else getattr(user, "email", ""),
        "is_service": is_service,
        "tint": sum(map(ord, name)) % 6,
    }


# Parts of a page


@container
def panel(
    context: Context, content: str, title: str = "", actions: Sequence[Action] = (), id: str = "", lead: str = ""
) -> Values:
    """A section with a heading and its own actions."""
    return {"content": content, "title": title, "actions": actions, "id": id, "lead": lead}


@container
def facts(context: Context, content: str, title: str = "Facts") -> Values:
    """A list of labels and values."""
    return {"content": content, "title": title}


@container
def fact(context: Context, content: str, label: str, hint: str = "") -> Values:
    """One label with its value; left out when the value is empty."""
    return {"content": mark_safe(content.strip()), "label": label, "hint": hint}  # noqa: S308 - rendered by the engine


@component
def tile(
    context: Context, label: str, value: Any = None, meaning: str = "", note: str = "", url: str = "", spark: Any = ""
) -> Values:
    """A key figure."""
    sign = meanings.icon_of("", meaning) if meaning else ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = formats.number(value)
    return {"label": label, "value": value, "meaning": meaning, "note": note, "url": url, "spark": spark, "icon": sign}


@container
def note(context: Context, content: str, meaning: str = "neutral", title: str = "") -> Values:
    """A callout that the reader should not miss."""
    return {"content": content, "meaning": meaning, "title": title}


@container
def nothing(context: Context, content: str, title: str, action: Action | None = None) -> Values:
    """An empty list that explains itself and offers the first step."""
    return {"content": content, "title": title, "action": action}


@component
def action_button(context: Context, action: Action | None, style: str = "", compact: bool = False) -> Values:
    """A button or link; refused: disabled, with its reason, which a small or compact one shows when pressed."""
    is_compact = compact or "small" in style
    style = f"{style} danger".strip() if action and action.danger else style
    return {"action": action, "style": style, "is_compact": is_compact}


@component
def action_menu(context: Context, actions: Sequence[Action], label: str = "More actions") -> Values:
    """The secondary actions in a menu."""
    return {"actions": [action for action in actions or () if action], "label": label}


@component
def tabs(context: Context, items: Any, label: str = "Pages") -> Values:
    """Links between the pages of one object."""
    return {"items": items, "label": label}


@component
def crumbs(context: Context, items: Any) -> Values:
    """Where the page lies."""
    return {"items": items}


@component
def lifecycle_(context: Context, thing: Any, steps: Any = None) -> Values:
    """The eight steps of a project or model, where it stands, and what is missing to go on."""
    request = context.get("request")
    found = steps if steps is not None else lifecycle.steps_of(thing, getattr(request, "user", None))
    here = next((step for step in found if step.status in ("here", "attention", "wrong")), None)
    return {"steps": [(lifecycle.BY_KEY[step.stage], step) for step in found], "here": here}


@component
def stages(context: Context, waiting: Mapping[str, int] | None = None) -> Values:
    """The column's eight stages, with what waits in each and the one that this page belongs to."""
    home, path = _home(context), getattr(context.get("request"), "path", "")
    rows = [
        (stage, f"{home}{stage.path}", (waiting or {}).get(stage.key, 0), path.startswith(f"{home}{stage.path}"))
        for stage in lifecycle.STAGES
    ]
    return {"rows": rows}


def _home(context: Context) -> str:
    organization = context.get("organization")
    return f"/o/{organization.key}/" if organization else "/"


@register.simple_tag(takes_context=True)
def place(context: Context, path: str = "") -> str:
    """An address below the organization of this page: `{% place "approvals/" %}`."""
    return f"{_home(context)}{path}"


@register.simple_tag(takes_context=True)
def current(context: Context, path: str, exact: bool = False) -> str:
    """`aria-current="page"` when this page lies at or below the address."""
    now, there = getattr(context.get("request"), "path", ""), f"{_home(context)}{path}"
    is_here = now == there if exact else now.startswith(there)
    return mark_safe('aria-current="page"') if is_here else ""


@register.simple_tag(takes_context=True)
def scheme(context: Context) -> str:
    """The colour scheme that the reader chose: "light", "dark", or nothing, which follows the system."""
    request = context.get("request")
    chosen = request.COOKIES.get("tenure_scheme", "") if request else ""
    return chosen if chosen in ("light", "dark") else ""


@register.simple_tag
def zone() -> str:
    """The name of the zone in which this page shows times."""
    return timezone.get_current_timezone_name()


@component
def timeline(context: Context, entries: Any, label: str = "What happened") -> Values:
    """Entries, newest first as they come."""
    return {"entries": entries, "label": label}


@component
def diff(context: Context, old: Any, new: Any, all: bool = False, labels: Mapping[str, str] | None = None) -> Values:
    """Old and new side by side, changed words marked."""
    return {"rows": side_by_side(old, new, all, labels or {})}


@component
def changes_table(context: Context, changes: Sequence[Change]) -> Values:
    """The rows of an entry's changes, without a frame around them."""
    old, new = {change.field: change.old for change in changes}, {change.field: change.new for change in changes}
    return {"rows": side_by_side(old, new, True, {})}


@component
def progress(context: Context, job: Any, url: str = "") -> Values:
    """A job's progress, looked at again every two seconds while it runs."""
    state = meanings.word_of(getattr(job, "state", ""))
    done, total = getattr(job, "done", None), getattr(job, "total", None)
    is_running = state in ("queued", "running", "waiting", "claimed", "started")
    remaining = getattr(job, "seconds_left", None)
    return {
        "job": job,
        "url": url or getattr(job, "url_progress", ""),
        "is_running": is_running,
        "state": state,
        "done": done,
        "total": total,
        "share": min(1.0, done / total) if done is not None and total else None,
        "remaining": remaining,
    }


@component
def meter(context: Context, value: float | None, label: str = "", meaning: str = "") -> Values:
    """A share from 0 to 1 as a small bar with its figure."""
    return {"value": value, "label": label, "meaning": meaning}


@component
def chart(context: Context, drawing: Any, half: bool = False) -> Values:
    """A chart from `apps.core.charts` with its legend and its table."""
    return {"chart": drawing, "half": half}


@component
def json(context: Context, value: Any, label: str = "") -> Values:
    """A structure as readable text."""
    return {"text": _json.dumps(value, indent=2, ensure_ascii=False, default=str), "label": label}


@register.simple_tag
def prose(text: str | None) -> str:
    """Plain text as paragraphs; everything in it is escaped."""
    if not text:
        return mark_safe('<p class="muted">Nothing written yet.</p>')
    return mark_safe(f'<div class="prose">{linebreaks(text, autoescape=True)}</div>')  # noqa: S308 - linebreaks escapes


# Tables


@container
def table(context: Context, content: str, caption: str = "", wide: bool = False, id: str = "") -> Values:
    """A table with a sticky head that scrolls inside its own box and answers j, k and Enter."""
    return {"content": content, "caption": caption, "wide": wide, "id": id, "page_table": not wide}


@component
def th(context: Context, label: str = "", sort: str = "", right: bool = False, hint: str = "") -> Values:
    """A column head; with `sort` a link that orders by it, and back."""
    request = context.get("request")
    query = request.GET.copy() if request else None
    now = query.get("sort", "") if query else context.get("sort", "")
    direction = {sort: "ascending", f"-{sort}": "descending"}.get(str(now), "") if sort else ""
    href = ""
    if sort and query is not None:
        query["sort"] = f"-{sort}" if direction == "ascending" else sort
        for name in ("page", "cursor"):
            query.pop(name, None)
        href = "?" + query.urlencode()
    return {"label": label, "href": href, "direction": direction, "right": right, "hint": hint}


@component
def pager(context: Context, page: Any) -> Values:
    """Which rows these are of how many, and the way to the others."""
    request = context.get("request")
    return {"page": page, "links": pages_around(page, request.GET if request else {})}


# Forms


@component
def field(context: Context, bound: Any, label: str = "") -> Values:
    """A form field with label, hint, errors and required mark."""
    return {"field": bound, "label": label or bound.label, "kind": Form.kind(bound)}


@component
def fields(context: Context, form: Any) -> Values:
    """All fields of a form, in fieldsets where the form has `fieldsets` = [(legend, [names])]."""
    return {"groups": Form.groups(form), "hidden": form.hidden_fields()}


@container
def fieldset(context: Context, content: str, legend: str, hint: str = "") -> Values:
    """A group of fields with its name."""
    return {"content": content, "legend": legend, "hint": hint}


@component
def form_errors(
    context: Context, *forms: Any, lead: str = "Nothing was saved yet, and nothing you typed is lost."
) -> Values:
    """What is wrong with the form, each linked to its field."""
    given = [form for form in forms if hasattr(form, "is_bound")]
    return {"problems": [problem for form in given for problem in Form.problems(form)], "lead": lead}


@component
def formset(context: Context, formset: Any, title: str = "", hint: str = "", can_add: bool = True) -> Values:
    """The rows of a formset as a table; more are added by `extra`, or by a button where scripts run."""
    return {"formset": formset, "title": title, "hint": hint, "can_add": can_add}


# Words


register.filter("person_name", person_name)


@register.filter
def words(value: Any) -> str:
    """`changes_requested` as "Changes requested"."""
    return conditional_escape(meanings.words_of(value))


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """A value of a mapping by a key that is itself a variable."""
    return mapping.get(key) if hasattr(mapping, "get") else None


@register.filter
def split(text: str) -> list[str]:
    """The words of a text, to loop over."""
    return text.split()
