"""From files to the case: inside the child, the model opened once from its bytes, the rows read once and capped."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.core.sandbox import Job, Refused
from apps.models.engine.signatures import Signature, SignatureError
from apps.validation.engine.arrays import Array, Columns, Whole
from apps.validation.engine.base import CannotRun, Kind, Need
from apps.validation.engine.case import Artifact, Case, Model, Rows
from apps.validation.engine.filters import read_filter
from apps.validation.engine.reading import RowNames, read_chosen
from apps.validation.engine.registry import registry

if TYPE_CHECKING:
    import pyarrow as pa


class Served:
    """A model behind its signature, opened at its first question and only if the static gate lets it pass.

    It is fed with its own inputs; its labels are places in the signature's classes, as truth is.
    """

    def __init__(self, artifact: Artifact, threads: int) -> None:
        self.artifact = artifact
        self.signature = Signature.from_json(artifact.signature)
        self.threads = threads
        self.places = {value: place for place, value in enumerate(self.signature.classes)}

    @cached_property
    def model(self) -> Any:
        """The opened model; CannotRun with the first reason against opening it."""
        from apps.models.engine.scoring import open_model
        from apps.validation.engine.checks.security import examined

        report = examined(self.artifact)
        if not report.passes:
            first = next(finding.sentence for finding in report.findings if finding.severity == "stop")
            raise CannotRun(f"The artifact was not opened. {first}")
        try:
            return open_model(self.artifact.path, self.artifact.format, self.signature, self.threads)
        except Exception as error:
            raise CannotRun(f"The artifact could not be opened. {type(error).__name__}: {error}"[:500]) from error

    def reopened(self) -> Served:
        """The same model not yet opened, to see how long that takes."""
        return Served(self.artifact, self.threads)

    def predict(self, columns: Columns) -> Mapping[str, Array]:
        """Score and label; a regression model's label is its figure."""
        said = self.model.predict({name: columns[name] for name in self.signature.names})
        if "label" not in said:
            return {"score": said["score"], "label": said["score"]}
        label = np.array([self.places[value] for value in said["label"].tolist()], dtype=np.int64)
        return {**said, "label": label}


@dataclass(frozen=True)
class Roles:
    """What of the data is for checks only: when a row is, who it is about, what else another model wants to see.

    `group` names the column of the list a row belongs to, of which rows are kept together; `identifiers` those
    that name a row in the evidence, which neither model nor check is given; `needs_truth` whether rows without a known
    truth are left out.
    """

    time: str = ""
    group: str = ""
    beside: Sequence[str] = ()
    champion: Signature | None = None
    needs_truth: bool = True
    identifiers: Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        """The columns to be read beside the model's own."""
        theirs = self.champion.names if self.champion else ()
        return [name for name in (self.time, self.group, *self.beside, *self.identifiers, *theirs) if name]

    def there(self, names: Collection[str]) -> Roles:
        """The same for data that need not have all of these columns, and are not put to another model."""
        return replace(
            self,
            time=self.time if self.time in names else "",
            group=self.group if self.group in names else "",
            beside=[name for name in self.beside if name in names],
            champion=None,
            identifiers=(),
        )


def read_rows(path: Path, signature: Signature, roles: Roles, limit: int, seed: int) -> tuple[Rows, dict[str, int]]:
    """Rows of a Parquet file, and how many it holds, how many are used and how many have no known truth.

    At most `limit` rows are kept, drawn by the seed in their order; where rows belong to lists, whole lists. Features
    are as the model is given them; time, protected attributes and what else checks read come beside them. Where no
    truth is needed it is nowhere known: no check of such a plan may look at it.
    """
    from apps.models.engine import arrow

    target = [signature.target] if roles.needs_truth else []
    names = list(dict.fromkeys([*signature.names, *target, *roles.names]))
    total = arrow.opened(path, names).metadata.num_rows
    groups = _beside(arrow.read(path, [roles.group]).column(0)) if roles.group else None
    number = drawn(groups, total, limit, seed)
    table, marks = read_chosen(path, names, number)
    columns = {name: _beside(table.column(name)) for name in (roles.time, roles.group, *roles.beside) if name}
    if roles.champion:
        columns.update(roles.champion.columns_from_arrow(table))
    columns.update(signature.columns_from_arrow(table))
    time = _time(table.column(roles.time)) if roles.time else None
    truth = arrow.truth(signature, table.column(signature.target)) if target else np.full(len(number), np.nan)
    named = RowNames(number, table.select(list(roles.identifiers))) if roles.identifiers else None
    rows = Rows(columns, tuple(signature.names), truth, number, time, marks, named)
    if not target:
        return rows, {"rows": total, "used": len(rows), "without_truth": 0}
    known = np.isfinite(truth) if signature.task == Kind.REGRESSION else truth >= 0
    return rows.take(known), {"rows": total, "used": int(known.sum()), "without_truth": int((~known).sum())}


def drawn(groups: Array | None, total: int, limit: int, seed: int) -> Whole:
    """The places of at most `limit` rows in their order, drawn by the seed; of lists only whole ones, at least one."""
    if total <= limit:
        return np.arange(total)
    random = np.random.default_rng(seed)
    if groups is None:
        return np.asarray(np.sort(random.choice(total, limit, replace=False)))
    numbers, sizes = np.unique(groups.astype(str), return_inverse=True, return_counts=True)[1:]
    order = random.permutation(len(sizes))
    kept = order[: max(1, int(np.searchsorted(np.cumsum(sizes[order]), limit, side="right")))]
    return np.asarray(np.flatnonzero(np.isin(numbers, kept)))


