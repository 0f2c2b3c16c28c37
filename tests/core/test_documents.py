"""Documents: data stays what it is, whatever it looks like, and the same data gives the same bytes."""

import datetime as dt
import re
from pathlib import Path

import pytest
from django.conf import settings

from apps.core import charts, documents
from apps.core.charts import Series

AT = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
EVIL = '#read("/etc/passwd") *bold* _x_ $a$ <label> @ref \\ // = head #import "@preview/x:1.0.0"'


def made(tmp_path, said: dict, body: str) -> bytes:
    """A document of a template with this body."""
    (tmp_path / "own.typ").write_text(body)
    return documents.pdf("own.typ", said, AT)


@pytest.fixture
def templates(tmp_path, settings):
    """A folder of templates before our own."""
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path, *settings.TEMPLATES[0]["DIRS"]]}]
    documents._source.cache_clear()
    yield tmp_path
    documents._source.cache_clear()


def said(title: str) -> dict:
    return {"title": title, "organization": "Meridian Air", "facts": [("Model", title)]}


CHECKED = """
#head()
#assert.eq(said.facts.first().last(), said.title)
#assert.eq(type(said.title), str)
#rows((heads: ("A",), rows: ((said.title,),)))
"""


def test_data_is_never_read_as_markup(templates):
    assert made(templates, said(EVIL), CHECKED).startswith(b"%PDF-")


def test_a_template_reaches_no_file_and_no_network(templates):
    for body in ('#read("/etc/hostname")', '#read("../own.typ")', '#import "@preview/cetz:0.3.4"'):
        with pytest.raises(RuntimeError):
            made(templates, said("x"), body)
        documents._source.cache_clear()


def test_the_same_data_gives_the_same_bytes(templates):
    first, again = (made(templates, said("x"), CHECKED) for _ in range(2))
    assert first == again
    assert made(templates, said("y"), CHECKED) != first


def test_a_chart_comes_with_colours_words_and_legend(templates):
    points = [(AT + dt.timedelta(days=day), day / 10) for day in range(5)]
    drawn = charts.line("Has <it> moved?", [Series("a", points), Series("b & c", points)])
    picture = documents.picture(drawn)
    assert "var(" not in picture["svg"]
    assert [key["label"] for key in picture["legend"]] == ["a", "b & c"]
    assert all(re.fullmatch("#[0-9a-f]{6}", key["colour"]) for key in picture["legend"])
    assert made(templates, said("x") | {"chart": picture}, "#chart(said.chart)").startswith(b"%PDF-")
    empty = documents.picture(charts.line("Nothing?", []))
    assert empty["svg"] is None
    assert made(templates, said("x") | {"chart": empty}, "#chart(said.chart)").startswith(b"%PDF-")


def test_paper_has_a_rule_for_every_part_of_a_chart_that_screens_colour():
    """A class that charts are coloured by on screens and not on paper would be drawn black."""
    folder = Path(settings.BASE_DIR)
    screen = (folder / "static/tenure/css/charts.css").read_text()
    paper = (folder / "templates/documents/charts.css").read_text()
    coloured = set(re.findall(r"^\.plot [^{]*\.([a-z]+) \{[^}]*(?:fill|stroke): var", screen, re.MULTILINE))
    assert coloured >= {"past", "bar", "dot", "grid"}
    assert {name for name in coloured if f".{name}" not in paper} == {"lit"}  # under the pointer
