"""Lists of a ranking, read from the kept rows: what is in which list, how it was scored, what came of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from apps.core import files
from apps.monitoring.models import (
    Baseline,
    BaselineSource,
    Batch,
    BatchKind,
    BatchState,
    Monitor,
    Outcome,
    Purpose,
    SegmentColumn,
)
from apps.monitoring.windows import Window, some_before, window_at

CHUNK = 10_000


@dataclass
class Lists:
    """The lists of a window: for every row its list, its score, and its outcome (None while nobody knows)."""

    column: str
    top: int
    names: list[str]
    scores: list[float]
    gains: list[float | None]

    @cached_property
    def _values(self) -> tuple[Any, int]:
        import numpy as np

        from apps.validation.engine.ranking import ndcg

        _, groups = np.unique(np.array(self.names, dtype=object).astype(str), return_inverse=True)
        gains = np.array([np.nan if gain is None else gain for gain in self.gains], dtype=float)
        return ndcg(groups, np.array(self.scores, dtype=float), gains, self.top)

    def measure(self) -> Any:
        """NDCG with its interval (engine.performance.Metric); None where no list has all its outcomes."""
        from apps.monitoring.engine import ranking

        return ranking.measure(self._values[0], self.top)

    def as_json(self) -> dict[str, Any]:
        """How many lists there are, how many have all their outcomes, how many of those any gain."""
        counted, known = self._values
        return {"column": self.column, "top": self.top, "all": len(set(self.names)), "known": known} | {
            "counted": len(counted)
        }

    def definitions(self) -> dict[str, str]:
        """What the measure means."""
        from apps.monitoring.engine import ranking

        return {f"ndcg@{self.top}": ranking.DEFINITION.format(k=self.top)}


@dataclass
class Compared:
    """The lists of a window beside those of its reference, with the windows that these come from."""

    now: Lists
    before: Lists
    windows: list[Window]


def read(monitor: Monitor, baseline: Baseline, window: Window, windows: list[Window] | None) -> Compared | None:
    """The lists of the window and of its reference `windows` (see `reference_windows`); None where no column names
    lists.
    """
    columns = SegmentColumn.objects.filter(endpoint_id=monitor.endpoint_id, is_active=True, purpose=Purpose.GROUP)
    column = columns.first()
    if column is None:
        return None
    earlier = reference_windows(monitor, baseline, window, windows)
    now, before = (_lists(monitor, baseline, column, some) for some in ([window], earlier))
    return Compared(now, before, earlier)


def reference_windows(
    monitor: Monitor, baseline: Baseline, window: Window, windows: list[Window] | None
) -> list[Window]:
    """The windows whose lists those of a window are compared with: `windows`, those of the monitor's reference.

    Where that is the baseline (None), the period it was made of; training keeps no lists, so that a baseline of it
    gives way to the windows before.
    """
    if windows is not None:
        return windows
    if baseline.source == BaselineSource.PERIOD and baseline.since and baseline.until:
        return [Window(baseline.since, baseline.until)]
    return [some_before(window_at(window.start, monitor.window), monitor.window, monitor.trailing)]


def _lists(monitor: Monitor, baseline: Baseline, column: SegmentColumn, windows: list[Window]) -> Lists:
    """The lists of the windows, told from the rows that are still kept. A name that comes again in another of the
    monitor's windows is another list, so that long references have no longer lists.
    """
    found: dict[str, tuple[str, float]] = {}
    for window in windows:
        found = _of_window(monitor, baseline, column.column, window) | found
    gains = _gains(monitor, baseline, list(found))
    names, scores = [name for name, _ in found.values()], [score for _, score in found.values()]
    return Lists(column.column, column.top, names, scores, [gains.get(one) for one in found])


def _of_window(monitor: Monitor, baseline: Baseline, column: str, window: Window) -> dict[str, tuple[str, float]]:
    batches = Batch.objects.filter(
        endpoint_id=monitor.endpoint_id, baseline=baseline, kind=BatchKind.PREDICTIONS, state=BatchState.REDUCED
    )
    found: dict[str, tuple[str, float]] = {}
    for batch in batches.filter(first_at__lt=window.end, last_at__gte=window.start).order_by("id"):
        found = _rows(batch, column, window, monitor.window) | found  # an id that came before stays what it was
    return found


def _rows(batch: Batch, column: str, window: Window, span: str) -> dict[str, tuple[str, float]]:
    """List and score of the batch's predictions in the window, by id."""
    import pyarrow.compute as pc
    import pyarrow.parquet

    from apps.monitoring.engine.wanted import AT, ID, PREDICTION, SCORE

    try:
        with files.local(batch.path) as path:
            table = pyarrow.parquet.read_table(path)
    except FileNotFoundError:
        return {}  # kept no longer
    if column not in table.column_names:
        return {}
    moments = table.column(AT)
    table = table.filter(pc.and_(pc.greater_equal(moments, window.start), pc.less(moments, window.end)))
    score = SCORE if SCORE in table.column_names else PREDICTION
    rows = zip(*(table.column(name).to_pylist() for name in (ID, AT, column, score)), strict=True)
    return {
        one: (f"{window_at(at, span).start:%Y-%m-%dT%H} {name}", float(said))
        for one, at, name, said in rows
        if name is not None and said is not None
    }


def _gains(monitor: Monitor, baseline: Baseline, ids: list[str]) -> dict[str, float]:
    """What came of each prediction as a gain: the figure itself, or the place of its class."""
    from apps.models.engine.signatures import Signature, class_key

    classes = Signature.from_json(baseline.version.signature).classes
    places = {class_key(one): float(place) for place, one in enumerate(classes)}
    found: dict[str, float] = {}
    for start in range(0, len(ids), CHUNK):
        known = Outcome.objects.filter(
            endpoint_id=monitor.endpoint_id, is_current=True, prediction_id__in=ids[start : start + CHUNK]
        )
        for name, label, number in known.values_list("prediction_id", "label", "number"):
            found[name] = max(number, 0.0) if label is None else places.get(label, 0.0)
    return found
