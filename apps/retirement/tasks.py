"""Workers: count what still comes, and seal what is put away."""

import hashlib
import json
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from apps.core import files
from apps.core.canonical import plain
from apps.core.errors import DomainError
from apps.models.records import card_of
from apps.organizations.people import system
from apps.retirement import actions, measuring
from apps.retirement.models import RetirementPlan
from apps.work import jobs
from apps.work.tasks import task

CHUNK = 1024 * 1024


@task("retirement.watch")
def watch(plan_id: str) -> None:
    """Count again, while it drains."""
    plan = RetirementPlan.objects.select_related("model", "version__model", "organization").get(pk=plan_id)
    if plan.is_measured:
        actions.measure(plan=plan, by=system())


@jobs.worker("retirement.measure", queue="default")
def measure(job: jobs.Running) -> None:
    """Count the prediction records of the window before now."""
    with job.tenant():
        plan = _plan(job)
        window = measuring.window_of(plan)
        counted = measuring.count(plan, window.since, window.until)
    with job.finish():
        plan = _plan(job)
        if plan.is_measured:
            actions.keep_reading(plan=plan, window=window, counted=counted, by=job.by)


@jobs.worker("retirement.archive", queue="default")
def archive(job: jobs.Running) -> None:
    """Check every artifact against its hash and seal it with its card and the plan, then put the versions away."""
    with ExitStack() as stack:
        with job.tenant():
            plan = _plan(job)
            versions = actions.versions_of(plan)
            told = {version.pk: _facts(plan, version) for version in versions}
            paths = {version.pk: stack.enter_context(files.local(version.artifact.path)) for version in versions}
        folder = stack.enter_context(files.scratch())
        bundles = {}
        for number, version in enumerate(versions):
            job.progress(number, len(versions), f"Sealing {version}")
            bundles[version.pk] = _seal(folder / f"{version.pk}.zip", paths[version.pk], told[version.pk])
        with job.finish():
            sealed = []
            for version in versions:
                with open(bundles[version.pk], "rb") as bundle:
                    name = f"{version.model.key}-{version.number}.zip"
                    sealed.append((version, files.store(bundle, folder="archive", name=name)))
            actions.keep_archive(plan=_plan(job), sealed=sealed, by=job.by)


def _facts(plan: RetirementPlan, version: Any) -> dict[str, Any]:
    """What is sealed beside the artifact."""
    approval = version.approval
    return plain(  # type: ignore[no-any-return]
        {
            "version": str(version),
            "artifact": {
                "name": version.artifact.name,
                "sha256": version.artifact.sha256,
                "size": version.artifact.size,
            },
            "signature": version.signature,
            "card": card_of(version),
            "approval": None if approval is None else {"hash": approval.content_hash, "decided": approval.decided_at},
            "retirement": {"plan": plan.number, **actions.snapshot(plan)},
        }
    )


def _seal(target: Path, artifact: Path, facts: dict[str, Any]) -> Path:
    digest = hashlib.sha256()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        with open(artifact, "rb") as source, bundle.open(facts["artifact"]["name"], "w", force_zip64=True) as copy:
            while piece := source.read(CHUNK):
                digest.update(piece)
                copy.write(piece)
        if digest.hexdigest() != facts["artifact"]["sha256"]:
            raise DomainError(
                f"The stored artifact of {facts['version']} is not what was registered: its SHA-256 is "
                f"{digest.hexdigest()}. Restore it from a backup before it is put away."
            )
        bundle.writestr("facts.json", json.dumps(facts, indent=2, ensure_ascii=False, sort_keys=True))
    return target


def _plan(job: jobs.Running) -> RetirementPlan:
    related = ("model__project", "model__organization", "version__model", "version__artifact", "organization")
    return RetirementPlan.objects.select_related(*related, "successor_version__model", "successor_model").get(
        pk=job.subject_id
    )
