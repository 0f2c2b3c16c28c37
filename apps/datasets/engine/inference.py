"""Finding the type of a text column from all its values: what fits none of them is struck out, batch after batch."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .casting import castable, has_zone, wrong_cells
from .schema import BOOLEAN, CATEGORY, DATE, DATETIME, INTEGER, NUMBER, STRING, TEXTUAL, counted, listed

MOST_CATEGORIES = 250
ROWS_PER_CATEGORY = 10
_MISSING_MARKS = {"?", "-", "--", "none", "n.a.", "missing", "unknown", "n/d", ".", "#null!", "(null)"}
_KEPT_ODD = 5
_MOSTLY = 0.9


@dataclass
class ColumnGuess:
    """What is known of one column so far."""

    name: str
    decimal_comma: bool = False
    rows: int = 0
    nulls: int = 0
    viable: set[str] = field(default_factory=lambda: {BOOLEAN, INTEGER, NUMBER, DATE, DATETIME})
    leading_zeros: bool = False
    zoned: bool = False
    unzoned: bool = False
    padded: int = 0
    odd: list[str] = field(default_factory=list)
    odd_total: int = 0
    distinct: set[str] | None = field(default_factory=set)
    header_as_value: int = 0
    marks: dict[str, int] = field(default_factory=dict)

    def see(self, values: pa.Array) -> None:
        """Take one more piece of the column into account."""
        known = values.drop_null()
        seen_before, had_a_type = self.rows - self.nulls, bool(self.viable)
        self.rows += len(values)
        self.nulls += len(values) - len(known)
        if not len(known):
            return
        self._strike_numbers(known)
        self._strike(known, BOOLEAN)
        if DATETIME in self.viable:
            self._strike(known, DATE)
            self._strike(known, DATETIME)
        if DATETIME in self.viable and DATE not in self.viable:
            self._note_zones(known)
        if not self.viable:
            if had_a_type and seen_before:
                # Its first values were not counted, as they looked like numbers or times.
                self.distinct = None
            self._note_text(known)

    def _strike(self, known: pa.Array, kind: str) -> None:
        if kind in self.viable and not castable(known, kind, self.decimal_comma):
            self.viable.discard(kind)

    def _strike_numbers(self, known: pa.Array) -> None:
        """Integers are numbers too, so numbers are tried only once integers are out."""
        if NUMBER not in self.viable:
            self._count_odd(known)
            return
        if INTEGER in self.viable:
            self._strike(known, INTEGER)
            if INTEGER in self.viable:
                if _leading_zeros(known):
                    self.leading_zeros = True
                    self.viable -= {INTEGER, NUMBER}
                else:
                    self.viable -= {BOOLEAN, DATE, DATETIME}
                return
        self._strike(known, NUMBER)
        if NUMBER in self.viable and _too_long_for_numbers(known):
            self.viable.discard(NUMBER)
        elif NUMBER not in self.viable:
            self._count_odd(known)

    def _count_odd(self, known: pa.Array) -> None:
        """How many texts stand between this column and being numeric, while they are few."""
        if self.leading_zeros or self.odd_total > (1 - _MOSTLY) * max(self.rows - self.nulls, 1):
            return
        wrong = wrong_cells(known, NUMBER, self.decimal_comma)
        self.odd_total += int(wrong.sum())
        for value in pc.unique(known.filter(pa.array(wrong))).slice(0, _KEPT_ODD).to_pylist():
            if value not in self.odd and len(self.odd) < _KEPT_ODD:
                self.odd.append(value)

    def _note_zones(self, known: pa.Array) -> None:
        if self.zoned and self.unzoned:
            return
        zoned = has_zone(pc.utf8_trim_whitespace(known))
        self.zoned = self.zoned or bool(pc.any(zoned).as_py())
        self.unzoned = self.unzoned or not pc.all(zoned).as_py()

    def _note_text(self, known: pa.Array) -> None:
        trimmed = pc.utf8_trim_whitespace(known)
        self.padded += pc.sum(pc.not_equal(pc.binary_length(trimmed), pc.binary_length(known))).as_py() or 0
        if self.distinct is None:
            return
        counts = pc.value_counts(known)
        if len(counts) > MOST_CATEGORIES:
            self.distinct = None
            return
        values = counts.field("values").to_pylist()
        for value, count in zip(values, counts.field("counts").to_pylist(), strict=True):
            if value.strip().lower() in _MISSING_MARKS:
                self.marks[value.strip()] = self.marks.get(value.strip(), 0) + count
            if value == self.name:
                self.header_as_value += count
        self.distinct.update(values)
        if len(self.distinct) > MOST_CATEGORIES:
            self.distinct = None

    @property
    def type(self) -> str:
        """The narrowest type that all values have."""
        if self.rows == self.nulls:
            return STRING
        for kind in (INTEGER, NUMBER, BOOLEAN, DATE, DATETIME):
            if kind in self.viable:
                return kind
        repeated = self.distinct is not None and self.rows - self.nulls >= ROWS_PER_CATEGORY * len(self.distinct)
        return CATEGORY if repeated else STRING

    @property
    def is_mostly_numbers(self) -> bool:
        """Whether a few texts alone keep this column from being numeric."""
        return bool(self.odd) and self.odd_total <= (1 - _MOSTLY) * (self.rows - self.nulls)


def remarks(guesses: Iterable[ColumnGuess]) -> list[dict[str, Any]]:
    """What a person should know about the columns, each remark with its code, its columns and a sentence."""
    guesses = [guess for guess in guesses if guess.rows]
    texts = [guess for guess in guesses if guess.type in TEXTUAL and guess.rows > guess.nulls]
    found = [
        *_about_nothing([guess for guess in guesses if guess.rows == guess.nulls]),
        *_about_zones([guess for guess in guesses if guess.type == DATETIME and guess.unzoned]),
        *_about_padding([guess for guess in texts if guess.padded]),
        *_about_marks(texts),
    ]
    for guess in texts:
        found += _about_numbers(guess)
        if guess.header_as_value:
            found.append(
                _remark(
                    "repeated_header",
                    [guess],
                    f"The name of column {guess.name} also occurs as a value in it; the header may be repeated in the "
                    "file, or the first line may be values.",
                )
            )
    return found


def _remark(code: str, guesses: Iterable[ColumnGuess], sentence: str) -> dict[str, Any]:
    return {"code": code, "columns": [guess.name for guess in guesses], "sentence": sentence}


def _named(guesses: list[ColumnGuess]) -> str:
    return listed([guess.name for guess in guesses], 6)


def _about_nothing(guesses: list[ColumnGuess]) -> list[dict[str, Any]]:
    if not guesses:
        return []
    return [_remark("all_null", guesses, f"No value at all in {_named(guesses)}; consider dropping what is empty.")]


def _about_zones(guesses: list[ColumnGuess]) -> list[dict[str, Any]]:
    if not guesses:
        return []
    sentence = f"Times in {_named(guesses)} name no time zone and are taken as UTC."
    return [_remark("no_zone", guesses, sentence)]


def _about_padding(guesses: list[ColumnGuess]) -> list[dict[str, Any]]:
    if not guesses:
        return []
    total = counted(sum(guess.padded for guess in guesses), "value")
    sentence = (
        f"Spaces stand before or after {total} in {_named(guesses)}; read the file with trim, or trim them in a "
        "preparation step."
    )
    return [_remark("padded", guesses, sentence)]


def _about_marks(guesses: list[ColumnGuess]) -> list[dict[str, Any]]:
    found = []
    for mark in sorted({mark for guess in guesses for mark in guess.marks}):
        holders = [guess for guess in guesses if mark in guess.marks]
        total = counted(sum(guess.marks[mark] for guess in holders), "time")
        sentence = (
            f"{mark!r} stands {total} in {_named(holders)} and looks like a mark for a missing value; if it is, "
            "declare it under null_values."
        )
        found.append(_remark("missing_mark", holders, sentence))
    return found


def _about_numbers(guess: ColumnGuess) -> list[dict[str, Any]]:
    if guess.leading_zeros:
        sentence = f"Column {guess.name} is kept as text because numbers in it begin with a zero."
        return [_remark("leading_zeros", [guess], sentence)]
    if not guess.is_mostly_numbers:
        return []
    shown = ", ".join(repr(value[:40]) for value in guess.odd)
    sentence = (
        f"Column {guess.name} is text because {counted(guess.odd_total, 'value')} of {guess.rows - guess.nulls:,} "
        f"{'is' if guess.odd_total == 1 else 'are'} not a number: {shown}. Declare them under null_values, or correct "
        "them."
    )
    return [_remark("mostly_numbers", [guess], sentence)]


def _leading_zeros(known: pa.Array) -> bool:
    zero = pc.starts_with(known, "0")
    if not pc.any(zero).as_py():
        return False
    return bool(pc.any(pc.and_(zero, pc.greater(pc.binary_length(known), 1))).as_py())


def _too_long_for_numbers(known: pa.Array) -> bool:
    """Digits beyond what an integer holds: as a number the last would be lost, and identifiers look like this."""
    long = known.filter(pc.greater(pc.binary_length(known), 18))
    return len(long) > 0 and bool(pc.any(pc.match_substring_regex(long, r"^\s*[+-]?\d{19,}\s*$")).as_py())
