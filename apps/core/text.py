"""What was sent can be kept: PostgreSQL has no character NUL, UTF-8 no half characters, and depth has an end.

Nor is kept what would turn round the words of others around it on a page.
"""

from collections.abc import Iterable
from typing import Any

DEEPEST = 200
MOST_REPEATED = 10_000


def unkeepable(value: Any) -> str:
    """Why plain values cannot be kept, as a sentence about them; empty when they can.

    A few lines of YAML can repeat themselves into any number of values, or hold themselves.
    """
    waiting: list[tuple[Any, int]] = [(value, 0)]
    seen: set[int] = set()
    repeated = 0
    while waiting:
        part, depth = waiting.pop()
        if isinstance(part, str):
            if sentence := _wrong_with(part):
                return sentence
        elif isinstance(part, dict | list | tuple) and part:
            repeated += id(part) in seen
            if depth == DEEPEST:
                return "This is nested too deeply."
            if repeated > MOST_REPEATED:
                return "This repeats its own parts too often. Write them out, or leave them out."
            seen.add(id(part))
            inside: Iterable[Any] = (*part, *part.values()) if isinstance(part, dict) else part
            waiting += [(one, depth + 1) for one in inside]
    return ""


def _wrong_with(text: str) -> str:
    if "\0" in text:
        return "This holds the character NUL, which cannot be kept. Leave it out."
    if "\u202d" in text or "\u202e" in text:
        return "This holds a mark that turns round the writing after it (U+202D, U+202E). Leave it out."
    try:
        text.encode()
    except UnicodeEncodeError:
        return "This holds half a character, which is not valid Unicode."
    return ""
