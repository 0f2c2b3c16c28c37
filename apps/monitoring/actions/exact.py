"""A drift check from the rows: asked for by a person, computed by a worker, kept beside the check."""

from typing import Any

from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Refused
from apps.monitoring import policies
from apps.monitoring.models import Check, ExactCheck
from apps.work import jobs


@action
def ask_exact(*, check: Check, reason: str, by: Any) -> ExactCheck:
    """Have a worker compute a drift check once more from the kept rows."""
    policies.check_exact(by, check)
    if ExactCheck.objects.filter(check_run=check, done_at=None).exists() and _is_under_way(check):
        raise Refused("It is being computed from the rows already.")
    asked = ExactCheck(check_run=check, reason=reason, asked_by=by)
    asked.save(force_insert=True)
    jobs.start(
        kind="monitoring.exact",
        subject=asked,
        title=f"Compute {check} from the rows",
        by=by,
        queue="monitoring",
        url=check.get_absolute_url(),
    )
    record(by=by, action="check.exact_asked", subject=check, reason=reason)
    return asked


def _is_under_way(check: Check) -> bool:
    newest = [jobs.newest(one) for one in ExactCheck.objects.filter(check_run=check, done_at=None)]
    return any(job is not None and job.is_open for job in newest)


@action
def keep_exact(*, asked: ExactCheck, report: Any, table: bytes, by: Any) -> ExactCheck:
    """Keep what a worker computed from the rows."""
    from apps.monitoring.engine.exactly import DEFINITION

    result = report.as_json()
    asked.result = result | {"method": "exact", "definitions": result["definitions"] | DEFINITION}
    asked.data, asked.done_at = table, timezone.now()
    asked.save()
    record(by=by, action="check.exact_computed", subject=asked.check_run, details={"level": report.level})
    return asked
