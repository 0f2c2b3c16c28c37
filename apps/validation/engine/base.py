"""What a check is, what it measures, and how a measurement becomes a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from apps.validation.engine.arrays import plain

if TYPE_CHECKING:
    from apps.validation.engine.case import Case

MAX_EVIDENCE_ROWS = 50
MAX_POINTS = 200


class Kind(StrEnum):
    """What a plan takes a model for: what it answers, or a use of such answers that is judged by other questions.

    A forecast is a figure for a moment to come, a ranking puts the rows of each list in order by their score. Generic
    is any model of whose answers nobody knows the truth.
    """

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    FORECAST = "forecast"
    RANKING = "ranking"
    GENERIC = "generic"


ANSWERS = frozenset({Kind.BINARY, Kind.MULTICLASS, Kind.REGRESSION})
USES: Mapping[Kind, frozenset[Kind]] = {
    Kind.BINARY: frozenset({Kind.BINARY}),
    Kind.MULTICLASS: frozenset({Kind.MULTICLASS}),
    Kind.REGRESSION: frozenset({Kind.REGRESSION}),
    Kind.FORECAST: frozenset({Kind.REGRESSION}),
    Kind.RANKING: frozenset({Kind.BINARY, Kind.REGRESSION}),
    Kind.GENERIC: ANSWERS,
}
CLASSIFIERS = frozenset({Kind.BINARY, Kind.MULTICLASS})


class Family(StrEnum):
    """The question a check belongs to, in the order in which a report asks them."""

    PERFORMANCE = "performance"
    CONSISTENCY = "consistency"
    FAIRNESS = "fairness"
    ROBUSTNESS = "robustness"
    EXPLAINABILITY = "explainability"
    LATENCY = "latency"
    SECURITY = "security"
    DATA = "data"
    DOCUMENTATION = "documentation"
    OUTSIDE = "outside"


FAMILY_QUESTIONS: Mapping[Family, str] = {
    Family.PERFORMANCE: "Is the model accurate?",
    Family.CONSISTENCY: "Does it perform consistently?",
    Family.FAIRNESS: "Is it fair and unbiased?",
    Family.ROBUSTNESS: "Can it handle the real world?",
    Family.EXPLAINABILITY: "Can its answers be explained?",
    Family.LATENCY: "Is it fast enough?",
    Family.SECURITY: "Is the artifact safe and unchanged?",
    Family.DATA: "Can the test data be trusted?",
    Family.DOCUMENTATION: "Is it documented?",
    Family.OUTSIDE: "What do others say?",
}


class Verdict(StrEnum):
    """What a check says. One that could not run, or had too little to judge by, says so; that is never a pass.

    Where a model has nothing that the question is about (no category, no figure), there is nothing to ask: that is no
    pass either, and holds nothing up.
    """

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    TOO_SMALL = "too_small"
    NOT_RUN = "not_run"
    NOTHING = "nothing_to_ask"


GRAVITY = (
    Verdict.NOTHING,
    Verdict.PASSED,
    Verdict.WARNED,
    Verdict.TOO_SMALL,
    Verdict.NOT_RUN,
    Verdict.FAILED,
)
SILENT = frozenset({Verdict.TOO_SMALL, Verdict.NOT_RUN})


class Sense(StrEnum):
    """Which side of its threshold a value must be on."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class Bound(StrEnum):
    """Which figure is held against the threshold: the value itself or one end of its interval."""

    VALUE = "value"
    LOWER = "lower"
    UPPER = "upper"


class Need(StrEnum):
    """Something a check cannot do without; what is absent is given as the reason for not running."""

    TRAIN = "train"
    CHAMPION = "champion"
    TIME = "time"
    ARTIFACT = "artifact"
    FACTS = "facts"
    CONVERSION = "conversion"
    RECIPE = "recipe"
    ORIGINAL = "original"
    ADVISORIES = "advisories"
    GROUP = "group"
    REFERENCE = "reference"
    STRESS = "stress"
    SLICES = "slices"


ONLY_WHERE_NAMED = frozenset({Need.REFERENCE, Need.STRESS, Need.SLICES})
NEED_REASONS: Mapping[Need, str] = {
    Need.TRAIN: "The rows the model was trained on were not given.",
    Need.CHAMPION: "There is no champion to compare with.",
    Need.TIME: "No time column is named for this data.",
    Need.ARTIFACT: "The artifact's bytes were not given.",
    Need.FACTS: "The records about the model were not given.",
    Need.CONVERSION: "No record says that the artifact was converted from another format.",
    Need.RECIPE: "No recipe of this portal made the version, so it cannot be trained again.",
    Need.ORIGINAL: "The training rows of the plan are not just those it was trained on, so it cannot be learned again.",
    Need.ADVISORIES: "Known vulnerabilities were not looked for.",
    Need.GROUP: "No column is named that says which list a row belongs to.",
    Need.REFERENCE: "The plan names no reference data.",
    Need.STRESS: "The plan names no stress data.",
    Need.SLICES: "The plan names no slices.",
}

