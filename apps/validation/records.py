"""A run as one record of plain values: what report, signed statement and comparison are made of.

Everything that may change later (findings, waivers, names of people, titles of checks) is in it as it stood; results
and their evidence never change and are named by their digest.
"""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from apps.core.canonical import content_hash, plain
from apps.core.components import person_name
from apps.validation import report, required_evidence, subjects
from apps.validation.actions.plans import plan_content
from apps.validation.models import CheckResult, Finding, Measurement, OwnResult, Plan, ResultOrigin, ValidationRun

FORMAT = "tenure-validation/1"
BESIDE = (
    "organization", "version__organization", "version__model__organization", "version__model__project",
    "version__artifact__added_by", "version__registered_by", "version__run__started_by",
    "plan__version__artifact", "plan__locked_by", "plan__template",
    "plan__test_data__dataset", "plan__train_data__dataset", "plan__reference_data__dataset",
    "plan__stress_data__dataset", "plan__champion__artifact", "plan__champion__model",
    "started_by", "concluded_by",
)  # fmt: skip
MEASURED = (
    "verdict", "value", "low", "high", "interval_level", "interval_method", "sense", "judged", "sentence", "reason",
    "rows_used", "rows_total", "seed", "seconds", "layer",
)  # fmt: skip

Record = dict[str, Any]


def load(run: ValidationRun) -> ValidationRun:
    """The run with everything beside it that its record is made of, in one query."""
    return ValidationRun.objects.select_related(*BESIDE).get(pk=run.pk)


def results_of(run: ValidationRun) -> list[Measurement]:
    """Its results, each with the run it was taken over from where it was, and those of the validator's own checks."""
    return [*report.with_origin(run.results), *OwnResult.objects.filter(challenge__run=run)]


def of(run: ValidationRun, results: Iterable[Measurement]) -> Record:
    """What is known of a run that `load` gave, and of its results, as it stands now."""
    return plain(
        {
            "format": FORMAT,
            "organization": {"key": run.organization.key, "name": str(run.organization)},
            "version": _version(run.version),
            "plan": _plan(run.plan),
            "run": _run(run),
            "checks": _checks(run.plan, results),
            "documents": _documents(run.version),
            "signatures": _signatures(run.version),
            "findings": findings(run),
            "challenges": _challenges(run),
            "independence": _independence(run),
            "conclusion": _conclusion(run),
            "made_with": made_with(),
        }
    )


