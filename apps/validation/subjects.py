"""What validation has to know about a version: who made it, on which data, what is written, where its bytes are."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.db.models import Q

from apps.core import files
from apps.core.errors import Invalid
from apps.datasets.models import DatasetVersion
from apps.models.models import CHAMPION, Alias, ModelVersion, VersionState
from apps.models.policies import developers, parts_of, requesters, written_of
from apps.projects.policies import missing as missing_in_charter
from apps.validation import advisories, rulebooks
from apps.validation.models import (
    ChallengeKind,
    Condition,
    Finding,
    Outcome,
    Plan,
    PlanCheck,
    ValidationRun,
    Waiver,
)
from apps.validation.models.plans import KINDS
from apps.validation.signals import gathering_objectives, gathering_use

__all__ = ["developers", "requesters"]
IDENTIFIER = "identifier"  # the role of a column, in the schema of data
STANDING = (VersionState.VALIDATED, VersionState.APPROVED)


def locked(version: ModelVersion) -> ModelVersion:
    """The version's row, locked until the transaction ends, so that numbers are given once."""
    return (
        ModelVersion.objects.select_for_update(of=("self",))
        .select_related("model__project", "model__organization", "artifact", "run__split", "run__dataset_version")
        .get(pk=version.pk)
    )


def tier_of(version: ModelVersion) -> str:
    """The tier of its project; the strictest while nobody has said."""
    return version.model.project.tier or "high"


def kind_of(version: ModelVersion) -> str:
    """What it answers: binary, multiclass or regression."""
    return str(version.signature["task"])


def kinds_for(answer: str) -> list[tuple[str, str]]:
    """The kinds of plan that answers of this kind can be taken for, with their names."""
    from apps.validation.engine.base import USES

    return [(kind, name) for kind, name in KINDS if answer in USES[kind]]  # type: ignore[index]


def default_owner(version: ModelVersion) -> Any:
    """Who puts right what is found: who trained it, else who registered it."""
    return version.run.started_by if version.run is not None else version.registered_by


def test_data(version: ModelVersion) -> DatasetVersion:
    """The rows its training run kept apart; Invalid where there are none."""
    parts = parts_of(version.run.split) if version.run is not None and version.run.split is not None else {}
    if "test" not in parts:
        sentence = f"{version} has no test rows of its own. Say on which data it is tested."
        raise Invalid(sentence, {"test_data": sentence})
    return parts["test"]


def columns(version: ModelVersion) -> list[str]:
    """The columns of the rows its training run kept apart; those of its signature where there are none."""
    try:
        rows: list[dict[str, Any]] = test_data(version).schema or []
    except Invalid:
        rows = version.signature["inputs"]
    return [str(column["name"]) for column in rows]


def train_data(version: ModelVersion) -> DatasetVersion | None:
    """The rows it was trained on; None for an upload of which nobody has said."""
    if version.run is None:
        return version.dataset_version
    if version.run.split is None:
        return version.run.dataset_version
    return parts_of(version.run.split).get("train")


def champion_beside(version: ModelVersion) -> ModelVersion | None:
    """The version in office, unless it is this one."""
    champion = version.model.champion
    return champion if champion is not None and champion.pk != version.pk else None


def column_names(data: DatasetVersion) -> list[str]:
    """The columns of some data, by its schema."""
    return [str(column["name"]) for column in data.schema]


def identifiers(data: DatasetVersion) -> list[str]:
    """The columns that its schema declares to identify a row; several together where one does not."""
    return [str(column["name"]) for column in data.schema if column.get("role") == IDENTIFIER]


def files_of(plan: Plan) -> dict[str, str]:
    """Where in storage the bytes lie that the child reads, by role."""
    paths = {"model": plan.version.artifact.path, **{role: data.file for role, data in plan.data.items()}}
    if plan.champion is not None:
        paths["champion"] = plan.champion.artifact.path
    return paths


@contextmanager
def local_files(paths: dict[str, str]) -> Iterator[dict[str, Path]]:
    """The same as local files, for as long as the context lasts."""
    with ExitStack() as stack:
        yield {role: stack.enter_context(files.local(path)) for role, path in paths.items()}


def payload(plan: Plan, done: list[str], lines: Iterable[PlanCheck] | None = None) -> dict[str, Any]:
    """What the child is told beside the files; `lines` other than the plan's are measured on what the plan names."""
    asked = plan.checks.order_by("order") if lines is None else lines
    given: dict[str, Any] = {
        "model": _registered(plan.version),
        "items": [line.as_line() for line in asked],
        "done": done,
        "seed": plan.seed,
        "max_rows": plan.max_rows,
        "kind": plan.kind,
        "roles": {**plan.columns, "attributes": plan.attributes},
        "identifiers": identifiers(plan.test_data),
        "slices": {one["name"]: one["where"] for one in plan.slices},
        "facts": facts(plan),
    }
    if plan.champion is not None:
        given["champion"] = {**_registered(plan.champion), "name": str(plan.champion.number)}
    return given


