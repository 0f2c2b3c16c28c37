"""Documents as PDF: a template of ours, and data that is never read as markup.

A template is Typst (templates/<app>/<name>.typ) after the house's own (templates/documents/house.typ). It gets one JSON
text, sees no file and no network, and has its fonts within: the same data gives the same bytes. Compiling takes some
hundredths of a second a page. Rendered charts come along as SVG with the design tokens' light colours.
"""

import re
import tempfile
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import get_template

from apps.core.canonical import canonical
from apps.core.charts import Chart

HOUSE = "documents/house.typ"
TOKEN = re.compile(r"--([a-z0-9-]+):\s*(?:light-dark\(\s*)?(#[0-9a-f]{6})")
USED = re.compile(r"var\(--([a-z0-9-]+)\)")


def pdf(template: str, data: Mapping[str, Any], at: datetime) -> bytes:
    """The document that the template makes of the data, made `at` this moment.

    `data` has at least title, organization and facts (pairs of name and value). Raises RuntimeError where the template
    is wrong; no data makes it so.
    """
    import typst

    source = f"{_source(HOUSE)}\n{_source(template)}".encode()
    with tempfile.TemporaryDirectory() as nowhere:
        made = typst.compile(  # type: ignore[type-var]  # its stub wants source and root of one type
            source,
            root=nowhere,
            package_path=nowhere,
            package_cache_path=nowhere,
            sys_inputs={"data": canonical(data)},
            timestamp=at,
        )
    if not isinstance(made, bytes):
        raise RuntimeError(f"{template} made no document.")
    return made


def picture(chart: Chart) -> dict[str, Any]:
    """A chart for a document: its drawing in the colours of paper, its words, its legend."""
    is_drawn = str(chart.svg).startswith("<svg")
    style = f"<style>{_resolved()}</style>"
    return {
        "title": chart.title,
        "note": chart.note,
        "description": chart.description,
        "svg": re.sub(r"(<svg[^>]*>)", lambda found: found[1] + style, str(chart.svg), count=1) if is_drawn else None,
        "legend": [{"label": key.label, "colour": _colour(key.style)} for key in chart.legend],
    }


def _colour(style: str) -> str:
    """The colour of a line of the legend, from the class of its swatch."""
    kinds = {"s": "series-", "h": "shade-"}
    name = f"{kinds[style[0]]}{style[1:]}" if style[1:].isdigit() and style[0] in kinds else style
    return _tokens().get(f"{name}-wash", _tokens().get(name, _tokens()["neutral"]))


@cache
def _tokens() -> dict[str, str]:
    """The light value of every design token that is a colour."""
    written = (Path(settings.BASE_DIR) / "static/tenure/css/tokens.css").read_text()
    return dict(TOKEN.findall(written))


@cache
def _resolved() -> str:
    """The style of charts on paper, with the tokens' colours written out."""
    return USED.sub(lambda found: _tokens()[found[1]], _source("documents/charts.css"))


@cache
def _source(name: str) -> str:
    """A file of the templates as it is written; Django's own syntax means nothing in it."""
    return Path(get_template(name).origin.name).read_text()  # type: ignore[attr-defined]