TIERS = ("low", "limited", "high")
STRICTER_TIERS = ("limited", "high")


class CannotRun(Exception):
    """Raised inside a check with the reason in words; the verdict becomes not_run."""

    verdict = Verdict.NOT_RUN


class TooSmall(CannotRun):
    """Raised where there are too few rows, or too few of a kind, to judge; the verdict becomes too_small."""

    verdict = Verdict.TOO_SMALL


class NothingToAsk(CannotRun):
    """Raised where the model has nothing that the question is about; the verdict becomes nothing_to_ask."""

    verdict = Verdict.NOTHING


@dataclass(frozen=True)
class Limits:
    """Where a check fails and where it warns; None where it never does."""

    fail: float | None = None
    warn: float | None = None

    def verdict(self, figure: float, sense: Sense) -> Verdict:
        """Failed beyond the fail limit, warned beyond the warn limit, else passed. A limit itself is still good."""
        for limit, verdict in ((self.fail, Verdict.FAILED), (self.warn, Verdict.WARNED)):
            if limit is not None and (figure < limit if sense is Sense.AT_LEAST else figure > limit):
                return verdict
        return Verdict.PASSED


@dataclass(frozen=True)
class Interval:
    """Where the true value lies, with the level it was made for and how it was made."""

    low: float
    high: float
    level: float = 0.95
    method: str = "bootstrap, percentile"


@dataclass(frozen=True)
class Parameter:
    """One setting of a check: its default tells its type."""

    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    required: bool = False

    def parse(self, name: str, given: Any) -> Any:
        """The setting as the check wants it, or ValueError with a sentence."""
        if self.choices and given not in self.choices:
            raise ValueError(f"{name} must be one of {', '.join(self.choices)}.")
        if isinstance(self.default, list):
            return self._list(name, given)
        if isinstance(self.default, bool) or not isinstance(self.default, int | float):
            return self._like_default(name, given)
        if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
            raise ValueError(f"{name} must be a number.")
        if isinstance(self.default, int) and given != int(given):
            raise ValueError(f"{name} must be a whole number.")
        if (self.low is not None and given < self.low) or (self.high is not None and given > self.high):
            raise ValueError(f"{name} must lie between {self.low} and {self.high}.")
        return int(given) if isinstance(self.default, int) else float(given)

    def _like_default(self, name: str, given: Any) -> Any:
        if self.default is not None and type(given) is not type(self.default):
            raise ValueError(f"{name} must be {'yes or no' if isinstance(self.default, bool) else 'a text'}.")
        return given

    def _list(self, name: str, given: Any) -> list[Any]:
        if not isinstance(given, list | tuple):
            raise ValueError(f"{name} must be a list.")
        if self.required and not given:
            raise ValueError(f"{name} must name at least one.")
        return list(given)


@dataclass(frozen=True)
class Column:
    """A column of an evidence table; `unit` is number, percent, ms, text or verdict."""

    key: str
    title: str
    unit: str = "number"


@dataclass(frozen=True)
class Table:
    """Evidence as figures: also what stands beside every chart."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]


Titles = dict[str, str | tuple[str, str]]


def table(title: str, rows: Sequence[Mapping[str, Any]], /, **columns: str | tuple[str, str]) -> Table:
    """A table from its rows and, for each column by key, a title or (title, unit)."""
    named = [Column(key, said) if isinstance(said, str) else Column(key, *said) for key, said in columns.items()]
    return Table(title, named, rows)


@dataclass(frozen=True)
class Series:
    """One line, set of bars or set of points; `low` and `high` draw an interval, `size` the weight of a point."""

    name: str
    x: Sequence[Any]
    y: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    size: Sequence[float] = ()


@dataclass(frozen=True)
class Figure:
    """A chart as data: kind is curve, line, bars or scatter; the title asks the question it answers."""

    kind: str
    title: str
    series: Sequence[Series]
    x_label: str = ""
    y_label: str = ""
    diagonal: bool = False
    marks_limits: bool = False


def bars(
    title: str, name: str, rows: Sequence[Mapping[str, Any]], key: str, value: str, limits: bool = False
) -> Figure:
    """A bar for each row, named by `key` and as long as `value`."""
    line = Series(name, [row[key] for row in rows], [row[value] for row in rows])
    return Figure("bars", title, [line], marks_limits=limits)


@dataclass(frozen=True)
class Measured:
    """What a check found: the figure, how sure it is, one sentence, and what shows it.

    `at_best` keeps a measurement that says too little from counting as a pass (a group too small to judge).
    """

    value: float
    sentence: str
    interval: Interval | None = None
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()
    offending_rows: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()
    rows_used: int | None = None
    at_best: Verdict = Verdict.PASSED


@dataclass(frozen=True)
class Result:
    """One line of a validation run, complete enough to be judged again from the record alone."""

    name: str
    key: str
    verdict: Verdict
    value: float | None = None
    interval: Interval | None = None
    limits: Limits = field(default_factory=Limits)
    sense: Sense = Sense.AT_LEAST
    judged: Bound = Bound.VALUE
    sentence: str = ""
    reason: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    rows_used: int | None = None
    rows_total: int | None = None
    seed: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The result as a message of plain JSON values."""
        said: dict[str, Any] = plain(asdict(self))
        return said


