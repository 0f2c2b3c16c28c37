"""What the component files need computed: fields, page links, differences and names."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from apps.core import formats, meanings
from apps.core.pages import changes

SYSTEM = "Tenure"  # who did what no person did


@dataclass(frozen=True)
class Words:
    """A state's stored value, its label and its meaning."""

    value: str
    label: str
    meaning: str

    @classmethod
    def of(cls, state: Any) -> Words:
        """From a word, a choice, or an object that has a `state`."""
        if hasattr(state, "state") and not isinstance(state, str):
            value = meanings.word_of(state.state)
            shown = getattr(state, "get_state_display", None)
            label = str(shown()) if callable(shown) else meanings.words_of(state.state)
            return cls(value, label, getattr(state, "state_meaning", "") or meanings.meaning_of(value))
        return cls(meanings.word_of(state), meanings.words_of(state), meanings.meaning_of(state))


def person_name(user: Any) -> str:
    """How a person is called: name, otherwise e-mail address, otherwise what the object says of itself."""
    if user is None:
        return SYSTEM
    full = getattr(user, "get_full_name", None)
    return (full() if callable(full) else "") or getattr(user, "name", "") or getattr(user, "email", "") or str(user)


def pages_around(page: Any, query: Mapping[str, str]) -> dict[str, Any]:
    """Addresses of the neighbouring pages and the numbers between which this page lies."""
    if page is None or not hasattr(page, "has_other_pages"):
        return {}
    kept = query.copy() if isinstance(query, QueryDict) else QueryDict(mutable=True)

    def address(number: int) -> str:
        kept["page"] = str(number)
        return "?" + kept.urlencode()

    return {
        "first": page.start_index(),
        "last": page.end_index(),
        "count": page.paginator.count,
        "previous": address(page.previous_page_number()) if page.has_previous() else "",
        "next": address(page.next_page_number()) if page.has_next() else "",
    }


class Form:
    """Questions that the form components ask of a Django form."""

    @staticmethod
    def kind(bound: Any) -> str:
        """single (label above), group (legend above several inputs) or tick (one box before its label)."""
        if bound.use_fieldset:
            return "group"
        return "tick" if getattr(bound.field.widget, "input_type", "") == "checkbox" else "single"

    @staticmethod
    def groups(form: Any) -> list[tuple[str, list[Any]]]:
        """Visible fields under their legends; what no fieldset names comes last."""
        groups = [
            (legend, [form[name] for name in names if name in form.fields])
            for legend, names in getattr(form, "fieldsets", ())
        ]
        named = {bound.name for _, bounds in groups for bound in bounds}
        rest = [bound for bound in form.visible_fields() if bound.name not in named]
        return [group for group in [*groups, ("", rest)] if group[1]]

    @staticmethod
    def problems(form: Any) -> Iterator[tuple[str, str, str]]:
        """(id of the field or empty, label, sentence) for everything that is wrong; formsets row by row."""
        if hasattr(form, "forms"):
            yield from (("", "", str(error)) for error in form.non_form_errors())
            for row in form.forms:
                yield from Form.problems(row)
            return
        if not form.is_bound:
            return
        for name, errors in form.errors.items():
            bound = form[name] if name in form.fields else None
            for error in errors:
                yield (bound.auto_id if bound else "", str(bound.label) if bound else "", str(error))


@dataclass(frozen=True)
class Row:
    """One field before and after, already marked up."""

    name: str
    old: SafeString
    new: SafeString
    has_changed: bool


def side_by_side(old: Any, new: Any, everything: bool, labels: Mapping[str, str]) -> list[Row]:
    """Rows of a comparison of two mappings, or one row for two texts."""
    if not isinstance(old, Mapping) and not isinstance(new, Mapping):
        before, after = _marked(_shown(old), _shown(new))
        return [Row("", before, after, old != new)]
    rows = []
    for change in changes(old, new, everything):
        differs = change.old != change.new
        before, after = (
            _marked(_shown(change.old), _shown(change.new)) if differs else (_plain(change.old), _plain(change.new))
        )
        rows.append(Row(labels.get(change.field, meanings.words_of(change.field)), before, after, differs))
    return rows


def _shown(value: Any) -> str:
    if value is None or value == "":
        return formats.NOTHING
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float):
        return formats.number(value)
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {_shown(inner)}" for key, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(_shown(inner) for inner in value)
    return str(value)


def _plain(value: Any) -> SafeString:
    return conditional_escape(_shown(value))


def _marked(old: str, new: str) -> tuple[SafeString, SafeString]:
    """Both texts with the words that went and came marked; wholly different ones are marked whole."""
    before, after = _tokens(old), _tokens(new)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    if len(before) + len(after) > 4000 or matcher.quick_ratio() < 0.3:
        return format_html("<del>{}</del>", old), format_html("<ins>{}</ins>", new)
    left, right = [], []
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        left.append(("del" if kind != "equal" else "", "".join(before[i1:i2])))
        right.append(("ins" if kind != "equal" else "", "".join(after[j1:j2])))
    return _join(left), _join(right)


def _tokens(text: str) -> list[str]:
    pieces: list[str] = []
    for line in text.splitlines(keepends=True):
        for word in line.split(" "):
            pieces += [word, " "]
        pieces.pop()
    return pieces


def _join(pieces: Sequence[tuple[str, str]]) -> SafeString:
    return format_html_join(
        "",
        "{}",
        ((format_html("<{0}>{1}</{0}>", mark_safe(name), text) if name else text,) for name, text in pieces if text),
    )
