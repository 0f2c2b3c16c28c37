"""What drift checks found for each feature: the one place that knows how it is stored.

Pages, API, admin and exports ask here and get readings, whatever the rows behind them look like.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from apps.monitoring.engine import results as tables
from apps.monitoring.models import Check, FeatureTable, Level, Monitor, MonitorKind
from apps.monitoring.models.monitors import MEANINGS, NAMES


def name_of(feature: str) -> str:
    """A feature as people read it; the model's own answers have words."""
    return NAMES.get(feature, feature)


@dataclass(frozen=True)
class Reading:
    """One feature in one window: what the engine said of it, and its rank, 1 for what matters most."""

    rank: int
    result: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.feature}: {self.psi:.3f}"

    @property
    def feature(self) -> str:
        """Its name in the signature; `_score` and `_prediction` are the model's own answers."""
        return str(self.result["feature"])

    @property
    def name(self) -> str:
        """The feature as people read it."""
        return name_of(self.feature)

    @property
    def role(self) -> str:
        """input, score or prediction."""
        return str(self.result["role"])

    @property
    def kind(self) -> str:
        """numeric or category."""
        return str(self.result["kind"])

    @property
    def level(self) -> str:
        """A value of `Level`."""
        return str(self.result["level"])

    @property
    def psi(self) -> float:
        """Population stability index over ten groups."""
        return float(self.result["psi"])

    @property
    def distance(self) -> float:
        """Kolmogorov-Smirnov distance, or the largest difference of a share."""
        return float(self.result["ks" if self.kind == "numeric" else "l_infinity"])

    @property
    def shift(self) -> float | None:
        """Wasserstein distance over the reference's standard deviation, for numbers."""
        return self.result.get("w1_over_sd")

    @property
    def q(self) -> float | None:
        """Its false discovery rate among all features of the check."""
        return self.result.get("q")

    @property
    def strange(self) -> float | None:
        """Share of values that the reference never had: new categories, or numbers out of range."""
        share = self.result.get("unseen") or self.result.get("outside")
        return share["current"] if share else None

    @property
    def state(self) -> str:
        """Its level, for the badge."""
        return self.level

    @property
    def state_meaning(self) -> str:
        """What the level means."""
        return MEANINGS[self.level]

    def get_state_display(self) -> str:
        """The level as people read it."""
        return str(Level(self.level).label)


def of_check(check: Check) -> list[Reading]:
    """Every feature of a check, what matters most first."""
    return of_checks([check.pk])[check.pk]


def of_checks(keys: Iterable[Any]) -> dict[Any, list[Reading]]:
    """Every feature of each of these checks, what matters most first; one query."""
    found: dict[Any, list[Reading]] = {key: [] for key in keys}
    for key, table in _tables(FeatureTable.objects.filter(check_run__in=list(found))):
        found[key] = [Reading(rank, one) for rank, one in enumerate(tables.features(table), start=1)]
    return found


def indexes(keys: Iterable[Any]) -> dict[tuple[Any, str], float]:
    """The stability index by check and feature; one query, and another where checks are older than the column."""
    rows = FeatureTable.objects.filter(check_run__in=list(keys))
    return {(key, feature): psi for key, found in _indexes(rows) for feature, psi in found.items()}


def as_of_now(checks: QuerySet[Check]) -> QuerySet[Check]:
    """Of these checks the newest revisions, and of windows that a newer baseline of the version was held against too
    what it said: each window comes once for each version, whose number is its `version_number`.
    """
    newer = Check.objects.filter(
        monitor=OuterRef("monitor"),
        start_at=OuterRef("start_at"),
        end_at=OuterRef("end_at"),
        is_current=True,
        baseline__version=OuterRef("baseline__version"),
        baseline__number__gt=OuterRef("baseline__number"),
    )
    told = checks.filter(is_current=True).exclude(Exists(newer))
    return told.annotate(version_number=F("baseline__version__number"))


def by_version(checks: Iterable[Check]) -> dict[str, set[Any]]:
    """The keys of these checks (of `as_of_now`) by what to add to the name of a line: nothing, or where versions took
    turns in one window the version, each a line of its own.
    """
    ones = list(checks)
    if len({one.start_at for one in ones}) == len(ones):
        return {"": {one.pk for one in ones}}
    found: dict[str, set[Any]] = {}
    for one in sorted(ones, key=lambda one: one.version_number):  # type: ignore[attr-defined]
        found.setdefault(f", version {one.version_number}", set()).add(one.pk)  # type: ignore[attr-defined]
    return found


def through_time(
    monitor: Monitor, feature: str, since: dt.datetime | None = None, until: dt.datetime | None = None, most: int = 400
) -> list[tuple[Check, Reading]]:
    """One feature in the windows of a monitor that end after `since` and start before `until`, oldest first.

    Of more than `most` windows the newest come. The checks come without their `result`.
    """
    checks = as_of_now(Check.objects.filter(monitor=monitor))
    checks = checks.filter(end_at__gt=since) if since else checks
    checks = checks.filter(start_at__lt=until) if until else checks
    rows = FeatureTable.objects.filter(check_run__in=checks.order_by().values("pk"))
    rows = rows.select_related("check_run__organization").defer("check_run__result")
    rows = rows.annotate(version_number=F("check_run__baseline__version__number"))
    found = []
    for row in rows.order_by("-check_run__end_at", "-check_run__revision")[:most]:
        row.check_run.monitor, row.check_run.version_number = monitor, row.version_number
        ranked = tables.one_feature(tables.unpack(bytes(row.data)), feature)
        found += [(row.check_run, Reading(*ranked))] if ranked else []
    return found[::-1]


def features_of(monitor: Monitor) -> list[str]:
    """Every feature that the monitor has checked with any baseline, in the order of the alphabet."""
    return _features(Check.objects.filter(monitor=monitor))


def features_at(endpoint: Any) -> list[str]:
    """The same of all monitors of an endpoint."""
    return _features(Check.objects.filter(monitor__endpoint=endpoint, monitor__kind=MonitorKind.DRIFT))


def _features(checks: QuerySet[Check]) -> list[str]:
    newest = checks.filter(is_current=True).order_by("baseline_id", "-end_at", "-revision")
    keys = newest.distinct("baseline_id").values("pk")
    rows = FeatureTable.objects.filter(check_run__in=keys)
    return sorted({feature for _, found in _indexes(rows) for feature in found})


def has_seen(monitor: Monitor, feature: str) -> bool:
    """Whether the monitor has checked this feature."""
    return feature in features_of(monitor)


def _indexes(rows: Any) -> Iterator[tuple[Any, dict[str, float]]]:
    """Check and stability index by feature of each row."""
    unkept = []
    for key, found in rows.values_list("check_run_id", "indexes"):
        if found is None:
            unkept.append(key)
        else:
            yield key, found
    if unkept:
        yield from ((key, tables.indexes(table)) for key, table in _tables(rows.filter(check_run__in=unkept)))


def _tables(rows: Any) -> Iterator[tuple[Any, bytes]]:
    """Check and unpacked table of each row."""
    for key, data in rows.values_list("check_run_id", "data"):
        yield key, tables.unpack(bytes(data))