def inputs_of(plan: Plan) -> dict[str, str]:
    """The digests of everything that goes in, for the record of a run."""
    digests = {"plan": plan.content_hash, "model": plan.version.artifact.sha256}
    digests |= {role: data.sha256 for role, data in plan.data.items()}
    if plan.champion is not None:
        digests["champion"] = plan.champion.artifact.sha256
    return digests


def _registered(version: ModelVersion) -> dict[str, Any]:
    artifact = version.artifact
    return {"format": artifact.format, "sha256": artifact.sha256, "signature": version.signature}


def facts(plan: Plan) -> dict[str, Any]:
    """What the records say: the documents of version and project, its origin, folds and conversion of its training."""
    version = plan.version
    written, origin = documents(version), lineage(version)
    return {
        "documents": written,
        "cross_validation": folds(version),
        "conversion": conversion(version),
        "training": training(version, plan.train_data, plan.max_rows),
        "lineage": origin,
        "evidence": rulebooks.answers(plan, written, origin),
        "dependencies": advisories.about(libraries(version)),
        "objectives": objectives(version),
    }


def libraries(version: ModelVersion) -> dict[str, str]:
    """What its training run was computed with, by name and version; nothing for an upload."""
    return dict((version.run.result or {}).get("libraries", {})) if version.run is not None else {}


def training(version: ModelVersion, given: DatasetVersion | None = None, most: int = 0) -> dict[str, Any] | None:
    """How its training can be done again; None for an upload.

    The recipe with the estimator that was chosen and its parameters, how many rows it learned from, with which
    libraries, and whether the rows that are given are those: all of the file that its split gave it, when `most` rows
    are read. Without a split, or beyond its own limit, training itself chose among the rows.
    """
    chosen = _chosen(version)
    if chosen is None or version.run is None:
        return None
    result = version.run.result or {}
    learned_from = train_data(version) if version.run.split is not None else None
    read = min(most, result["recipe"]["sample_limit"])
    return {
        "recipe": result["recipe"],
        "estimator": chosen["estimator"],
        "parameters": result["parameters"],
        "rows": result["data"]["train_rows"],
        "libraries": libraries(version),
        "is_whole": given is not None
        and learned_from is not None
        and given.sha256 == learned_from.sha256
        and given.rows <= read,
    }


def _chosen(version: ModelVersion) -> dict[str, Any] | None:
    """The candidate of its training that was chosen, with its folds."""
    result = (version.run.result or {}) if version.run is not None else {}
    return next((row for row in result.get("candidates", []) if row["name"] == result.get("chosen")), None)


def conversion(version: ModelVersion) -> dict[str, Any] | None:
    """How the artifact was compared with the model it was converted from; None where nothing says it was converted."""
    proof: dict[str, Any] | None = (version.run.result or {}).get("conversion") if version.run is not None else None
    return proof


def objectives(version: ModelVersion) -> list[dict[str, Any]]:
    """How fast each endpoint of the model has to be, by those who watch them: {endpoint, ms}."""
    found: list[dict[str, Any]] = []
    gathering_objectives.send(sender=ModelVersion, version=version, objectives=found)
    return sorted(found, key=lambda one: one["endpoint"])


def lineage(version: ModelVersion) -> list[dict[str, Any]]:
    """What must be known about where a version comes from, and whether it is on record."""
    run, data = version.run, train_data(version)
    known = {
        "the training rows, by digest": data is not None,
        "somebody's word that the data are fit": data is not None and data.signed_off_at is not None,
        "the recipe, by hash": run is not None and bool(run.recipe_hash),
        "the split into training and test rows": run is not None and run.split is not None,
        "the libraries it was trained with": bool(libraries(version)),
        "the artifact, by digest": bool(version.artifact.sha256),
    }
    return [{"what": what, "known": there} for what, there in known.items()]


def folds(version: ModelVersion) -> dict[str, list[float]]:
    """The score of every fold of the candidate that was chosen, by metric."""
    chosen = _chosen(version)
    metric = str(version.run.metric) if version.run is not None else ""
    names = {"roc_auc": "auc"}
    return {names.get(metric, metric): chosen["folds"]} if chosen and chosen.get("folds") else {}


