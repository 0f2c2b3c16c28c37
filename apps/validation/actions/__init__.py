"""Everything that changes plans, runs, findings and waivers."""

from apps.validation.actions.challenge import add_test, remark
from apps.validation.actions.documents import add_document
from apps.validation.actions.findings import (
    assign_finding,
    close_finding,
    mark_ready,
    plan_work,
    raise_finding,
    remind_overdue,
    retest,
)
from apps.validation.actions.outside import (
    add_tool,
    answer,
    change_tool_secret,
    miss_answer,
    report_result,
    retire_tool,
)
from apps.validation.actions.own_checks import ask_check, cancel_own_check, keep_own_result, keep_unmeasured
from apps.validation.actions.plans import (
    built_in_lines,
    change_plan,
    lock_plan,
    template_lines,
    write_plan,
    write_template,
)
from apps.validation.actions.revalidation import (
    ask_revalidation,
    conclude_deferral,
    deferral_snapshot,
    lapse_revalidations,
    raise_by_date,
    remind_of_revalidations,
    request_deferral,
    trigger_revalidation,
)
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
from apps.validation.actions.signatures import ask_signature, invalidate_if_otherwise
from apps.validation.actions.waivers import (
    conclude_waiver,
    expire_waivers,
    invalidate_waivers_if_changed,
    remind_of_waivers,
    request_waiver,
    revoke_waiver,
)

__all__ = [
    "add_document", "add_test", "add_tool", "answer", "ask_check", "ask_revalidation", "ask_signature",
    "assign_finding", "begin_run", "built_in_lines", "cancel_own_check", "cancel_run", "change_plan",
    "change_tool_secret", "close_finding", "conclude", "conclude_deferral", "conclude_waiver", "deferral_snapshot",
    "end_run", "expire_waivers", "finish_run", "invalidate_if_otherwise", "invalidate_waivers_if_changed",
    "keep_own_result", "keep_result", "keep_unmeasured", "lapse_revalidations", "lock_plan", "mark_ready",
    "miss_answer", "plan_work", "raise_by_date", "raise_finding", "remark", "remind_of_revalidations",
    "remind_of_waivers", "remind_overdue", "report_result", "request_deferral", "request_waiver", "retest",
    "retire_tool", "revoke_waiver", "start_run", "take_over_result", "template_lines", "trigger_revalidation",
    "write_plan", "write_rules", "write_template",
]  # fmt: skip
