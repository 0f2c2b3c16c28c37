"""The validator's own remarks and tests, beside what the plan asks."""

from typing import Any

from apps.audit.actions import action, record
from apps.core.errors import Invalid
from apps.validation import evidence_files, policies
from apps.validation.models import Bearing, Challenge, ChallengeKind, CheckResult, ValidationRun


@action
def remark(*, run: ValidationRun, text: str, by: Any, result: CheckResult | None = None) -> Challenge:
    """Say something about the run as a whole, or about one of its results."""
    run = _locked(run)
    policies.check_challenge(by, run)
    _needed({"text": text})
    _check_result(run, result)
    made = Challenge(run=run, result=result, kind=ChallengeKind.REMARK, text=text.strip(), written_by=by)
    made.save(force_insert=True)
    details = {"result": result.name if result is not None else ""}
    record(by=by, action="remark.added", subject=run, reason=made.text, details=details)
    return made


@action
def add_test(
    *,
    run: ValidationRun,
    title: str,
    text: str,
    bearing: str,
    by: Any,
    result: CheckResult | None = None,
    file: Any = None,
    dataset_version: Any = None,
) -> Challenge:
    """Keep a test of the validator's own: what was tested, what was done, what came of it, and the evidence."""
    run = _locked(run)
    policies.check_challenge(by, run)
    _needed({"title": title, "text": text})
    _check_result(run, result)
    if bearing not in Bearing.values or bearing == Bearing.NONE:
        raise Invalid("Say what it says of the version.", {"bearing": "Choose one."})
    if dataset_version is not None and dataset_version.dataset.project_id != run.version.model.project_id:
        raise Invalid("Choose data of the same project.", {"dataset_version": "Choose data of the same project."})
    made = Challenge(
        run=run,
        result=result,
        kind=ChallengeKind.TEST,
        title=title.strip(),
        text=text.strip(),
        bearing=bearing,
        dataset_version=dataset_version,
        written_by=by,
        **_stored(file),
    )
    made.save(force_insert=True)
    details = {"bearing": bearing, "sha256": made.sha256, "data": str(dataset_version or "")}
    record(by=by, action="own_test.added", subject=run, reason=f"{made.title}: {made.text}", details=details)
    return made


def _locked(run: ValidationRun) -> ValidationRun:
    """The run as it stands, so that nothing is said while somebody concludes."""
    rows = ValidationRun.objects.select_for_update(of=("self",)).select_related("version__model__project")
    return rows.get(pk=run.pk)


def _stored(file: Any) -> dict[str, Any]:
    if file is None:
        return {}
    name = str(getattr(file, "name", "evidence"))[-200:]
    stored = evidence_files.store(file, name)
    return {"file": stored.path, "file_name": name, "sha256": stored.sha256, "size": stored.size}


def _check_result(run: ValidationRun, result: CheckResult | None) -> None:
    if result is not None and result.run_id != run.pk:
        raise Invalid("That result is of another run.", {"result": "Choose a result of this run."})


def _needed(texts: dict[str, str]) -> None:
    empty = {name: "Fill this in." for name, text in texts.items() if not text.strip()}
    if empty:
        raise Invalid("There is nothing to keep.", empty)
