"""Runs and versions side by side: plain rows for the page and the API, with what differs and which figure is best."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.models.engine.figures import SMALLER_IS_BETTER, title_of
from apps.models.models import ModelVersion, TrainingRun

MOST = 4
WORDS = {"identity": "What they are", "data": "Data", "recipe": "Recipe", "figures": "Figures", "inputs": "Inputs"}


@dataclass(frozen=True)
class Row:
    """One property of every compared thing. `best` are positions of the best figure."""

    label: str
    cells: Sequence[Any]
    best: frozenset[int] = frozenset()
    is_number: bool = False

    @property
    def differs(self) -> bool:
        """Whether the things are not all the same here."""
        return any(cell != self.cells[0] for cell in self.cells[1:])

    @property
    def marked(self) -> list[tuple[Any, bool]]:
        """Each cell with whether it is the best."""
        return [(cell, index in self.best) for index, cell in enumerate(self.cells)]


@dataclass(frozen=True)
class Group:
    """Rows under one heading."""

    title: str
    rows: list[Row] = field(default_factory=list)

    @property
    def is_figures(self) -> bool:
        """Whether every row holds numbers, which then stand under each other."""
        return all(row.is_number for row in self.rows)


def of_runs(runs: Sequence[TrainingRun]) -> list[Group]:
    """Training runs side by side."""
    identity = [
        Row("State", [run.get_state_display() for run in runs]),
        Row("Started by", [str(run.started_by) for run in runs]),
        Row("Seconds", [run.seconds for run in runs], is_number=True),
        Row("Chosen", [(run.result or {}).get("chosen", "") for run in runs]),
    ]
    groups = [
        Group(WORDS["identity"], identity),
        Group(WORDS["data"], _data(runs)),
        Group(WORDS["recipe"], _recipes(runs)),
    ]
    return [*groups, *_figures([run.result or {} for run in runs])]


def of_versions(versions: Sequence[ModelVersion]) -> list[Group]:
    """Versions side by side."""
    identity = [
        Row("State", [version.get_state_display() for version in versions]),
        Row("Registered by", [str(version.registered_by) for version in versions]),
        Row("Format", [version.artifact.format for version in versions]),
        Row("Bytes", [version.artifact.size for version in versions], is_number=True),
        Row("SHA-256", [version.artifact.sha256[:12] for version in versions]),
        Row("Threshold", [version.signature.get("threshold") for version in versions], is_number=True),
    ]
    groups = [Group(WORDS["identity"], identity), Group(WORDS["inputs"], _inputs(versions))]
    runs = [version.run for version in versions]
    if any(run is not None for run in runs):
        groups += [Group(WORDS["data"], _data(runs)), Group(WORDS["recipe"], _recipes(runs))]
        groups += _figures([(run.result or {}) if run is not None else {} for run in runs])
    return groups


def _data(runs: Sequence[TrainingRun | None]) -> list[Row]:
    """Which exact data each learned from."""
    return [
        Row("Dataset version", ["" if run is None else str(run.dataset_version) for run in runs]),
        Row("Content", ["" if run is None else run.dataset_version.sha256[:12] for run in runs]),
        Row("Split", ["" if run is None or run.split is None else str(run.split) for run in runs]),
        Row("Training rows", [_inside(run, "data", "train_rows") for run in runs], is_number=True),
        Row("Test rows", [_inside(run, "data", "test_rows") for run in runs], is_number=True),
    ]


def _inside(run: TrainingRun | None, *path: str) -> Any:
    value: Any = (run.result or {}) if run is not None else {}
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _recipes(runs: Sequence[TrainingRun | None]) -> list[Row]:
    """What the recipes say, one row per thing that can differ."""
    recipes = [run.recipe if run is not None else {} for run in runs]
    rows = [
        Row("Features", [", ".join(item["name"] for item in recipe.get("features", [])) for recipe in recipes]),
        Row("Deciding metric", [recipe.get("metric", "") for recipe in recipes]),
        Row("Folds", [_folds(recipe) for recipe in recipes]),
        Row("Seed", [recipe.get("seed") for recipe in recipes], is_number=True),
        Row("Candidates", [_candidates(recipe) for recipe in recipes]),
        Row("Chosen parameters", [_parameters(_inside(run, "parameters")) for run in runs]),
    ]
    return [row for row in rows if any(cell not in (None, "") for cell in row.cells)]


def _folds(recipe: dict[str, Any]) -> str:
    cv = recipe.get("cv") or {}
    return f"{cv.get('folds')} {cv.get('kind')}" if cv else ""


def _candidates(recipe: dict[str, Any]) -> str:
    return ", ".join(item["name"] for item in recipe.get("candidates", []))


def _parameters(value: Any) -> str:
    return ", ".join(f"{key}={item}" for key, item in sorted((value or {}).items()))


def _inputs(versions: Sequence[ModelVersion]) -> list[Row]:
    """Every input any of them takes, with its type."""
    tables = [{item["name"]: item["type"] for item in version.signature.get("inputs", [])} for version in versions]
    names = list(dict.fromkeys(name for table in tables for name in table))
    rows = [Row(name, [table.get(name, "") for table in tables]) for name in names]
    same = [row for row in rows if not row.differs]
    summary = Row("Inputs in common", [len(same)] * len(versions), is_number=True)
    return [summary, *(row for row in rows if row.differs)]


def _figures(results: Sequence[dict[str, Any]]) -> list[Group]:
    """Every figure on test and training rows and over folds, with the best marked."""
    groups = []
    for part, title in (("test", "Figures on test rows"), ("train", "Figures on training rows")):
        tables = [(result.get("metrics") or {}).get(part) or {} for result in results]
        rows = [_figure(name, [table.get(name) for table in tables]) for name in sorted({n for t in tables for n in t})]
        if rows:
            groups.append(Group(title, rows))
    folds = [_chosen_folds(result) for result in results]
    rows = [_figure(name, [table.get(name) for table in folds]) for name in sorted({n for t in folds for n in t})]
    return [*groups, Group("Figures over folds", rows)] if rows else groups


def _chosen_folds(result: dict[str, Any]) -> dict[str, float]:
    chosen = next((row for row in result.get("candidates", []) if row["name"] == result.get("chosen")), None)
    return {name: figure["mean"] for name, figure in chosen["metrics"].items()} if chosen else {}


def _figure(name: str, cells: list[Any]) -> Row:
    known = [cell for cell in cells if cell is not None]
    best = (min if name in SMALLER_IS_BETTER else max)(known) if len(known) > 1 else None
    marked = frozenset(index for index, cell in enumerate(cells) if best is not None and cell == best)
    return Row(title_of(name), cells, marked if len(marked) < len(cells) else frozenset(), is_number=True)


def as_json(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """The comparison for the API."""
    return [
        {
            "title": group.title,
            "rows": [
                {"label": row.label, "values": list(row.cells), "differs": row.differs, "best": sorted(row.best)}
                for row in group.rows
            ],
        }
        for group in groups
    ]
