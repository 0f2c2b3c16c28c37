"""What a run asks of others when it begins: a call to a tool, or a word from a person or a program."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from apps.audit.actions import record
from apps.core.secrets import new_token, seal, token_hash
from apps.validation.models import AnswerState, OutsideAnswer, OutsideTool, PlanCheck, ValidationRun
from apps.work import deliveries, outbox
from apps.work.formats import News

REPORT, JOB = "outside.report", "outside.job"


def await_answers(run: ValidationRun, by: Any) -> list[OutsideAnswer]:
    """Begin to wait for every line that is answered from outside, and call the tools, in the caller's transaction."""
    return [_await(run, line, by) for line in run.plan.checks.filter(key__in=[REPORT, JOB]).order_by("order")]


def still_awaited(run: ValidationRun) -> Any:
    """The lines of a run whose answers have not come."""
    return OutsideAnswer.objects.filter(run=run, state=AnswerState.WAITING)


def _await(run: ValidationRun, line: PlanCheck, by: Any) -> OutsideAnswer:
    due_at = timezone.now() + dt.timedelta(hours=line.parameters["hours"])
    awaited = OutsideAnswer(run=run, check_line=line, due_at=due_at)
    token = ""
    if line.key == JOB:
        awaited.called = OutsideTool.objects.select_related("destination").get(key=line.parameters["tool"])
        token = new_token("answer")
        awaited.token_hash = token_hash(token)
    awaited.save(force_insert=True)
    if awaited.called is not None:
        awaited.delivery = _call(awaited, token)
        awaited.save()
    outbox.enqueue("validation.miss_answer", awaited.pk, at=due_at)
    details = {"due": due_at, "tool": str(awaited.called or "")}
    record(by=by, action="answer.awaited", subject=awaited, details=details)
    return awaited


def _call(awaited: OutsideAnswer, token: str) -> Any:
    """The signed call. The token is sealed in the ledger, and opened when it leaves."""
    run, line = awaited.run, awaited.check_line
    version, plan = run.version, run.plan
    assert awaited.called is not None
    answer = reverse("validation-answers:answer", args=[run.organization.key, awaited.pk])
    data = {
        "answer_to": settings.TENURE_ADDRESS + answer,
        "token": {"sealed": seal(token)},
        "due_at": awaited.due_at.isoformat(),
        "line": line.name,
        "parameters": line.parameters,
        "model": version.model.key,
        "version": version.number,
        "artifact_sha256": version.artifact.sha256,
        "test_data_sha256": plan.test_data.sha256,
        "plan_hash": plan.content_hash,
        "run": str(run.pk),
    }
    news = News(
        event="validation.asked",
        at=timezone.now().isoformat(),
        title=f"{awaited.title}: {version}",
        text=f"{run} waits for the result until {awaited.due_at:%Y-%m-%d %H:%M} UTC.",
        url=settings.TENURE_ADDRESS + run.get_absolute_url(),
        data=data,
    )
    return deliveries.send(destination=awaited.called.destination, news=news, scope_id=version.model.project_id)
