"""Signatures as evidence: somebody in a role is asked to sign a statement about a version."""

from typing import Any

from apps.approvals import actions as approvals
from apps.approvals.kinds import STATEMENTS
from apps.audit.actions import action, record
from apps.validation import policies, required_evidence, subjects
from apps.validation.models import AskedSignature, Plan


@action
def ask_signature(*, plan: Plan, asked: str, by: Any) -> AskedSignature:
    """Ask for a signature that the plan demands, by its text there; who holds the role has a mail."""
    rows = Plan.objects.select_for_update(of=("self",)).select_related("version__model__project", "version__artifact")
    plan = rows.get(pk=plan.pk)
    role, statement = policies.check_ask_signature(by, plan, asked)
    version = plan.version
    request = approvals.request(
        kind=STATEMENTS[role],
        scope=version.model.project_id,
        title=f"Sign about {version}: “{statement}”",
        link=plan.get_absolute_url(),
        snapshot=required_evidence.to_sign(version, role, statement),
        conflicts=dict(subjects.developers(version)),
        message=statement,
        by=by,
        tier=subjects.tier_of(version),
    )
    made = AskedSignature(version=version, role=role, statement=statement, request=request, asked_by=by)
    made.save(force_insert=True)
    record(by=by, action="signature.asked", subject=plan, reason=statement, details={"role": role})
    return made


def invalidate_if_otherwise(*, asked: AskedSignature, by: Any) -> None:
    """Nobody signs about a version or a purpose that is not what was put before them any more."""
    snapshot = required_evidence.to_sign(asked.version, asked.role, asked.statement)
    approvals.invalidate_if_changed(request=asked.request, snapshot=snapshot, by=by)
