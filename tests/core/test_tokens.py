"""Contrast is proven on the tokens themselves, in both schemes, for every pair that our styles put on each other."""

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[2] / "static" / "tenure" / "css"
TOKEN = re.compile(r"--([\w-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)")
TOKENS = {name: (light, dark) for name, light, dark in TOKEN.findall((CSS / "tokens.css").read_text())}

SURFACES = ("ground", "panel", "sunken", "raised", "hover")
TEXTS = [(text, surface) for text in ("text", "muted", "accent", "accent-deep") for surface in SURFACES]
TEXTS += [
    (meaning, surface)
    for meaning in ("good", "attention", "wrong", "neutral")
    for surface in ("panel", "ground", "raised")
]
TEXTS += [(meaning, f"{meaning}-wash") for meaning in ("good", "attention", "wrong", "neutral")]
TEXTS += [("text", f"{meaning}-wash") for meaning in ("good", "attention", "wrong", "neutral", "accent")]
TEXTS += [("on-accent", "accent"), ("on-accent", "accent-deep"), ("on-danger", "wrong"), ("accent-deep", "accent-wash")]
TEXTS += [("text", f"shade-{shade}") for shade in (1, 2, 3)]
TEXTS += [
    ("on-shade-4", "shade-4"),
    ("on-shade-5", "shade-5"),
    ("on-accent", "shade-6"),
    ("panel", "text"),
    ("panel", "good"),
]
SHAPES = [("edge", surface) for surface in ("panel", "ground", "sunken")]
SHAPES += [(f"series-{number}", "panel") for number in range(1, 7)]
SHAPES += [("accent", "sunken"), ("wrong", "sunken"), ("attention", "sunken"), ("good", "sunken")]


def luminance(colour: str) -> float:
    """Relative luminance after WCAG 2.2."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio after WCAG 2.2, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_on_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize(("text", "surface"), TEXTS)
def test_text_is_readable_in_both_schemes(text, surface):
    ratios = [contrast(TOKENS[text][scheme], TOKENS[surface][scheme]) for scheme in (0, 1)]
    assert min(ratios) >= 4.5, ratios


@pytest.mark.parametrize(("shape", "surface"), SHAPES)
def test_shape_is_visible_in_both_schemes(shape, surface):
    ratios = [contrast(TOKENS[shape][scheme], TOKENS[surface][scheme]) for scheme in (0, 1)]
    assert min(ratios) >= 3, ratios


def test_colours_are_named_in_tokens_only():
    found = {
        (file.name, colour)
        for file in CSS.glob("*.css")
        if file.name != "tokens.css"
        for colour in re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsl", file.read_text())
    }
    assert found == set()


def test_every_used_token_is_defined():
    sheets = {file.name: file.read_text() for file in CSS.glob("*.css")}
    defined = set(re.findall(r"(--[\w-]+):", "".join(sheets.values())))
    used = set(re.findall(r"var\((--[\w-]+)", "".join(sheets.values())))
    assert used - defined == set()


def test_styles_stay_small():
    assert sum(file.stat().st_size for file in CSS.glob("*.css")) < 46_000