def documents(version: ModelVersion) -> list[dict[str, Any]]:
    """Every section that somebody has to write, whether it is written and still about this version."""
    from apps.models.engine import cards

    written = written_of(version)
    project = version.model.project
    since = changed_after_card(version)
    sections = [
        _section("card", part.heading, part.required, bool((written.get(part.key) or "").strip()), since)
        for part in cards.PARTS
    ]
    lacking = missing_in_charter(project)
    about_risks = [sentence for sentence in lacking if "risk R" in sentence or "one risk" in sentence]
    approved = project.approval is not None and project.approval.state == "approved"
    complete = not [one for one in lacking if one not in about_risks]
    sections += [_section("charter", name, True, so) for name, so in zip(CHARTER, (complete, approved), strict=True)]
    sections.append(_section("risks", "Every risk treated, high remains accepted", True, not about_risks))
    return sections


CHARTER = ["Complete", "Approved as it stands"]
PURPOSE = ("problem", "outcomes", "intended_users", "affected_persons", "automation", "tier")


def changed_after_card(version: ModelVersion) -> str:
    """What of the project's purpose changed after the card was last written, in words; empty when nothing did."""
    card = version.card
    if card is None:
        return ""
    changed = changed_purpose(version.model.project, card.created_at)
    return f"{', '.join(changed)} changed after {card.created_at:%Y-%m-%d}" if changed else ""


def _section(document: str, section: str, required: bool, filled: bool, since: str = "") -> dict[str, Any]:
    return {
        "document": document,
        "section": section,
        "required": required,
        "filled": filled,
        "stale": filled and bool(since),
        "note": since,
    }


def evidence_of(version: ModelVersion) -> dict[str, Any] | None:
    """What a decision on the version should rest on: the concluded run, its results, findings and waivers."""
    run = concluded_run(version)
    if run is None:
        return None
    findings = Finding.objects.filter(version=version).order_by("number")
    return {
        "run": run.number,
        "plan": run.plan.content_hash,
        "verdict": run.verdict,
        "outcome": run.outcome,
        "statement": run.statement,
        "conditions": [condition.as_json() for condition in run.terms.all()],
        "concluded_by": str(run.concluded_by),
        "independence": list(run.independence_checks.values("occasion", "person__email", "level", "against")),
        "challenges": list(
            run.challenges.exclude(kind=ChallengeKind.CHECK).values(
                "kind", "title", "text", "bearing", "sha256", "written_by__email", "created_at"
            )
        ),
        **_own_checks(run),
        "results": list(run.results.values("name", "verdict", "value", "low", "high", "fail", "warn")),
        "findings": list(findings.values("number", "title", "severity", "state")),
        "waivers": list(
            Waiver.objects.in_force().filter(finding__version=version).values("finding__number", "until", "reason")
        ),
    }


def _own_checks(run: ValidationRun) -> dict[str, Any]:
    """The validator's own checks; not named where there are none, as in snapshots from before there could be any."""
    answer = ("verdict", "value", "low", "high", "fail", "warn")
    rows = run.challenges.filter(kind=ChallengeKind.CHECK)
    found = list(rows.values("title", "text", "written_by__email", *(f"answer__{name}" for name in answer)))
    return {"own_checks": found} if found else {}


def in_use() -> Any:
    """Versions that people rely on: champions, and what apps above say is in use."""
    ids: set[Any] = set()
    gathering_use.send(sender=ModelVersion, ids=ids)
    champions = Alias.objects.filter(name=CHAMPION).values("version_id")
    return ModelVersion.objects.filter(Q(pk__in=ids) | Q(pk__in=champions), state__in=STANDING, model__retired_at=None)


def changed_purpose(project: Any, since: Any) -> list[str]:
    """What of a project's purpose is another now than it was then, in words."""
    past = project.history.filter(history_date__lte=since).order_by("-history_date").first()
    if past is None:
        return []
    return [name.replace("_", " ") for name in PURPOSE if getattr(past, name) != getattr(project, name)]


def conditions_in_force(version: ModelVersion) -> list[Condition]:
    """Under which conditions it may be used: those of the newest conclusion."""
    run = concluded_run(version)
    return list(run.terms.all()) if run is not None else []


def concluded_run(version: ModelVersion) -> ValidationRun | None:
    """The newest run on which a validator has concluded."""
    concluded = ValidationRun.objects.filter(version=version).exclude(outcome=Outcome.NONE)
    return concluded.select_related("plan", "concluded_by").order_by("-number").first()


def move(version: ModelVersion, run: ValidationRun, by: Any) -> None:
    """The version moves with the validator's conclusion."""
    from apps.models import actions

    if run.outcome == Outcome.REJECTED:
        actions.reject_version(version=version, reason=run.statement, by=by)
    elif version.state == VersionState.CANDIDATE:
        details = {"run": run.number, "plan": run.plan.content_hash, "outcome": run.outcome, "verdict": run.verdict}
        actions.mark_validated(version=version, reason=run.statement, details=details, by=by)
