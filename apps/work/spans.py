"""A span around every task, continuing the trace that its message carried. Without traces it costs one look at a
setting.
"""

from contextlib import ExitStack
from typing import Any

from celery.signals import task_postrun, task_prerun, worker_process_shutdown
from celery.states import FAILURE

from apps.core import tracing

_open: dict[str, ExitStack] = {}


@task_prerun.connect
def begin(task_id: str, task: Any, args: Any = (), **_: Any) -> None:
    """Open the task's span."""
    if not tracing.is_on():
        return
    asked = task.request
    parent = (asked.headers or {}).get(tracing.HEADER) or asked.get(tracing.HEADER) or ""
    stack = ExitStack()
    organization = str(args[0]) if args else None
    stack.enter_context(tracing.span(task.name, parent, kind="consumer", organization=organization, task=task_id))
    _open[task_id] = stack


@task_postrun.connect
def end(task_id: str, state: str = "", **_: Any) -> None:
    """Close it."""
    if stack := _open.pop(task_id, None):
        if state == FAILURE:
            tracing.failed("The task raised an exception; the log has it.")
        stack.close()


@worker_process_shutdown.connect
def last_words(**_: Any) -> None:
    """Send what waits before the process ends."""
    tracing.flush()
