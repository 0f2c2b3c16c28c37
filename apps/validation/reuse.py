"""What an earlier run measured on the very same inputs is not measured again: which result that is, and its verdict."""

from collections.abc import Mapping
from typing import Any

from apps.core.canonical import content_hash
from apps.validation.models import CheckResult, PlanCheck, ResultOrigin, ValidationRun, Verdict

JUDGED = (Verdict.PASSED, Verdict.WARNED, Verdict.FAILED)
TAKEN_OVER = (
    "value", "low", "high", "interval_level", "interval_method", "sense", "evidence", "rows_used", "rows_total", "seed",
    "seconds", "layer",
)  # fmt: skip
# What people write and change about a model, and what is published about libraries. Only checks that ask for it see it.
RECORDS = ("documents", "lineage", "evidence", "dependencies", "objectives")


def keys_of(given: Mapping[str, Any], digests: Mapping[str, str]) -> dict[str, str]:
    """For each line of a run's payload that may be reused, by name, the hash of everything it is measured from.

    That is the bytes of every file (`digests` by role, as they lie in storage), all else that the child is told, the
    check with its parameters, the code of checks and the versions of every library. Thresholds are not among it.
    """
    from apps.validation.engine import identity
    from apps.validation.engine.base import Need
    from apps.validation.engine.registry import registry

    shared = {name: said for name, said in given.items() if name not in {"items", "done", "facts"}}
    facts = given.get("facts", {})
    lasting = {name: said for name, said in facts.items() if name not in RECORDS}
    keys = {}
    for line in given["items"]:
        try:
            check = registry().get(line["key"])
        except KeyError:
            continue
        if check.reusable:
            sees_records = bool({Need.FACTS, Need.ADVISORIES} & check.needs) or not identity.is_built_in(check)
            content = {
                "files": dict(digests),
                "given": shared,
                "facts": facts if sees_records else lasting,
                "check": check.key,
                "parameters": line["parameters"],
                "code": identity.code_of(check),
                "libraries": identity.libraries(),
            }
            keys[line["name"]] = content_hash(content)
    return keys


def found(run: ValidationRun, keys: Mapping[str, str]) -> dict[str, CheckResult]:
    """By name of the line the newest result that another run of this model measured from the same inputs."""
    rows = CheckResult.objects.filter(
        run__version__model_id=run.version.model_id,
        origin=ResultOrigin.MEASURED,
        verdict__in=JUDGED,
        inputs_hash__in=[*keys.values()],
    ).exclude(run=run)
    newest = {row.inputs_hash: row for row in rows.select_related("run").order_by("id")}
    return {name: newest[key] for name, key in keys.items() if key in newest}


def judged_again(line: PlanCheck, earlier: CheckResult) -> dict[str, Any] | None:
    """Verdict and sentence of an earlier measurement by the thresholds of this line; None where it has no figure."""
    from apps.validation.engine import runner
    from apps.validation.engine.base import Bound, CannotRun, Limits

    figures = {name: getattr(earlier, name) for name in ("value", "low", "high", "sense")}
    try:
        verdict, sentence = runner.judge_again(
            {**earlier.evidence, **figures}, Limits(line.fail, line.warn), Bound(line.judged)
        )
    except CannotRun:
        return None
    return {"verdict": verdict.value, "sentence": sentence} if verdict.value in JUDGED else None
