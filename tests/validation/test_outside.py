"""Results of other tools: brought or called for, with their evidence, once, in time, judged and marked."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from apps.core.errors import Conflict, Invalid, Refused
from apps.organizations.actions import assign_role, create_service_account, create_token
from apps.validation import actions, tasks
from apps.validation.models import AnswerState, Finding, OutsideAnswer, OutsideTool, RunState, ValidationRun, Verdict
from apps.work import deliveries, jobs
from apps.work.models import Delivery, JobState
from tests.cast import Cast
from tests.support import deliver
from tests.validation import factories
from tests.validation.factories import LINES, finished_run, fresh
from tests.work.receiver import Receiver, is_signed, receiver

__all__ = ["receiver"]
REPORT = {"key": "outside.report", "name": "scan", "fail": 3, "parameters": {"title": "Scan", "sense": "at_most"}}
JOB = {
    "key": "outside.job",
    "name": "audit",
    "fail": 0.8,
    "parameters": {"title": "Bias audit", "tool": "audit", "hours": 2},
}
SOUND = LINES[2]
SAID = {"tool": "Scanner", "tool_version": "2.1", "sentence": "2 issues, none severe.", "value": 2.0}


def evidence(content: bytes = b"<script>alert(1)</script>", name: str = "report.html") -> SimpleUploadedFile:
    """A file as a tool writes it."""
    return SimpleUploadedFile(name, content, "text/html")


def waiting_run(cast: Cast, *lines: dict[str, Any]) -> ValidationRun:
    """A run whose worker is done, and which waits for somebody outside."""
    run = finished_run(cast, lines=[SOUND, *lines])
    assert run.state == RunState.WAITING
    return run


def tool_at(cast: Cast, address: str) -> OutsideTool:
    """The tool that JOB calls."""
    return actions.add_tool(key="audit", name="Bias audit", address=address, by=cast.adam)


def sent(awaited: OutsideAnswer, said: dict[str, Any] | None = None, token: str = "", **more: Any) -> Any:
    """An answer as a tool sends it, to the address outside of any account."""
    body = {**(SAID if said is None else said), "file": evidence(), **more}
    address = f"/answers/{awaited.run.organization.key}/{awaited.pk}/"
    return Client().post(address, body, headers={"Authorization": f"Bearer {token}"})


def test_run_waits_without_a_worker_and_ends_with_the_last_answer(inside: Cast) -> None:
    run = waiting_run(inside, REPORT, {**REPORT, "name": "second"})
    first, second = run.awaited.all()

    assert (jobs.newest(run).state, run.is_open, run.layer != "") == (JobState.SUCCEEDED, True, True)
    actions.report_result(awaited=first, said=SAID, file=evidence(), by=inside.vera)
    assert fresh(run).state == RunState.WAITING
    result = actions.report_result(awaited=second, said=SAID, file=evidence(), by=inside.vera)

    run = fresh(run)
    assert (run.state, run.verdict, result.verdict) == (RunState.FINISHED, Verdict.PASSED, Verdict.PASSED)
    assert (result.origin, result.value, result.layer, result.sense) == ("reported", 2.0, "", "at_most")


def test_a_report_beyond_the_threshold_fails_and_raises_a_finding(inside: Cast) -> None:
    run = waiting_run(inside, REPORT)

    actions.report_result(awaited=run.awaited.get(), said={**SAID, "value": 4.0}, file=evidence(), by=inside.vera)

    run = fresh(run)
    assert (run.verdict, run.results.get(name="scan").verdict) == (Verdict.FAILED, Verdict.FAILED)
    finding = Finding.objects.get(run=run)
    assert (finding.title, finding.result.name) == ("Scan failed", "scan")


def test_an_answer_while_the_worker_measures_is_kept_and_the_run_does_not_wait(
    inside: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = factories.queued_run(inside, lines=[SOUND, REPORT])
    told = tasks.Attempt.told

    def meanwhile(self: Any, part: dict[str, Any]) -> None:
        if "begun" in part:
            actions.report_result(awaited=run.awaited.get(), said=SAID, file=evidence(), by=inside.vera)
        told(self, part)

    monkeypatch.setattr(tasks.Attempt, "told", meanwhile)
    deliver(inside.meridian)

    assert fresh(run).state == RunState.FINISHED


def test_evidence_is_hashed_kept_and_given_back_as_a_file_to_keep(inside: Cast, sign_in: Any) -> None:
    run = waiting_run(inside, REPORT)
    content = b"<html><script>alert(1)</script></html>"
    digest = hashlib.sha256(content).hexdigest()
    awaited = run.awaited.get()
    actions.report_result(awaited=awaited, said={**SAID, "sha256": digest}, file=evidence(content), by=inside.vera)
    client = sign_in(inside.wim)

    page = client.get(run.get_absolute_url()).content.decode()
    answer = client.get(f"{run.get_absolute_url()}outside/{awaited.pk}/evidence/")
    by_api = client.get(f"/o/meridian/api/v1/outside-answers/{awaited.pk}/file/")

    assert "Reported, not measured" in page and "Scanner 2.1" in page and "alert(1)" not in page
    for one in (answer, by_api):
        assert b"".join(one.streaming_content) == content
        assert one["Content-Disposition"] == 'attachment; filename="report.html"'
        assert (one["Content-Type"], one["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    assert sign_in(inside.mallory).get(f"/o/meridian/api/v1/outside-answers/{awaited.pk}/file/").status_code == 404


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"sha256": "0" * 64}, "sha256"),
        ({"tool": " "}, "tool"),
        ({"tool_version": ""}, "tool_version"),
        ({"value": None}, "value"),
        ({"sentence": ""}, "sentence"),
        ({"low": 3.0, "high": 5.0}, "low"),
        ({"low": 1.0}, "low"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field_and_keeps_nothing(
    inside: Cast, changed: dict[str, Any], field: str
) -> None:
    run = waiting_run(inside, REPORT)

    with pytest.raises(Invalid) as refused:
        actions.report_result(awaited=run.awaited.get(), said={**SAID, **changed}, file=evidence(), by=inside.vera)

    assert list(refused.value.fields) == [field]
    assert run.awaited.get().state == AnswerState.WAITING and not run.results.filter(name="scan").exists()


def test_a_report_needs_its_evidence(inside: Cast) -> None:
    run = waiting_run(inside, REPORT)

    with pytest.raises(Invalid, match="Send the evidence"):
        actions.report_result(awaited=run.awaited.get(), said=SAID, file=evidence(b""), by=inside.vera)


def test_a_threshold_on_an_end_of_the_interval_needs_both_ends(inside: Cast) -> None:
    run = waiting_run(inside, {**REPORT, "judged": "upper"})
    awaited = run.awaited.get()

    with pytest.raises(Invalid, match="give both"):
        actions.report_result(awaited=awaited, said=SAID, file=evidence(), by=inside.vera)
    said = {**SAID, "low": 1.0, "high": 3.5}
    assert actions.report_result(awaited=awaited, said=said, file=evidence(), by=inside.vera).verdict == "failed"


def test_a_tool_that_could_not_run_says_why_and_is_no_pass(inside: Cast) -> None:
    run = waiting_run(inside, REPORT)
    said = {"tool": "Scanner", "tool_version": "2.1", "reason": "The format is unknown to it."}

    result = actions.report_result(awaited=run.awaited.get(), said=said, file=evidence(), by=inside.vera)

    assert (result.verdict, result.reason) == ("not_run", "Scanner could not run it. The format is unknown to it.")
    assert fresh(run).verdict == Verdict.NOT_RUN


def test_who_made_the_version_does_not_report_on_it(inside: Cast) -> None:
    run = waiting_run(inside, REPORT)
    assign_role(scope=run.version.model.project, role="validator", user=inside.dario, by=inside.odile)

    with pytest.raises(Refused, match="somebody else has to examine it"):
        actions.report_result(awaited=run.awaited.get(), said=SAID, file=evidence(), by=inside.dario)


def test_a_service_account_with_the_role_reports_by_the_api(inside: Cast) -> None:
    run = waiting_run(inside, REPORT)
    account = create_service_account(name="Scanner", purpose="Scans", by=inside.adam)
    _, token = create_token(user=account.user, name="scans", by=inside.adam)
    headers = {"Authorization": f"Bearer {token}"}
    address = "/o/meridian/api/v1/outside-answers/"
    body = {**SAID, "sha256": hashlib.sha256(b"<script>alert(1)</script>").hexdigest()}

    assert Client().get(address, headers=headers).json()["results"] == []
    assign_role(scope=run.version.model.project, role="validator", user=account.user, by=inside.odile)
    found = Client().get(f"{address}?state=waiting&run={run.pk}", headers=headers).json()["results"]
    answer = Client().post(f"{address}{found[0]['id']}/report/", {**body, "file": evidence()}, headers=headers)

    assert (answer.status_code, answer.json()["origin"], answer.json()["verdict"]) == (201, "reported", "passed")
    assert run.awaited.get().answered_by == account.user
    again = Client().post(f"{address}{found[0]['id']}/report/", {**body, "file": evidence()}, headers=headers)
    assert (again.status_code, "taken once" in again.json()["detail"]) == (409, True)


def test_the_page_takes_a_report(inside: Cast, sign_in: Any) -> None:
    run = waiting_run(inside, REPORT)
    address = f"{run.get_absolute_url()}outside/{run.awaited.get().pk}/"
    client = sign_in(inside.vera)

    assert address in client.get(run.get_absolute_url()).content.decode()
    empty = client.post(address, {**SAID, "tool": "", "file": evidence()})
    assert empty.status_code == 422
    assert client.post(address, {**SAID, "file": evidence()}).status_code == 303
    assert fresh(run).state == RunState.FINISHED


def test_a_job_calls_the_tool_with_a_signature_and_takes_its_answer_once(inside: Cast, receiver: Receiver) -> None:
    tool = tool_at(inside, receiver.url)
    run = waiting_run(inside, JOB)
    awaited = run.awaited.get()

    _, headers, body = receiver.got[0]
    said = json.loads(body)
    assert is_signed(deliveries.secret_of(tool.destination), headers, body)
    assert said["type"] == "validation.asked"
    data = said["data"]
    assert (data["line"], data["version"], data["artifact_sha256"]) == ("audit", 1, run.version.artifact.sha256)
    assert data["answer_to"].endswith(f"/answers/meridian/{awaited.pk}/")
    # The ledger keeps no token that somebody could answer with.
    assert data["token"] not in json.dumps(Delivery.objects.get(pk=awaited.delivery_id).news)
    forged = sent(awaited, {**SAID, "value": 0.9}, token="answer_forged")
    none = sent(awaited, {**SAID, "value": 0.9})
    assert (forged.status_code, none.status_code) == (403, 403)
    assert forged.json()["detail"] == "This is not the token of this call."

    first = sent(awaited, {**SAID, "value": 0.9}, token=data["token"])
    replayed = sent(awaited, {**SAID, "value": 0.1}, token=data["token"])

    assert (first.status_code, first.json()["verdict"]) == (201, "passed")
    assert (replayed.status_code, "an answer is taken once" in replayed.json()["detail"]) == (409, True)
    assert (fresh(run).state, fresh(run).results.get(name="audit").value) == (RunState.FINISHED, 0.9)


def test_the_token_of_one_call_opens_no_other(inside: Cast, receiver: Receiver) -> None:
    tool_at(inside, receiver.url)
    run = waiting_run(inside, JOB, {**JOB, "name": "another"})
    tokens = {body["data"]["line"]: body["data"]["token"] for body in receiver.bodies}
    first = run.awaited.get(check_line__name="audit")

    assert sent(first, {**SAID, "value": 0.9}, token=tokens["another"]).status_code == 403
    assert sent(first, {**SAID, "value": 0.9}, token=tokens["audit"]).status_code == 201


def test_a_refused_answer_keeps_nothing_and_may_come_again(inside: Cast, receiver: Receiver) -> None:
    tool_at(inside, receiver.url)
    run = waiting_run(inside, JOB)
    awaited, token = run.awaited.get(), receiver.bodies[0]["data"]["token"]

    wrong = sent(awaited, {**SAID, "sha256": "0" * 64}, token=token)
    assert (wrong.status_code, list(wrong.json()["errors"])) == (422, ["sha256"])
    assert run.awaited.get().state == AnswerState.WAITING
    assert sent(awaited, {**SAID, "value": 0.9}, token=token).status_code == 201


def test_addresses_of_answers_tell_nothing_about_what_there_is(inside: Cast) -> None:
    import uuid

    for place in ("meridian", "nowhere"):
        answer = Client().post(f"/answers/{place}/{uuid.uuid4()}/", headers={"Authorization": "Bearer x"})
        assert answer.status_code == 404


def test_a_tool_that_is_away_is_called_again(inside: Cast, receiver: Receiver) -> None:
    receiver.plan = [503, 500]
    tool_at(inside, receiver.url)
    run = waiting_run(inside, JOB)

    assert len(receiver.got) == 3
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 1
    assert run.awaited.get().delivery.state == "delivered"


def test_no_answer_in_time_could_not_run_and_a_late_one_is_refused(inside: Cast, receiver: Receiver) -> None:
    tool_at(inside, receiver.url)
    run = waiting_run(inside, JOB)
    awaited, token = run.awaited.get(), receiver.bodies[0]["data"]["token"]
    tasks.miss_answer.run(str(inside.meridian.pk), str(awaited.pk))
    assert fresh(run).state == RunState.WAITING  # before its time nothing happens

    awaited.due_at = timezone.now() - dt.timedelta(minutes=1)
    awaited.save()
    late = sent(awaited, {**SAID, "value": 0.9}, token=token)
    tasks.miss_answer.run(str(inside.meridian.pk), str(awaited.pk))
    after = sent(awaited, {**SAID, "value": 0.9}, token=token)

    result = fresh(run).results.get(name="audit")
    assert (late.status_code, after.status_code) == (409, 409)
    assert (result.verdict, result.reason, result.origin) == ("not_run", "No answer came within 2 hours.", "measured")
    assert (fresh(run).state, fresh(run).verdict) == (RunState.FINISHED, Verdict.NOT_RUN)


def test_a_run_that_waits_is_cancelled_and_takes_no_answer_any_more(inside: Cast) -> None:
    run = waiting_run(inside, REPORT)
    awaited = run.awaited.get()

    run = actions.cancel_run(run=run, by=inside.vera)

    assert (run.state, run.awaited.get().state) == (RunState.CANCELLED, AnswerState.DROPPED)
    with pytest.raises(Conflict, match="waits for no answer"):
        actions.report_result(awaited=awaited, said=SAID, file=evidence(), by=inside.vera)


def test_a_second_run_waits_for_one_that_waits(inside: Cast) -> None:
    run = waiting_run(inside, REPORT)

    with pytest.raises(Conflict, match="under way"):
        actions.start_run(plan=run.plan, by=inside.vera)


def test_a_plan_that_calls_an_unknown_or_retired_tool_is_not_locked(inside: Cast) -> None:
    plan = factories.plan_of(inside, lines=[SOUND, JOB])

    with pytest.raises(Invalid, match="no outside tool audit"):
        actions.lock_plan(plan=plan, by=inside.vera)
    tool = tool_at(inside, "https://audit.example.com/hook")
    actions.retire_tool(tool=tool, by=inside.adam)
    with pytest.raises(Invalid, match="no outside tool audit"):
        actions.lock_plan(plan=plan, by=inside.vera)


@pytest.mark.parametrize(
    "address", ["http://audit.example.com/", "https://127.0.0.1/hook", "https://169.254.169.254/latest", "ftp://x.y/z"]
)
def test_a_tool_inside_the_network_is_refused(inside: Cast, address: str) -> None:
    with pytest.raises(Invalid):
        tool_at(inside, address)
    assert not OutsideTool.objects.exists()


def test_only_who_administers_adds_a_tool_and_sees_its_secret(inside: Cast, sign_in: Any) -> None:
    client = sign_in(inside.adam)
    address = "/o/meridian/validation/outside-tools/"
    given = {"key": "audit", "name": "Bias audit", "address": "https://audit.example.com/hook"}

    assert sign_in(inside.vera).post(f"{address}new/", given).status_code == 403
    assert client.post(f"{address}new/", given).status_code == 303
    assert client.post(f"{address}new/", given).status_code == 409
    clash = client.post(f"{address}new/", given | {"key": "new"})
    assert clash.status_code == 422 and "a word of the addresses here" in clash.content.decode()
    by_api = client.post("/o/meridian/api/v1/outside-tools/", given | {"key": "new"}, content_type="application/json")
    assert by_api.status_code == 422 and "key" in by_api.json()["errors"]
    secret = deliveries.secret_of(OutsideTool.objects.get().destination)
    assert secret in client.get(f"{address}audit/").content.decode()
    assert secret not in sign_in(inside.vera).get(f"{address}audit/").content.decode()
    by_api = client.post("/o/meridian/api/v1/outside-tools/audit/change-secret/").json()["secret"]
    assert by_api != secret and by_api == deliveries.secret_of(OutsideTool.objects.get().destination)
