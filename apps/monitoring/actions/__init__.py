"""Every write of monitoring, as one verb each. Callers say `monitoring.actions.receive_predictions(...)`."""

from apps.monitoring.actions.accepting import (
    accept_window,
    invalidate_if_overtaken,
    looked_at,
    settle_baseline,
    start_baseline_of_period,
)
from apps.monitoring.actions.baselines import keep_baseline, start_baseline
from apps.monitoring.actions.channels import (
    announce,
    change_channel,
    change_channel_secret,
    create_channel,
    replay_delivery,
    try_channel,
)
from apps.monitoring.actions.checks import keep_checks, run_now, start_check
from apps.monitoring.actions.digests import choose_digest, gets_digest, send_digests
from apps.monitoring.actions.escalation import escalate, follow_up, keep_schedules
from apps.monitoring.actions.exact import ask_exact, keep_exact
from apps.monitoring.actions.feedback import give_feedback
from apps.monitoring.actions.incidents import (
    assign,
    dismiss,
    find_cause,
    investigate,
    open_incident,
    open_of,
    resolve,
    write_entry,
)
from apps.monitoring.actions.monitors import (
    change_monitor,
    create_monitor,
    pause_monitor,
    resume_monitor,
    set_up_usual,
    snooze_monitor,
    stop_monitors,
    wake_monitor,
)
from apps.monitoring.actions.mutes import mute, unmute
from apps.monitoring.actions.plans import set_up_required, write_watch_plan
from apps.monitoring.actions.recounting import recount
from apps.monitoring.actions.refusals import note_refusal
from apps.monitoring.actions.retaining import forget_rows, hold_rows, release_rows
from apps.monitoring.actions.rolling import roll_up
from apps.monitoring.actions.rows import (
    receive,
    receive_feedback,
    receive_outcomes,
    receive_predictions,
    take_served,
)
from apps.monitoring.actions.segments import count_behind, count_segments, give_up_column, watch_column
from apps.monitoring.actions.service import count_calls
from apps.monitoring.actions.sweeping import sweep
from apps.monitoring.actions.turns import count_next, count_waiting, pick_up, retry_batch
from apps.monitoring.actions.worth import add_up, set_values

__all__ = [
    "accept_window",
    "add_up",
    "announce",
    "ask_exact",
    "assign",
    "change_channel",
    "change_channel_secret",
    "change_monitor",
    "choose_digest",
    "count_behind",
    "count_calls",
    "count_next",
    "count_segments",
    "count_waiting",
    "create_channel",
    "create_monitor",
    "dismiss",
    "escalate",
    "find_cause",
    "follow_up",
    "forget_rows",
    "gets_digest",
    "give_feedback",
    "give_up_column",
    "hold_rows",
    "invalidate_if_overtaken",
    "investigate",
    "keep_baseline",
    "keep_checks",
    "keep_exact",
    "keep_schedules",
    "looked_at",
    "mute",
    "note_refusal",
    "open_incident",
    "open_of",
    "pause_monitor",
    "pick_up",
    "receive",
    "receive_feedback",
    "receive_outcomes",
    "receive_predictions",
    "recount",
    "release_rows",
    "replay_delivery",
    "resolve",
    "resume_monitor",
    "retry_batch",
    "roll_up",
    "run_now",
    "send_digests",
    "set_up_required",
    "set_up_usual",
    "set_values",
    "settle_baseline",
    "snooze_monitor",
    "start_baseline",
    "start_baseline_of_period",
    "start_check",
    "stop_monitors",
    "sweep",
    "take_served",
    "try_channel",
    "unmute",
    "wake_monitor",
    "watch_column",
    "write_entry",
    "write_watch_plan",
]