def made_with() -> dict[str, str]:
    """The versions of what writes the report: others may set it in other bytes."""
    found = {}
    for name in ("tenure", "typst"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _person(user: Any) -> Record | None:
    return {"name": person_name(user), "email": user.email} if user is not None else None


def _version(one: Any) -> Record:
    artifact = one.artifact
    return {
        "model": one.model.key,
        "name": str(one.model),
        "number": one.number,
        "label": str(one),
        "project": one.model.project.key,
        "project_title": str(one.model.project),
        "artifact": {
            "name": artifact.name,
            "sha256": artifact.sha256,
            "format": artifact.format,
            "size": artifact.size,
        },
        "developers": [{**(_person(person) or {}), "why": why} for person, why in subjects.developers(one).items()],
    }


def _plan(plan: Plan) -> Record:
    template, champion = plan.template, plan.champion
    return {
        "number": plan.number,
        "hash": plan.content_hash,
        "content": plan_content(plan),
        "tier": plan.tier,
        "tier_name": plan.get_tier_display(),
        "kind": plan.kind,
        "reason": plan.reason,
        "template": {"version": template.version, "hash": template.content_hash} if template else None,
        "locked_by": _person(plan.locked_by),
        "locked_at": plan.locked_at,
        "data": {role: {"name": str(one), "sha256": one.sha256} for role, one in plan.data.items()},
        "champion": {"label": str(champion), "sha256": champion.artifact.sha256} if champion else None,
    }


def _run(run: ValidationRun) -> Record:
    names = (
        "number", "state", "verdict", "independence", "started_at", "finished_at", "layer", "walls_missing",
        "libraries", "rows", "inputs", "seconds", "peak_memory",
    )  # fmt: skip
    return {**{name: getattr(run, name) for name in names}, "started_by": _person(run.started_by)}


def _checks(plan: Plan, results: Iterable[Measurement]) -> list[Record]:
    by_name = {result.name: result for result in results if isinstance(result, CheckResult)}
    return [_check(line, by_name.get(line.name)) for line in plan.checks.all()]


def _check(line: Any, result: Measurement | None) -> Record:
    about = report.described(line.key, line.parameters)
    asked = {name: getattr(line, name) for name in ("name", "key", "family", "parameters", "fail", "warn", "required")}
    found = _found(result) if result is not None else {}
    return {**about, "judged": line.judged, **asked, **found}


def _found(result: Measurement) -> Record:
    found = {name: getattr(result, name) for name in MEASURED} | {"evidence": content_hash(result.evidence)}
    if not isinstance(result, CheckResult):
        return found | {"from": "", "reported": report.OUTSIDE_THE_PLAN}
    earlier = result.reused_from
    reported = report.origin_words(result) if result.origin == ResultOrigin.REPORTED else ""
    return found | {
        "origin": result.origin,
        "from": str(earlier.run) if earlier is not None else "",
        "reported": reported,
    }


def _signatures(version: Any) -> list[Record]:
    """The statements about the version that people in a role signed, as they were signed."""
    return [
        {
            "statement": one.statement,
            "role": required_evidence.SIGNERS[signature.role],
            "hash": signature.content_hash,
            "by": _person(signature.user),
            "at": signature.created_at,
        }
        for one in required_evidence.signatures(version)
        if required_evidence.stands(one)
        for signature in one.request.signatures.all()
        if signature.role == one.role
    ]


def _documents(version: Any) -> list[Record]:
    """The documents laid beside the version, each by the digest of its file or by its address."""
    names = ("title", "name", "url", "sha256", "note")
    rows = version.evidence_documents.select_related("added_by").order_by("id")
    return [{**{name: getattr(one, name) for name in names}, "by": _person(one.added_by)} for one in rows]


def findings(run: ValidationRun) -> list[Record]:
    """All findings of the version, those of earlier runs too: a conclusion is about what is open."""
    rows = Finding.objects.filter(version=run.version).select_related(
        "owner", "raised_by", "closed_by", "result", "run"
    )
    rows = rows.select_related("retest__run__version__model").prefetch_related("waivers__request__signatures__user")
    return [plain(_finding(one)) for one in rows.order_by("number")]


def _finding(one: Finding) -> Record:
    names = (
        "number", "title", "description", "severity", "state", "due_on", "action_plan", "remedy", "closed_at",
        "closing_note",
    )  # fmt: skip
    retest = one.retest
    return {
        **{name: getattr(one, name) for name in names},
        "check": one.result.name if one.result else "",
        "run": one.run.number if one.run else None,
        "owner": _person(one.owner),
        "raised_by": _person(one.raised_by),
        "closed_by": _person(one.closed_by),
        "retest": {"run": str(retest.run), "verdict": retest.verdict, "value": retest.value} if retest else None,
        "waivers": [_waiver(waiver) for waiver in one.waivers.all()],
    }


def _waiver(waiver: Any) -> Record:
    signatures = waiver.request.signatures.all() if waiver.request else []
    return {
        **{name: getattr(waiver, name) for name in ("state", "reason", "compensating_control", "until")},
        "signatures": [
            {**(_person(one.user) or {}), "role": one.role, "verdict": one.verdict, "at": one.created_at}
            for one in signatures
        ],
    }


def _challenges(run: ValidationRun) -> list[Record]:
    """What the validator said and tried beyond the plan; nothing is added once the run is concluded."""
    names = ("kind", "title", "text", "bearing", "file_name", "sha256", "created_at")
    beside = ("result", "dataset_version__dataset", "written_by", "answer")
    return [
        {
            **{name: getattr(one, name) for name in names},
            "bearing_name": one.get_bearing_display() if one.bearing else "",
            "check": one.result.name if one.result else "",
            "data": {"name": str(one.dataset_version), "sha256": one.dataset_version.sha256}
            if one.dataset_version
            else None,
            "by": _person(one.written_by),
            **({"own": _check(one.asked, one.answered)} if one.line else {}),
        }
        for one in run.challenges.select_related(*beside)
    ]


def _independence(run: ValidationRun) -> list[Record]:
    return [
        {
            "person": _person(one.person),
            "occasion": one.get_occasion_display(),
            "level": one.level,
            "against": one.against,
            "at": one.created_at,
        }
        for one in run.independence_checks.select_related("person")
    ]


def _conclusion(run: ValidationRun) -> Record | None:
    if not run.is_concluded:
        return None
    return {
        "outcome": run.outcome,
        "outcome_name": run.get_outcome_display(),
        "statement": run.statement,
        "conditions": run.conditions,
        "terms": [condition.as_json() for condition in run.terms.all()],
        "by": _person(run.concluded_by),
        "at": run.concluded_at,
    }
