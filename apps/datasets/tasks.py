"""The worker's doors: reading, preparing, checking and dividing tables outside any transaction, kept in one."""

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from apps.core import files
from apps.core.canonical import sha256_of
from apps.datasets import actions, folders
from apps.datasets.actions.shared import named_versions
from apps.datasets.engine.errors import DataError
from apps.datasets.models import DatasetVersion, Origin, PreparationRun, QualityRule, Split, VersionState, WorkState
from apps.datasets.sayings import as_domain
from apps.work import jobs
from apps.work.jobs import Running

FOLDER = "datasets"


@contextmanager
def refusing(job: Running) -> Iterator[None]:
    """The engine's refusal ends the job with its sentence; its details are at hand when the failure is kept."""
    try:
        yield
    except DataError as error:
        job.problem = error.to_dict()  # type: ignore[attr-defined]
        raise as_domain(error) from error


class Stages:
    """Turns the rows of several passes into one bar."""

    def __init__(self, job: Running, *words: str) -> None:
        self.job, self.words, self.passed, self.rows = job, words, 0, 0

    def progress(self, done: int, total: int | None) -> None:
        """Rows done in the present pass."""
        words = self.words[self.passed]
        if total is None:
            self.job.progress(done, None, f"{words}: {done:,} rows so far")
            return
        self.rows = total
        self.job.progress(self.passed * total + done, len(self.words) * total, f"{words}: {done:,} of {total:,} rows")

    def next(self) -> None:
        """The next pass begins."""
        self.passed = min(self.passed + 1, len(self.words) - 1)


@contextmanager
def kept(job: Running, path: Path, name: str) -> Iterator[files.Stored]:
    """A file of the worker in storage; it goes again when what follows fails."""
    with job.tenant(), path.open("rb") as file:
        stored = files.store(file, folder=FOLDER, name=name, limit=2**63)
    try:
        yield stored
    except BaseException:
        with job.tenant():
            files.delete(stored.path)
        raise


def _reading_failed(job: Running, sentence: str) -> None:
    version = DatasetVersion.objects.select_related("dataset").get(pk=job.subject_id)
    if version.state == VersionState.DRAFT:
        details = getattr(job, "problem", {})
        actions.fail_reading(version=version, sentence=sentence, details=details, by=job.by)


@jobs.worker("datasets.read", queue="default", failed=_reading_failed)
def read(job: Running) -> None:
    """Read what was brought into a canonical table, profile it, keep both."""
    from apps.datasets.engine.options import ReadOptions
    from apps.datasets.engine.profile import profile
    from apps.datasets.engine.reading import read as read_file

    with job.tenant():
        version = DatasetVersion.objects.select_related("dataset").get(pk=job.subject_id)
    stages = Stages(job, "Reading", "Reading", "Measuring the columns")
    with files.scratch() as folder, ExitStack() as open_files, refusing(job):
        with job.tenant():
            raw = _raw_file(version, open_files)
        raw_sha256 = sha256_of(raw) if version.origin == Origin.REFERENCED else version.raw_sha256
        _refuse_other_file(version, raw_sha256)

        def progress(done: int, total: int | None) -> None:
            if total is not None and stages.passed == 0:
                stages.next()
            stages.progress(done, total)

        reading = read_file(raw, folder / "table.parquet", ReadOptions.from_dict(version.options), progress)
        stages.next()
        found = profile(reading.table.path, correlations=True, progress=stages.progress)
        with kept(job, reading.table.path, f"{version.dataset.key}-{version.number}.parquet") as stored, job.finish():
            actions.keep_reading(
                version=version,
                stored=stored,
                rows=reading.table.rows,
                schema=reading.table.schema.to_list(),
                report=reading.report(),
                profile=found,
                raw_sha256=raw_sha256,
                by=job.by,
            )


def _raw_file(version: DatasetVersion, open_files: ExitStack) -> Path:
    if version.origin == Origin.REFERENCED:
        return folders.find(version.raw_file)
    return open_files.enter_context(files.local(version.raw_file))


def _refuse_other_file(version: DatasetVersion, sha256: str) -> None:
    if version.raw_sha256 and version.raw_sha256 != sha256:
        raise DataError(
            f"The file has another content than was declared: its SHA-256 is {sha256}, declared was "
            f"{version.raw_sha256}. Check which file is meant, and reference it again.",
            code="other_content",
            found=sha256,
            declared=version.raw_sha256,
        )