def _beside(values: pa.ChunkedArray) -> Array:
    """A column that the model does not see: figures as doubles, everything else as text; missing as NaN or ""."""
    import pyarrow.compute as pc
    from pyarrow import float64, string, types

    if types.is_integer(values.type) or types.is_floating(values.type) or types.is_decimal(values.type):
        return np.asarray(pc.cast(values, float64()).to_numpy(), dtype=np.float64)
    return np.asarray(pc.fill_null(pc.cast(values, string()), "").to_numpy(zero_copy_only=False), dtype=object)


def _time(values: pa.ChunkedArray) -> Array:
    """Moments to the microsecond, NaT where missing; text is read as ISO dates."""
    import pyarrow.compute as pc
    from pyarrow import ArrowInvalid, ArrowNotImplementedError, timestamp

    try:
        moments = pc.cast(values, timestamp("us"))
    except (ArrowInvalid, ArrowNotImplementedError):
        raise Refused("The time column holds something else than dates.") from None
    return np.asarray(moments.to_numpy(), dtype="datetime64[us]")


def load_case(job: Job) -> tuple[Case, dict[str, Any]]:
    """The case of a validation run and what is to be told about its rows; Refused with a sentence for bad data."""
    try:
        return _load(job)
    except SignatureError as error:
        details = " ".join(f"{name} {said}" for name, said in error.fields.items())
        raise Refused(f"{error.sentence} {details}".strip()) from None


def _load(job: Job) -> tuple[Case, dict[str, Any]]:
    given, files = job.payload, job.inputs
    signature = Signature.from_json(given["model"]["signature"])
    artifact = _artifact(files["model"], given["model"])
    champion, theirs, absent = _champion(job, signature)
    kind = Kind(given.get("kind") or signature.task)
    roles = _roles(given, theirs, kind)
    sets: dict[str, Rows] = {}
    about: dict[str, dict[str, int]] = {}
    for name in ("test", "train", "reference", "stress"):
        if name in files:
            sets[name], about[name] = _set(name, job, signature, roles)
    if not len(sets["test"]):
        raise Refused("The test data hold no row with a known truth.")
    case = Case(
        kind=Kind(signature.task),
        model=Served(artifact, job.threads),
        test=sets["test"],
        train=sets.get("train"),
        reference=sets.get("reference"),
        stress=sets.get("stress"),
        slices=given.get("slices", {}),
        roles={name: column for name, column in given.get("roles", {}).items() if name in ROLES and column},
        planned_as=kind,
        champion=champion,
        champion_name=given.get("champion", {}).get("name", ""),
        artifact=artifact,
        facts=given.get("facts", {}),
        whole=frozenset(one.name for one in signature.inputs if one.type in ("integer", "boolean")),
        required=frozenset(one.name for one in signature.inputs if not one.nullable),
        absent={**{Need(name): said for name, said in given.get("absent", {}).items()}, **absent},
        seed=int(given["seed"]),
    )
    return case, about


ROLES = ("series", "horizon", "group")


def _set(name: str, job: Job, signature: Signature, roles: Roles) -> tuple[Rows, dict[str, int]]:
    """The rows of one set. Only the test rows need every column; of a population nobody need know the truth."""
    from apps.models.engine import arrow

    path = job.inputs[name]
    if name == "train":
        roles = replace(roles, beside=[*roles.beside, *_weighed_by(job.payload)])
    if name != "test":
        roles = roles.there(arrow.column_names(path))
    if name == "reference":
        roles = replace(roles, needs_truth=False)
    return read_rows(path, signature, roles, int(job.payload["max_rows"]), int(job.payload["seed"]))


def _weighed_by(given: Mapping[str, Any]) -> Sequence[str]:
    """The columns of the training rows that only their weights come from, where a recipe made the model."""
    training = given.get("facts", {}).get("training") or {}
    return training.get("recipe", {}).get("reweigh", ())


def _roles(given: Mapping[str, Any], champion: Signature | None, kind: Kind) -> Roles:
    """The columns that the plan names: by role, as protected, in slices, and in the parameters of its checks."""
    known, roles = registry(), given.get("roles", {})
    beside = [*roles.get("attributes", ()), *(roles.get(name, "") for name in ("series", "horizon"))]
    for where in given.get("slices", {}).values():
        beside += read_filter(where).columns()
    for item in given["items"]:
        with suppress(KeyError):  # a check that nobody brings any more says so itself
            beside += [str(item["parameters"].get(name) or "") for name in known.get(item["key"]).reads]
    time, group = roles.get("time") or "", roles.get("group") or ""
    others, identifiers = dict.fromkeys(name for name in beside if name), tuple(given.get("identifiers", ()))
    return Roles(time, group, tuple(others), champion, kind is not Kind.GENERIC, identifiers)


def _champion(job: Job, signature: Signature) -> tuple[Model | None, Signature | None, dict[Need, str]]:
    """The champion and its signature, or why it cannot be compared."""
    if "champion" not in job.inputs:
        return None, None, {}
    from apps.models.engine.arrow import class_key

    artifact = _artifact(job.inputs["champion"], job.payload["champion"])
    theirs = Signature.from_json(artifact.signature)
    if theirs.task != signature.task or [*map(class_key, theirs.classes)] != [*map(class_key, signature.classes)]:
        return None, None, {Need.CHAMPION: "The champion answers another question: its classes differ."}
    return Served(artifact, job.threads), theirs, {}


def _artifact(path: Path, given: Mapping[str, Any]) -> Artifact:
    return Artifact(path, given["format"], given["sha256"], given["signature"], tuple(given.get("allow", ())))
