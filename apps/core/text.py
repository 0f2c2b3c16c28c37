"""What was sent can be kept: PostgreSQL has no character NUL, UTF-8 no half characters, and depth has an end."""

from collections.abc import Iterable
from typing import Any

DEEPEST = 200


def unkeepable(value: Any) -> str:
    """Why plain values cannot be kept, as a sentence about them; empty when they can. What is shared is read once."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    seen: set[int] = set()
    while waiting:
        part, depth = waiting.pop()
        if isinstance(part, str):
            if sentence := _wrong_with(part):
                return sentence
        elif isinstance(part, dict | list | tuple) and id(part) not in seen:
            if depth == DEEPEST:
                return "This is nested too deeply."
            seen.add(id(part))
            inside: Iterable[Any] = (*part, *part.values()) if isinstance(part, dict) else part
            waiting += [(one, depth + 1) for one in inside]
    return ""


def _wrong_with(text: str) -> str:
    if "\0" in text:
        return "This holds the character NUL, which cannot be kept. Leave it out."
    try:
        text.encode()
    except UnicodeEncodeError:
        return "This holds half a character, which is not valid Unicode."
    return ""
