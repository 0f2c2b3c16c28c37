"""The components: what they show, what they escape, and that no page needs an inline style or script."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django import forms
from django.core.paginator import Paginator
from django.db import models
from django.template import Context, Template, engines
from django.test import RequestFactory
from django.utils import timezone

from apps.core import lifecycle, meanings
from apps.core.errors import Refused
from apps.core.pages import Action, Change, Entry, Step, changes, refusal
from tests.core import gallery

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
EVIL = "<script>alert('1')</script>"


def render(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


def words(markup: str) -> str:
    """What a reader sees, without marks and doubled blanks."""
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


class Colour(models.TextChoices):
    """A choice whose label differs from its value."""

    CHANGES_REQUESTED = "changes_requested", "Wants changes"


def test_badge_of_a_word_has_icon_and_word():
    shown = render("{% badge 'changes_requested' %}")
    assert words(shown) == "Changes requested"
    assert 'class="badge attention"' in shown
    assert "#attention" in shown


def test_badge_of_a_choice_uses_its_label():
    assert words(render("{% badge state %}", state=Colour.CHANGES_REQUESTED)) == "Wants changes"


def test_badge_of_an_object_takes_its_own_meaning():
    thing = SimpleNamespace(state="open", state_meaning="wrong", get_state_display=lambda: "Open since May")
    shown = render("{% badge thing %}", thing=thing)
    assert words(shown) == "Open since May"
    assert 'class="badge wrong"' in shown


def test_badge_of_an_unknown_word_is_neutral():
    assert 'class="badge neutral"' in render("{% badge 'purple' %}")


def test_every_state_word_has_one_meaning():
    listed = [word for words_ in meanings._WORDS.values() for word in words_.split()]
    assert len(listed) == len(set(listed))


def test_every_icon_that_is_used_exists():
    sprite = set(re.findall(r'id="([\w-]+)"', (TEMPLATES.parent / "static/tenure/icons.svg").read_text()))
    used = {name for file in TEMPLATES.rglob("*.html") for name in re.findall(r'{% icon "([\w-]+)"', file.read_text())}
    assert used - sprite == set()
    assert {"good", "attention", "wrong", "neutral", "clock", "running"} <= sprite


def test_time_is_in_the_readers_zone_with_utc_on_hover():
    with timezone.override("Europe/Berlin"):
        shown = render("{% time at %}", at=datetime(2026, 3, 14, 9, 5, tzinfo=UTC))
    assert words(shown) == "14 Mar 2026, 10:05"
    assert 'title="2026-03-14 09:05:00 UTC"' in shown


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(hours=3, minutes=1), "3 hours ago"),
        (-timedelta(days=2, minutes=1), "in 2 days"),
    ],
)
def test_time_ago(distance, expected):
    shown = words(render("{% time at 'ago' %}", at=timezone.now() - distance))
    assert shown.replace("\xa0", " ") == expected


def test_time_of_dates_and_nothing():
    assert words(render("{% time day %}", day=date(2026, 1, 2))) == "2 Jan 2026"
    assert render("{% time None %}") == "–"


@pytest.mark.parametrize("tag", ["number", "percent", "bytes", "duration", "measure", "time"])
def test_a_figure_that_does_not_exist_is_nothing(tag):
    assert render("{% " + tag + " unknown.thing %}") == "–"


def test_person_without_user_is_the_system():
    assert words(render("{% person None %}")) == "Tenure"


def test_person_shows_initials_and_name():
    assert words(render("{% person user %}", user=gallery.NORA)) == "NL Nora Lind"


def test_everything_is_escaped():
    form = type("Evil", (forms.Form,), {"name": forms.CharField(label=EVIL)})({"name": ""})
    shown = render(
        "{% badge evil %}{% person user %}{% hash evil %}{% tile evil evil note=evil %}{% prose evil %}{% json evil %}"
        "{% panel evil %}{{ evil }}{% endpanel %}{% note title=evil %}{{ evil }}{% endnote %}{% diff before after %}"
        "{% facts %}{% fact evil %}{{ evil }}{% endfact %}{% endfacts %}"
        "{% action_button action %}{% timeline entries %}"
        "{% form_errors form %}{% fields form %}{% crumbs crumbs %}{% th evil sort='a' %}",
        evil=EVIL,
        before={EVIL: EVIL},
        after={EVIL: EVIL + " and more", "b": EVIL},
        user=gallery.Person(EVIL, EVIL),
        action=Action(EVIL, EVIL, refused=EVIL),
        entries=[Entry(gallery.START, EVIL, EVIL, body=EVIL, changes=[Change(EVIL, EVIL, "x")])],
        crumbs=[SimpleNamespace(label=EVIL, url=EVIL)],
        form=form,
    )
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_refused_action_is_disabled_and_says_why():
    shown = render("{% action_button a %}", a=Action("Deploy", "/x", refused="A finding is open."))
    assert "disabled" in shown
    assert "/x" not in shown
    assert words(shown) == "Deploy A finding is open."


def test_action_posts_with_token_and_fields():
    shown = render("{% action_button a %}", a=Action("Lock", "/x", fields={"plan": "7"}), csrf_token="proof")
    assert '<form class="inline" method="post" action="/x">' in shown
    assert 'name="csrfmiddlewaretoken" value="proof"' in shown
    assert 'name="plan" value="7"' in shown


def test_action_menu_keeps_refused_ones_visible():
    shown = render(
        "{% action_menu all %}", all=[Action("Go", "/go", method="get"), Action("Stop", "/stop", refused="Not yours.")]
    )
    assert words(shown) == "More actions Go Stop Not yours."


def test_a_menu_of_one_is_a_button():
    shown = render("{% action_menu all %}", all=[Action("Export", "/x", method="get")])
    assert shown.strip() == '<a class="button " href="/x">Export</a>'


def test_a_small_refused_button_tells_why_when_pressed():
    shown = render("{% action_button a 'small' %}", a=Action("Add", "/x", refused="Only the owner may."))
    assert shown.startswith('<details class="menu why">')
    assert words(shown) == "Add Only the owner may."


def test_refusal_is_the_sentence_of_the_policy():
    def check(allowed: bool) -> None:
        if not allowed:
            raise Refused("Only a validator may do this.")

    assert refusal(check, allowed=True) == ""
    assert refusal(check, allowed=False) == "Only a validator may do this."


def test_changes_are_those_that_differ_in_the_order_of_the_newer():
    found = changes({"a": 1, "gone": 2}, {"b": 3, "a": 1})
    assert found == [Change("b", None, 3), Change("gone", 2, None)]


def test_diff_marks_the_words_that_changed():
    shown = render("{% diff old new %}", old={"rule": "at least 5 days"}, new={"rule": "at least 7 days"})
    assert "at least <del>5</del> days" in shown
    assert "at least <ins>7</ins> days" in shown


def test_diff_of_equal_things():
    assert words(render("{% diff old old %}", old={"a": 1})) == "Both are the same."


def test_progress_polls_while_running_and_stops_after():
    job = SimpleNamespace(pk="7", state="running", done=1, total=4, message="Reading", seconds_left=60)
    running = render("{% progress job '/jobs/7/' %}", job=job)
    assert 'hx-get="/jobs/7/" hx-trigger="every 2s" hx-swap="outerHTML"' in running
    assert 'value="0.2500"' in running
    job.state = "succeeded"
    assert "hx-get" not in render("{% progress job '/jobs/7/' %}", job=job)


def test_lifecycle_names_what_is_missing():
    shown = words(render("{% lifecycle None steps %}", steps=gallery.steps()))
    assert shown.endswith("8 Retirement not reached To go on: Close incident 1, or start retraining.")


def test_lifecycle_asks_whoever_announced_an_answer(monkeypatch):
    monkeypatch.setattr(lifecycle, "_standing", [])
    assert render("{% lifecycle thing %}", thing="x") == ""
    lifecycle.announce(lambda thing, user: [Step("data", "here", thing)])
    assert words(render("{% lifecycle thing %}", thing="x")) == "2 Data x"


def test_th_sorts_both_ways_and_forgets_the_page():
    for now, then, direction in [("", "name", ""), ("name", "-name", "ascending"), ("-name", "name", "descending")]:
        request = RequestFactory().get("/", {"sort": now, "page": "3", "state": "draft"})
        shown = render("{% th 'Name' sort='name' %}", request=request)
        assert f'href="?sort={then}&amp;state=draft"' in shown
        assert (f'aria-sort="{direction}"' in shown) is bool(direction)


def test_pager_keeps_filters():
    request = RequestFactory().get("/", {"state": "draft"})
    shown = render("{% pager page %}", page=Paginator(range(30), 10).page(2), request=request)
    assert "11 to 20 of 30" in words(shown)
    assert 'href="?state=draft&amp;page=3"' in shown


def test_stages_mark_where_the_page_lies_and_what_waits():
    shown = render(
        "{% stages waiting %}",
        waiting={"validation": 2},
        organization=SimpleNamespace(key="meridian"),
        request=RequestFactory().get("/o/meridian/validation/plans/"),
    )
    assert re.findall(r'href="([^"]+)" aria-current="page"', shown) == ["/o/meridian/validation/"]
    assert "2 waiting" in words(shown)


def test_field_links_label_hint_and_error():
    class Form(forms.Form):
        name = forms.CharField(help_text="As people say it.")

    shown = render("{% form_errors form %}{% fields form %}", form=Form({"name": ""}))
    assert '<a href="#id_name">Name: This field is required.</a>' in shown
    assert 'aria-describedby="id_name_helptext id_name_error"' in shown
    assert 'id="id_name_error"' in shown
    assert 'id="id_name_helptext"' in shown


def test_optional_fields_say_so():
    form = type("F", (forms.Form,), {"a": forms.CharField(), "b": forms.CharField(required=False)})()
    assert words(render("{% fields form %}", form=form)) == "A B (optional)"


def test_unused_fact_is_left_out():
    assert words(render("{% facts %}{% fact 'A' %}{% endfact %}{% fact 'B' %}1{% endfact %}{% endfacts %}")) == "B 1"


def test_gallery_shows_every_component():
    source = (Path(__file__).parent / "gallery.html").read_text()
    request = RequestFactory().get("/")
    shown = engines["django"].from_string(source).render({**gallery.context(), "menu": []}, request)
    assert shown.count("<figure") == 6
    assert "Nora Lind" in shown


@pytest.mark.parametrize("file", sorted(TEMPLATES.rglob("*.html")), ids=lambda file: str(file.relative_to(TEMPLATES)))
def test_templates_have_nothing_inline(file):
    """The policy forbids inline styles and scripts everywhere but in mails, which never meet it."""
    source = file.read_text()
    if file.relative_to(TEMPLATES).parts[0] == "mail" or "email" in file.parts:
        pytest.skip("mails carry their styles with them")
    assert not re.search(r"""\sstyle\s*=|<style|<script(?![^>]*\ssrc=)|\son\w+\s*=\s*["']|javascript:|hx-on""", source)


def test_key_figures_have_thousands_separators():
    assert words(render("{% load tenure %}{% tile 'Predictions' value=count %}", count=124718)) == "Predictions 124,718"
