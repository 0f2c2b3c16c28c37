"""Every write of monitoring, as one verb each. Callers say `monitoring.actions.receive_predictions(...)`."""

from apps.monitoring.actions.baselines import keep_baseline, start_baseline, start_baseline_of_period
from apps.monitoring.actions.checks import keep_checks, run_now, start_check
from apps.monitoring.actions.counting import count_waiting, pick_up, recount
from apps.monitoring.actions.feedback import give_feedback
from apps.monitoring.actions.incidents import (
    assign,
    dismiss,
    find_cause,
    investigate,
    open_incident,
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
from apps.monitoring.actions.worth import add_up, set_values

__all__ = [
    "add_up",
    "assign",
    "change_monitor",
    "count_behind",
    "count_calls",
    "count_segments",
    "count_waiting",
    "create_monitor",
    "dismiss",
    "find_cause",
    "give_feedback",
    "give_up_column",
    "investigate",
    "keep_baseline",
    "keep_checks",
    "open_incident",
    "pause_monitor",
    "pick_up",
    "receive",
    "receive_feedback",
    "receive_outcomes",
    "receive_predictions",
    "recount",
    "resolve",
    "resume_monitor",
    "roll_up",
    "run_now",
    "set_up_usual",
    "set_values",
    "snooze_monitor",
    "start_baseline",
    "start_baseline_of_period",
    "start_check",
    "stop_monitors",
    "take_served",
    "wake_monitor",
    "watch_column",
    "write_entry",
]
