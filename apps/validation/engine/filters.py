"""Filters of rows as a person writes them: `age < 25 and region = "north"`. Read into a tree, never run as code.

    filter  = both { "or" both }
    both    = one { "and" one }
    one     = "not" one | "(" filter ")" | column test
    test    = ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value | ["not"] "in" "(" value { "," value } ")"
            | "is" ["not"] "missing"
    column  = a word, or anything between backticks; value = a number, or a text between quotes

A row whose value is missing fits no test of that column but `is missing`; `not` before a test or a bracket takes every
row that does not fit, those with missing values too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from apps.validation.engine.arrays import Array, Flags, is_missing, is_number, word
from apps.validation.engine.base import CannotRun

LONGEST = 500
MOST_TESTS = 40
DEEPEST = 20
Value = float | str

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])
      |(?P<text>"[^"]*"|'[^']*')|(?P<quoted>`[^`]+`)|(?P<word>[^\W\d][\w.]*)|(?P<sign><=|>=|!=|[=<>(),]))""",
    re.VERBOSE,
)
_ORDER: Mapping[str, Callable[[Array, float], Array]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
WORDS = frozenset({"and", "or", "not", "in", "is", "missing"})


class FilterError(ValueError):
    """The text is no filter; the sentence says where."""


@dataclass(frozen=True)
class Test:
    """A column against some values; `sign` is =, <, <=, > or >=, or missing. Several values are alternatives of =."""

    column: str
    sign: str
    values: tuple[Value, ...] = ()

    def columns(self) -> Iterator[str]:
        """The column."""
        yield self.column

    def flags(self, columns: Mapping[str, Array]) -> Flags:
        """Which rows fit; CannotRun where the column is not there or holds something else."""
        if self.column not in columns:
            raise CannotRun(f"The data has no column {self.column}.")
        found = columns[self.column]
        missing = is_missing(found)
        if self.sign == "missing":
            return missing
        self._check_type(is_number(found))
        if self.sign in _ORDER:
            fits = _ORDER[self.sign](found.astype(float), float(self.values[0]))
        elif is_number(found):
            fits = np.isin(found.astype(float), np.array([float(value) for value in self.values]))
        else:
            wanted = {str(value) for value in self.values}
            fits = np.array([word(item) in wanted for item in found.tolist()], dtype=bool)
        return np.asarray(fits & ~missing)

    def _check_type(self, holds_figures: bool) -> None:
        if holds_figures == all(isinstance(value, float) for value in self.values):
            return
        holds = "figures: compare it with a number" if holds_figures else "texts: compare it with = and a quoted text"
        raise CannotRun(f"The column {self.column} holds {holds}.")


@dataclass(frozen=True)
class Joined:
    """Tests of which all, any or (for one) none must fit."""

    how: str
    parts: tuple[Test | Joined, ...]

    def columns(self) -> Iterator[str]:
        """All columns, some more than once."""
        for part in self.parts:
            yield from part.columns()

    def flags(self, columns: Mapping[str, Array]) -> Flags:
        """Which rows fit."""
        each = [part.flags(columns) for part in self.parts]
        if self.how == "not":
            return ~each[0]
        return np.asarray(np.logical_and.reduce(each) if self.how == "and" else np.logical_or.reduce(each))


Filter = Test | Joined


def read_filter(text: str) -> Filter:
    """The filter of a text; FilterError with a sentence that says what is wrong and where."""
    if len(text) > LONGEST:
        raise FilterError(f"A filter has at most {LONGEST} characters.")
    return _Reader(text).read()


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.place, self.tests, self.depth = text, 0, 0, 0

    def read(self) -> Filter:
        """The whole text."""
        found = self.joined("or")
        if self.peek()[0]:
            raise self.wrong("and, or, or the end")
        return found

    def peek(self) -> tuple[str, str]:
        """Kind and text of what comes next; empty at the end."""
        match = _TOKEN.match(self.text, self.place)
        if match is None:
            if self.text[self.place :].strip():
                raise self.wrong("a column, a value or a sign")
            return "", ""
        kind = str(match.lastgroup)
        said = match[kind]
        return ("sign" if kind == "word" and said.lower() in WORDS else kind), said

    def take(self) -> tuple[str, str]:
        """The same, and go on behind it."""
        found = self.peek()
        match = _TOKEN.match(self.text, self.place)
        self.place = match.end() if match else len(self.text)
        return found

    def has(self, *signs: str) -> bool:
        """Whether these signs come next; if so, go on behind them."""
        before = self.place
        for sign in signs:
            kind, said = self.take()
            if kind != "sign" or said.lower() != sign:
                self.place = before
                return False
        return True

    def wrong(self, expected: str) -> FilterError:
        """The error for what comes next."""
        rest = self.text[self.place :].strip()
        where = f"at “{rest[:20]}”" if rest else "at the end"
        return FilterError(f"Expected {expected} {where}.")

    def joined(self, how: str) -> Filter:
        """Parts joined by one word."""
        part = (lambda: self.joined("and")) if how == "or" else self.one
        parts = [part()]
        while self.has(how):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(how, tuple(parts))

    def one(self) -> Filter:
        """A test, its opposite, or a filter between brackets."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise FilterError(f"A filter is nested at most {DEEPEST} deep.")
        if self.has("not"):
            found: Filter = Joined("not", (self.one(),))
        elif self.has("("):
            found = self.joined("or")
            if not self.has(")"):
                raise self.wrong("a closing bracket")
        else:
            found = self.test()
        self.depth -= 1
        return found

    def test(self) -> Filter:
        """A column and what must be true of it."""
        self.tests += 1
        if self.tests > MOST_TESTS:
            raise FilterError(f"A filter has at most {MOST_TESTS} tests.")
        kind, said = self.peek()
        if kind not in {"word", "quoted"}:
            raise self.wrong("the name of a column")
        self.take()
        column = said.strip("`")
        if self.has("is"):
            opposite = self.has("not")
            if not self.has("missing"):
                raise self.wrong("missing")
            return _opposite(Test(column, "missing"), opposite)
        opposite = self.has("not")
        if self.has("in"):
            return _opposite(Test(column, "=", tuple(self.several())), opposite)
        for sign in () if opposite else ("=", "!=", *_ORDER):
            if self.has(sign):
                return self.compared(column, sign)
        raise self.wrong("=, !=, <, <=, >, >=, in or is missing")

    def compared(self, column: str, sign: str) -> Filter:
        """A column against one value; only figures have an order."""
        before = self.place
        value = self.value()
        if sign in _ORDER and isinstance(value, str):
            self.place = before
            raise self.wrong("a number")
        return _opposite(Test(column, "=" if sign == "!=" else sign, (value,)), sign == "!=")

    def several(self) -> Iterator[Value]:
        """Values between brackets."""
        if not self.has("("):
            raise self.wrong("values between brackets")
        yield self.value()
        while self.has(","):
            yield self.value()
        if not self.has(")"):
            raise self.wrong("a comma or a closing bracket")

    def value(self) -> Value:
        """A number or a text."""
        kind, said = self.peek()
        if kind not in {"number", "text"}:
            raise self.wrong("a number or a text between quotes")
        self.take()
        return float(said) if kind == "number" else said[1:-1]


def _opposite(test: Test, is_so: bool) -> Filter:
    """What fits where the test does not, missing values left out: nobody knows what they are."""
    if not is_so:
        return test
    if test.sign == "missing":
        return Joined("not", (test,))
    return Joined("and", (Joined("not", (test,)), Joined("not", (Test(test.column, "missing"),))))


MOST_SLICES = 30


def read_slices(given: object) -> list[dict[str, str]]:
    """Named filters as they are kept, {name, where}, from such or {name: where}; FilterError with what is wrong."""
    pairs = given.items() if isinstance(given, Mapping) else _pairs(given)
    found: dict[str, str] = {}
    problems: list[str] = []
    for name, where in pairs:
        name = str(name).strip()
        if not name or len(name) > 80 or name in found:
            problems.append(f"“{name[:80]}” is no name for a slice: it is empty, too long or there twice.")
            continue
        found[name] = str(where).strip()
        try:
            read_filter(found[name])
        except FilterError as error:
            problems.append(f"{name}: {error}")
    if len(found) > MOST_SLICES:
        problems.append(f"A plan names at most {MOST_SLICES} slices.")
    if problems:
        raise FilterError(" ".join(problems))
    return [{"name": name, "where": where} for name, where in found.items()]


def _pairs(given: object) -> list[tuple[object, object]]:
    if not isinstance(given, list | tuple) or not all(isinstance(one, Mapping) for one in given):
        raise FilterError("Slices are names with filters.")
    return [(one.get("name", ""), one.get("where", "")) for one in given]
