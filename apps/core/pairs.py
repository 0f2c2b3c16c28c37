"""Lines of `name = value`, as people write a mapping into a form."""

import re
from collections.abc import Mapping

from django import forms

LINES = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})
_SIGN = re.compile(r"\s*(?:=>|→|=)\s*")


def pairs(text: str) -> dict[str, str]:
    """Lines of `name = value` as a mapping; a line without a sign is refused."""
    found: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        parts = _SIGN.split(line.strip(), maxsplit=1)
        if len(parts) < 2 or not parts[0]:
            raise forms.ValidationError(f"“{line.strip()}” is not written as name = value.")
        found[parts[0]] = parts[1]
    return found


def lines(mapping: Mapping[str, object]) -> str:
    """The mapping as `pairs` reads it."""
    return "\n".join(f"{name} = {value}" for name, value in mapping.items())