def _preparation_failed(job: Running, sentence: str) -> None:
    run = PreparationRun.objects.get(pk=job.subject_id)
    if run.state == WorkState.STARTED:
        actions.fail_preparation(run=run, sentence=sentence, details=getattr(job, "problem", {}), by=job.by)


@jobs.worker("datasets.prepare", queue="default", failed=_preparation_failed)
def prepare(job: Running) -> None:
    """Apply a recipe, profile the result, keep it as a version."""
    from apps.datasets.engine.preparation import Recipe
    from apps.datasets.engine.preparation import prepare as apply
    from apps.datasets.engine.profile import profile

    stages = Stages(job, "Applying the recipe", "Measuring the columns")
    with files.scratch() as folder, ExitStack() as open_files, refusing(job):
        with job.tenant():
            rows = PreparationRun.objects.select_related("source", "into", "started_by", "learned_from")
            run = rows.get(pk=job.subject_id)
            recipe = Recipe.from_list(run.recipe)
            source = open_files.enter_context(files.local(run.source.file))
            tables = _local_tables(recipe.tables(), run.started_by, open_files)
        made = apply(
            source,
            folder / "table.parquet",
            recipe,
            tables=tables,
            learned=run.learned_from.learned if run.learned_from is not None else None,
            progress=stages.progress,
        )
        stages.next()
        found = profile(made.table.path, correlations=True, progress=stages.progress)
        with kept(job, made.table.path, f"{run.into.key}-prepared.parquet") as stored, job.finish():
            actions.keep_preparation(
                run=run,
                stored=stored,
                rows=made.table.rows,
                schema=made.table.schema.to_list(),
                report=made.report,
                learned=made.learned,
                profile=found,
                by=job.by,
            )


def _local_tables(names: list[str], user: Any, open_files: ExitStack) -> dict[str, Path]:
    versions = named_versions(names, user)
    return {name: open_files.enter_context(files.local(version.file)) for name, version in versions.items()}


@jobs.worker("datasets.check", queue="default")
def check(job: Running) -> None:
    """Measure the active rules of the dataset on a version."""
    from apps.datasets.engine.quality import evaluate, rules_from

    with ExitStack() as open_files, refusing(job):
        with job.tenant():
            version = DatasetVersion.objects.select_related("dataset").get(pk=job.subject_id)
            rows = list(QualityRule.objects.filter(dataset=version.dataset, is_active=True).order_by("number"))
            rules = rules_from([row.rule for row in rows])
            path = open_files.enter_context(files.local(version.file))
            names = [row.rule["table"] for row in rows if "table" in row.rule]
            tables = _local_tables(names, job.by, open_files)
        results = evaluate(
            path,
            rules,
            now=dt.datetime.now(dt.UTC),
            tables=tables,
            progress=Stages(job, "Measuring the rules").progress,
        )
        with job.finish():
            actions.keep_check(version=version, measured=list(zip(rows, results, strict=True)), by=job.by)


def _split_failed(job: Running, sentence: str) -> None:
    row = Split.objects.get(pk=job.subject_id)
    if row.state == WorkState.STARTED:
        actions.fail_split(row=row, sentence=sentence, by=job.by)


@jobs.worker("datasets.split", queue="default", failed=_split_failed)
def split(job: Running) -> None:
    """Divide a version, profile the parts, keep them as versions."""
    from apps.datasets.engine.profile import profile
    from apps.datasets.engine.splitting import SplitPlan
    from apps.datasets.engine.splitting import split as divide

    with files.scratch() as folder, ExitStack() as open_files, refusing(job):
        with job.tenant():
            row = Split.objects.select_related("source__dataset").get(pk=job.subject_id)
            path = open_files.enter_context(files.local(row.source.file))
        result = divide(path, folder, SplitPlan.from_dict(row.plan), Stages(job, "Dividing the rows").progress)
        parts = []
        for name, table in result.files.items():
            name_in_storage = f"{row.source.dataset.key}-{name}.parquet"
            stored = open_files.enter_context(kept(job, table.path, name_in_storage))
            found = profile(table.path)
            parts.append({"name": name, "stored": stored, "rows": table.rows, "profile": found})
        with job.finish():
            actions.keep_split(row=row, parts=parts, report=result.report, by=job.by)
