"""What the person who brings a file may say about it."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from typing import Any

from .content import DEFAULT_LIMIT
from .errors import DataError
from .schema import ROLES, TYPES, listed

REFUSE, SKIP, NULL = "refuse", "skip", "null"
DEFAULT_NULLS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null")
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


@dataclass(frozen=True)
class ReadOptions:
    """How to read a file; everything has a default that suits a plain CSV with a header, or Parquet.

    column_names     the names, for a file without a header
    trusted_header   the first line is the header even if it looks like values
    skip_lines       lines to leave out before the header or the first row
    delimiter, encoding   found out when empty
    null_values      marks that stand for "missing", compared after trimming when `trim` is set
    trim             take spaces off both ends of every value
    decimal_comma    numbers are written 1.234,5
    broken_rows      refuse | skip: lines with the wrong number of fields
    wrong_values     refuse | null: cells that are not of the declared type
    types            column -> declared type; the others are found out from all their values
    required         columns that may not hold nulls
    units            column -> text, kept in the schema
    roles            column -> one of ROLES, kept in the schema
    """

    column_names: tuple[str, ...] = ()
    trusted_header: bool = False
    skip_lines: int = 0
    delimiter: str = ""
    encoding: str = ""
    null_values: tuple[str, ...] = DEFAULT_NULLS
    trim: bool = False
    decimal_comma: bool = False
    broken_rows: str = REFUSE
    wrong_values: str = REFUSE
    types: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    max_bytes: int = DEFAULT_LIMIT

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise DataError(problem, code="bad_option")

    def _problems(self) -> list[str]:
        problems = []
        for what, given, known in (("type", self.types, TYPES), ("role", self.roles, ROLES)):
            wrong = [(name, said) for name, said in given.items() if said not in known]
            for name, said in wrong[:1]:
                problems.append(f"{said!r}, declared for {name}, is not a {what}; the {what}s are {listed(known)}.")
        if self.delimiter and (len(self.delimiter) != 1 or not self.delimiter.isascii() or self.delimiter in '"\r\n\0'):
            problems.append("The delimiter must be one plain character, neither a quotation mark nor a line end.")
        if self.broken_rows not in (REFUSE, SKIP):
            problems.append("broken_rows must be refuse or skip.")
        if self.wrong_values not in (REFUSE, NULL):
            problems.append("wrong_values must be refuse or null.")
        if self.skip_lines < 0:
            problems.append("skip_lines must be 0 or more.")
        if self.encoding and not _known_encoding(self.encoding):
            problems.append(f"{self.encoding!r} is not an encoding that is known here; utf-8 and latin-1 are.")
        return problems

    def to_dict(self) -> dict[str, Any]:
        """The options as plain values, so that a reading can be repeated."""
        values = asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ReadOptions":
        """Options from plain values; an unknown name is an error, not ignored."""
        known = {item.name for item in fields(cls)}
        unknown = [name for name in values if name not in known]
        if unknown:
            raise DataError(
                f"{listed(unknown)}: no such option; the options are {listed(sorted(known), 20)}.", code="bad_option"
            )
        return cls(**{item.name: _ready(item, values[item.name]) for item in fields(cls) if item.name in values})


def _ready(item: "Field[Any]", value: Any) -> Any:
    """The value as the option keeps it; a value of another kind is an error in a sentence."""
    kind = type(item.default) if item.default is not MISSING else dict
    if kind is tuple and isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return tuple(value)
    if kind is dict and isinstance(value, Mapping) and all(isinstance(part, str) for part in value.values()):
        return dict(value)
    if kind not in (tuple, dict) and type(value) is kind:
        return value
    wanted = {tuple: "a list of texts", dict: "names with a text each", bool: "true or false", int: "a whole number"}
    raise DataError(f"The option {item.name} must be {wanted.get(kind, 'a text')}.", code="bad_option")


def _known_encoding(name: str) -> bool:
    import codecs

    try:
        return codecs.lookup(name)._is_text_encoding  # type: ignore[attr-defined]
    except LookupError:
        return False
