"""Everything that changes plans, runs, findings and waivers."""

from apps.validation.actions.findings import (
    assign_finding,
    close_finding,
    mark_ready,
    plan_work,
    raise_finding,
    remind_overdue,
    retest,
)
from apps.validation.actions.plans import built_in_lines, change_plan, lock_plan, write_plan, write_template
from apps.validation.actions.rules import write_rules
from apps.validation.actions.runs import (
    begin_run,
    cancel_run,
    conclude,
    end_run,
    finish_run,
    keep_result,
    start_run,
    take_over_result,
)
from apps.validation.actions.waivers import (
    conclude_waiver,
    expire_waivers,
    invalidate_waivers_if_changed,
    remind_of_waivers,
    request_waiver,
    revoke_waiver,
)

__all__ = [
    "assign_finding", "begin_run", "built_in_lines", "cancel_run", "change_plan", "close_finding", "conclude",
    "conclude_waiver",
    "end_run", "expire_waivers", "finish_run", "invalidate_waivers_if_changed", "keep_result", "lock_plan",
    "mark_ready", "plan_work", "raise_finding", "remind_of_waivers", "remind_overdue", "request_waiver", "retest",
    "revoke_waiver",
    "start_run", "take_over_result", "write_plan", "write_rules", "write_template",
]  # fmt: skip
