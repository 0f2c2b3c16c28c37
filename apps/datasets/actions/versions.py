"""Versions: bringing a file, and keeping what a worker made of it."""

from typing import Any, BinaryIO

from django.utils import timezone

from apps.audit.actions import action, record
from apps.core import files
from apps.core.errors import Invalid
from apps.datasets import folders, policies
from apps.datasets.actions.shared import next_number
from apps.datasets.engine.errors import DataError
from apps.datasets.models import VERSION_STATES, Dataset, DatasetVersion, Origin, QualityRule, VersionState
from apps.datasets.sayings import as_domain, storable
from apps.work import jobs

FOLDER = "datasets"


@action
def upload_version(
    *, dataset: Dataset, file: BinaryIO, name: str, by: Any, options: dict[str, Any] | None = None, note: str = ""
) -> DatasetVersion:
    """Store a file as the dataset's next version; a worker reads and profiles it.

    What can be seen at once (an empty file, a web page, a missing header, a truncated Parquet) is refused here and
    leaves nothing behind. `options` are those of engine.options.ReadOptions.
    """
    policies.check_add_version(by, dataset)
    wanted = checked_options(options)
    _look(file, wanted)
    file.seek(0)
    stored = files.store(file, folder=f"{FOLDER}/{dataset.key}", name=name)
    try:
        version = _open(dataset, Origin.UPLOADED, name, wanted, note, by)
        version.raw_file, version.raw_sha256, version.raw_size = stored.path, stored.sha256, stored.size
        version.save(force_insert=True)
        record(
            by=by,
            action="dataset_version.uploaded",
            subject=version,
            reason=note,
            details={"name": version.raw_name, "sha256": stored.sha256, "size": stored.size, "options": wanted},
        )
        _start_reading(version, by)
    except Exception:
        files.delete(stored.path)
        raise
    return version


@action
def reference_version(
    *,
    dataset: Dataset,
    path: str,
    by: Any,
    options: dict[str, Any] | None = None,
    note: str = "",
    sha256: str = "",
) -> DatasetVersion:
    """Take a file that lies in the organization's own folder as the next version; it is read, not copied.

    With `sha256` the file must have that hash when the worker reads it.
    """
    policies.check_add_version(by, dataset)
    wanted = checked_options(options)
    found = folders.find(path)
    with found.open("rb") as file:
        _look(file, wanted)
    version = _open(dataset, Origin.REFERENCED, found.name, wanted, note, by)
    version.raw_file, version.raw_sha256, version.raw_size = path, sha256.lower(), found.stat().st_size
    version.save(force_insert=True)
    record(
        by=by,
        action="dataset_version.referenced",
        subject=version,
        reason=note,
        details={"path": path, "size": version.raw_size, "sha256": sha256, "options": wanted},
    )
    _start_reading(version, by)
    return version


@action
def read_again(*, version: DatasetVersion, options: dict[str, Any], by: Any) -> DatasetVersion:
    """Read a file that could not be read once more, with other options."""
    version = _locked(version)
    policies.check_read_again(by, version)
    before, wanted = version.options, checked_options(options)
    VERSION_STATES.move(version, VersionState.DRAFT)
    version.options, version.failure, version.failure_details = wanted, "", {}
    version.save()
    record(
        by=by,
        action="dataset_version.read_again",
        subject=version,
        details={"before": before, "after": wanted},
    )
    _start_reading(version, by)
    return version


@action
def keep_reading(
    *,
    version: DatasetVersion,
    stored: files.Stored,
    rows: int,
    schema: list[dict[str, Any]],
    report: dict[str, Any],
    profile: dict[str, Any],
    raw_sha256: str,
    by: Any,
) -> DatasetVersion:
    """Keep what the worker read: from now on the content never changes."""
    version = _locked(version)
    VERSION_STATES.move(version, VersionState.PROFILED)
    version.file, version.sha256, version.size = stored.path, stored.sha256, stored.size
    version.rows, version.schema = rows, schema
    version.reading, version.profile = storable(report), storable(profile)
    version.format, version.raw_sha256, version.profiled_at = report["kind"], raw_sha256, timezone.now()
    version.save()
    record(
        by=by,
        action="dataset_version.profiled",
        subject=version,
        details={"sha256": version.sha256, "rows": rows, "columns": len(schema)},
    )
    measure_quality(version, by)
    return version


@action
def fail_reading(*, version: DatasetVersion, sentence: str, details: dict[str, Any], by: Any) -> DatasetVersion:
    """The file could not be read; say why, and wait for other options."""
    version = _locked(version)
    VERSION_STATES.move(version, VersionState.FAILED)
    version.failure, version.failure_details = storable(sentence), storable(details)
    version.save()
    record(by=by, action="dataset_version.could_not_read", subject=version, reason=sentence)
    return version


@action
def note_download(*, version: DatasetVersion, what: str, by: Any) -> None:
    """Somebody takes a copy of sensitive rows; the trail says who and which."""
    policies.check_see_rows(by, version)
    sha256 = version.raw_sha256 if what == "original" else version.sha256
    record(by=by, action="dataset_version.downloaded", subject=version, details={"what": what, "sha256": sha256})


def checked_options(options: dict[str, Any] | None) -> dict[str, Any]:
    """The options as they are kept; raises Invalid for one that means nothing."""
    from apps.datasets.engine.options import ReadOptions

    if "max_bytes" in (options or {}):
        raise Invalid("The size of a file is bounded by the portal, not by an option.")
    try:
        checked = ReadOptions.from_dict(options or {})
    except DataError as error:
        raise Invalid(error.sentence, {"options": error.sentence}) from error
    defaults = ReadOptions().to_dict()
    return {name: value for name, value in checked.to_dict().items() if value != defaults[name]}


def measure_quality(version: DatasetVersion, by: Any) -> None:
    """Have the rules measured as soon as there are rows."""
    if QualityRule.objects.filter(dataset=version.dataset, is_active=True).exists():
        jobs.start(
            kind="datasets.check",
            subject=version,
            title=f"Check the quality of {version}",
            by=by,
            url=version.get_absolute_url(),
        )


def _look(file: BinaryIO, options: dict[str, Any]) -> None:
    from apps.datasets.engine.options import ReadOptions
    from apps.datasets.engine.reading import preflight

    try:
        preflight(file, ReadOptions.from_dict(options))
    except DataError as error:
        raise as_domain(error) from error


def _open(dataset: Dataset, origin: Origin, name: str, options: dict[str, Any], note: str, by: Any) -> DatasetVersion:
    return DatasetVersion(
        dataset=dataset,
        number=next_number(dataset, dataset.versions),
        origin=origin,
        source=dataset.source,
        raw_name="".join(sign for sign in name if sign.isprintable())[-200:] or "file",
        options=options,
        note=note,
        created_by=by,
    )


def _start_reading(version: DatasetVersion, by: Any) -> None:
    jobs.start(
        kind="datasets.read",
        subject=version,
        title=f"Read and profile {version}",
        by=by,
        url=version.get_absolute_url(),
    )


def _locked(version: DatasetVersion) -> DatasetVersion:
    rows = DatasetVersion.objects.select_for_update(of=("self",)).select_related("dataset__project", "source")
    return rows.get(pk=version.pk)