class Check:
    """One question put to a model. Subclasses say what they need and measure; the verdict is made the same for all.

    A subclass names its key, the question and the family it belongs to, the metric with its unit and the source of its
    definition, the kinds of model it can be put to, the data and records it needs, its parameters, the thresholds by
    tier and the tiers whose built-in template asks it. `max_rows` caps the test rows it is given;
    `crosses` tells that it takes all protected attributes at once, where others are asked of one at a time; `blind`
    that it never looks at the truth; `reads` names the parameters that hold names of columns;
    `reusable` that the same inputs give the same answer, so that a later run may take it over. Times do not; `informs`
    that it only tells: it warns at worst, and the verdict of the run does not look at it.
    """

    key: ClassVar[str]
    family: ClassVar[Family]
    title: ClassVar[str]
    question: ClassVar[str]
    metric: ClassVar[str]
    unit: ClassVar[str] = "number"
    source: ClassVar[str]
    kinds: ClassVar[frozenset[Kind]] = ANSWERS
    sense: ClassVar[Sense] = Sense.AT_LEAST
    judged: ClassVar[Bound] = Bound.VALUE
    needs: ClassVar[frozenset[Need]] = frozenset()
    tiers: ClassVar[Sequence[str]] = STRICTER_TIERS
    limits: ClassVar[Mapping[str, Limits]]
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    max_rows: ClassVar[int | None] = None
    crosses: ClassVar[bool] = False
    blind: ClassVar[bool] = False
    reads: ClassVar[Sequence[str]] = ()
    reusable: ClassVar[bool] = True
    informs: ClassVar[bool] = False

    def measure(self, case: Case, **settings: Any) -> Measured:
        """What the model shows on these rows; CannotRun when that cannot be told."""
        raise NotImplementedError

    @classmethod
    def goes_with(cls, kind: Kind, answer: Kind | None = None) -> bool:
        """Whether it can be put to a plan of this kind, for a model with this answer or, unnamed, with any it may have.

        What asks a regression model asks a forecast, too. A ranking and a generic plan ask what is made for them, and
        what never looks at the truth.
        """
        answers = USES[kind] if answer is None else frozenset({answer}) & USES[kind]
        if kind in cls.kinds:
            return bool(answers)
        fits = bool(answers & cls.kinds)
        return fits and (kind is Kind.FORECAST or (kind in {Kind.RANKING, Kind.GENERIC} and cls.blind))

    @classmethod
    def default_limits(cls, tier: str, kind: Kind) -> Limits:
        """The thresholds a new plan starts with."""
        return cls.limits.get(f"{tier}:{kind}") or cls.limits.get(tier) or cls.limits["limited"]

    @classmethod
    def sense_of(cls, parameters: Mapping[str, Any]) -> Sense:
        """Which side of the threshold is good, with these parameters."""
        return cls.sense

    @classmethod
    def asks_more(cls) -> bool:
        """Whether somebody has to say something before it can be asked, so that no built-in template has it."""
        return any(one.required for name, one in cls.parameters.items() if name != "attributes")

    @classmethod
    def settings(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """The given parameters over the defaults, each parsed; ValueError with a sentence for what is wrong."""
        unknown = sorted(set(given) - set(cls.parameters))
        if unknown:
            raise ValueError(f"{cls.key} has no parameter {', '.join(unknown)}.")
        missing = [name for name, one in cls.parameters.items() if one.required and name not in given]
        if missing:
            raise ValueError(f"{cls.key} needs {', '.join(missing)}.")
        return {name: one.parse(name, given.get(name, one.default)) for name, one in cls.parameters.items()}


def figure_judged(measured: Measured, bound: Bound) -> float:
    """The number that is held against the threshold; CannotRun where it is not there."""
    if bound is Bound.VALUE:
        figure = measured.value
    elif measured.interval is None:
        raise TooSmall("There are too few rows for an interval, and the threshold is meant for one of its ends.")
    else:
        figure = measured.interval.low if bound is Bound.LOWER else measured.interval.high
    if figure is None or not math.isfinite(figure):
        raise CannotRun("The measurement gave no finite number on these rows.")
    return float(figure)


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The gravest of some verdicts; a check that said nothing is graver than a warning, a failure gravest."""
    return max(verdicts, key=GRAVITY.index, default=Verdict.NOT_RUN)
