"""Quality rules of a dataset, and measuring them on its versions."""

from typing import Any

from apps.audit.actions import action, record
from apps.datasets import policies
from apps.datasets.actions.shared import named_versions, next_number
from apps.datasets.engine.errors import DataError
from apps.datasets.models import Dataset, DatasetVersion, QualityCheck, QualityResult, QualityRule, Severity
from apps.datasets.sayings import as_domain, storable
from apps.work import jobs
from apps.work.models import Job


@action
def add_rule(*, dataset: Dataset, rule: dict[str, Any], by: Any) -> QualityRule:
    """Demand something of every version of a dataset from now on.

    `rule` are plain values as in engine.quality, such as {"rule": "not_null", "columns": ["origin"]}.
    """
    from apps.datasets.engine.quality import rules_from

    policies.check_write_rules(by, dataset)
    try:
        (checked,) = rules_from([rule])
        _check_fits(checked, dataset, by)
    except DataError as error:
        raise as_domain(error, "rule") from error
    row = QualityRule(
        dataset=dataset,
        number=next_number(dataset, dataset.rules),
        rule=checked.to_dict(),
        sentence=checked.sentence()[:400],
        severity=checked.severity,
        created_by=by,
    )
    row.save(force_insert=True)
    record(by=by, action="quality_rule.added", subject=row, details={"rule": row.rule, "dataset": dataset.key})
    return row


def _check_fits(rule: Any, dataset: Dataset, by: Any) -> None:
    """A rule for columns that the newest version does not have is a slip of the pen."""
    from apps.datasets.engine.declared import Problem
    from apps.datasets.engine.errors import RecipeInvalid
    from apps.datasets.engine.schema import Schema

    newest = dataset.versions.exclude(sha256="").order_by("-number").first()
    if newest is None:
        return
    tables = named_versions([rule.table] if hasattr(rule, "table") else [], by)
    try:
        rule.check(
            Schema.from_list(newest.schema), {name: Schema.from_list(row.schema) for name, row in tables.items()}
        )
    except Problem as problem:
        place = {"step": 0, "kind": rule.kind, "field": problem.field, "sentence": problem.sentence}
        raise RecipeInvalid(problem.sentence, [place]) from problem


@action
def retire_rule(*, rule: QualityRule, by: Any, reason: str = "") -> QualityRule:
    """End a rule; what it found before stays."""
    policies.check_end_rule(by, rule)
    rule.is_active = False
    rule.save()
    record(by=by, action="quality_rule.ended", subject=rule, reason=reason, details={"rule": rule.rule})
    return rule


@action
def check_quality(*, version: DatasetVersion, by: Any) -> Job:
    """Have a worker measure all active rules on a version."""
    policies.check_measure_quality(by, version)
    record(by=by, action="dataset_version.quality_asked", subject=version)
    return jobs.start(
        kind="datasets.check",
        subject=version,
        title=f"Check the quality of {version}",
        by=by,
        url=version.get_absolute_url(),
    )


@action
def keep_check(*, version: DatasetVersion, measured: list[tuple[QualityRule, dict[str, Any]]], by: Any) -> QualityCheck:
    """Keep what the rules found on a version."""
    failed = [found["severity"] for _, found in measured if not found["passed"]]
    must, should = failed.count(Severity.MUST), failed.count(Severity.SHOULD)
    check = QualityCheck(version=version, passed=not must, must_failed=must, should_failed=should, checked_by=by)
    check.save(force_insert=True)
    for rule, found in measured:
        QualityResult(
            check_run=check,
            rule=rule,
            severity=found["severity"],
            passed=found["passed"],
            value=found["value"],
            limit=found["limit"],
            offending=found["offending"],
            checked=found["checked"],
            sample=storable(found["sample"]),
            finding=storable(found["finding"]),
        ).save(force_insert=True)
    record(
        by=by,
        action="dataset_version.quality_checked",
        subject=version,
        details={"rules": len(measured), "must_failed": must, "should_failed": should},
    )
    return check
