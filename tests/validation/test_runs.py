"""Runs: by a worker, in a child, each result kept once whoever dies; concluded by who is independent."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.audit.models import Record
from apps.core import sandbox
from apps.core.errors import Conflict, IllegalMove, Invalid, Refused
from apps.models.models import ModelVersion
from apps.organizations.actions import assign_role
from apps.validation import actions, advisories, tasks
from apps.validation.models import CheckResult, Finding, RunState, ValidationRun, Verdict
from apps.validation.signals import concluded, gathering_watch, run_finished
from apps.work import jobs
from apps.work.models import Job, JobState
from tests.cast import Cast
from tests.support import deliver
from tests.validation import factories
from tests.validation.factories import LINES, STRICT, finished_run, fresh


def test_run_of_a_sound_model_passes_with_everything_on_record(inside: Cast) -> None:
    run = finished_run(inside)

    assert (run.state, run.verdict) == (RunState.FINISHED, Verdict.PASSED)
    assert run.results.count() == len(LINES)
    assert "limits" in run.layer and run.libraries["onnxruntime"] and run.seconds > 0
    assert run.inputs["plan"] == run.plan.content_hash
    assert run.rows["test"]["used"] == 1_500
    result = run.results.get(name="perf.auc")
    assert (result.fail, result.warn, result.judged) == (0.6, 0.65, "lower")
    assert result.low < result.value < result.high and result.figure_judged == result.low
    assert result.layer == run.layer
    assert result.evidence["figures"][0]["kind"] == "curve"


def test_check_without_a_champion_could_not_run_and_is_no_pass(inside: Cast) -> None:
    result = finished_run(inside).results.get(name="perf.vs_champion")

    assert (result.verdict, result.value) == (Verdict.NOT_RUN, None)
    assert result.reason == "There is no champion to compare with."


def test_failed_check_becomes_a_finding_by_rule(inside: Cast) -> None:
    unequal = {**STRICT[1], "fail": 1.0, "warn": None}
    run = finished_run(inside, lines=[STRICT[0], unequal, *STRICT[2:]])

    finding, other = Finding.objects.filter(run=run).order_by("title").reverse()
    assert other.title == "Impact ratio failed for sex"
    assert run.verdict == Verdict.FAILED
    assert (finding.title, finding.severity, finding.owner) == ("ROC AUC failed", "high", inside.dario)
    assert finding.result.name == "perf.auc"
    assert finding.due_on == factories.in_days(30)


def test_advisories_are_fetched_before_any_transaction_begins(
    inside: Cast, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    depths: list[int] = []

    def download(url: str, file: BinaryIO, most: int, seconds: float) -> None:
        depths.append(len(connection.savepoint_ids))
        file.write(b"[]")

    monkeypatch.setattr(advisories.outgoing, "download", download)
    factories.queued_run(inside, lines=LINES[2:4])
    settings.TENURE_DATA, settings.TENURE_ADVISORIES = tmp_path, "https://advisories.example.com/all.json"
    deliver(inside.meridian)

    assert depths == [len(connection.savepoint_ids)], "once, and in no transaction of the job's own"


def test_run_of_a_plan_that_is_not_locked_is_refused(inside: Cast) -> None:
    plan = factories.plan_of(inside)

    with pytest.raises(IllegalMove, match="Only a locked plan is run"):
        actions.start_run(plan=plan, by=inside.vera)


def test_run_by_who_made_the_version_is_refused_also_by_the_database(inside: Cast) -> None:
    plan = factories.locked_plan(inside)
    assign_role(scope=plan.version.model.project, role="validator", user=inside.dario, by=inside.odile)

    with pytest.raises(Refused, match="somebody else has to examine it"):
        actions.start_run(plan=plan, by=inside.dario)
    with pytest.raises(IntegrityError, match="does not validate it"), transaction.atomic():
        ValidationRun(plan=plan, version=plan.version, number=1, started_by=inside.dario).save()


def test_run_without_a_locked_plan_is_refused_by_the_database(inside: Cast) -> None:
    plan = factories.plan_of(inside)

    with pytest.raises(IntegrityError, match="Only a locked plan"), transaction.atomic():
        ValidationRun(plan=plan, version=plan.version, number=1, started_by=inside.vera).save()


def test_second_run_waits_for_the_first(inside: Cast) -> None:
    run = factories.queued_run(inside)

    with pytest.raises(Conflict, match="under way"):
        actions.start_run(plan=run.plan, by=inside.vera)


def test_run_of_a_draft_version_is_refused(inside: Cast) -> None:
    plan = factories.locked_plan(inside, factories.candidate(inside, state="draft"))

    with pytest.raises(IllegalMove, match="Only a candidate is validated"):
        actions.start_run(plan=plan, by=inside.vera)


def test_result_is_not_written_beside_the_plan_whoever_writes(inside: Cast) -> None:
    run = finished_run(inside)
    line = run.plan.checks.get(name="perf.auc")
    values = {"run": run, "check_line": line, "name": line.name, "key": line.key, "family": line.family}

    with pytest.raises(IntegrityError, match="belongs to a running run"), transaction.atomic():
        CheckResult(**values, verdict="passed", value=1.0, fail=0.0, sense="at_least", judged="value").save()
    with pytest.raises(Exception, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("update validation_checkresult set verdict = 'passed'")


def claimed(run: ValidationRun) -> jobs.Running:
    """The run's job in the hands of a worker."""
    job = jobs.newest(run)
    found = jobs._claim(str(run.organization_id), str(job.pk))
    assert found is not None
    return found


def kill_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The worker dies when so many results are kept."""
    keep = tasks.Attempt.keep

    def dying(self: Any, said: dict[str, Any]) -> None:
        keep(self, said)
        if fresh_results(self) == count:
            raise SystemExit("killed")

    def fresh_results(self: Any) -> int:
        return CheckResult.objects.filter(run_id=self.job.subject_id).count()

    monkeypatch.setattr(tasks.Attempt, "keep", dying)


def test_killed_worker_leaves_results_and_the_next_does_the_rest_once(
    inside: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = factories.queued_run(inside)
    first = claimed(run)
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(SystemExit):
            tasks.run_plan.body(first)
    kept = {result.name: result.pk for result in run.results.all()}
    assert len(kept) == 2

    Job.objects.filter(pk=first.id).update(lease_until=timezone.now())
    jobs.pick_up_dropped()
    deliver(inside.meridian)

    run = fresh(run)
    assert (run.state, run.verdict) == (RunState.FINISHED, Verdict.PASSED)
    after = {result.name: result.pk for result in run.results.all()}
    assert len(after) == len(LINES) and kept.items() <= after.items()
    assert Record.objects.filter(action="run.taken_over").count() == 1
    assert Record.objects.filter(action="run.finished").count() == 1


def test_worker_that_lost_its_lease_keeps_nothing(inside: Cast) -> None:
    run = factories.queued_run(inside)
    slow = claimed(run)
    Job.objects.filter(pk=slow.id).update(lease_until=timezone.now())
    claimed(run)

    with pytest.raises(jobs.LeaseLost):
        tasks.Attempt(slow, {}).keep({"name": "perf.auc", "verdict": "passed"})
    assert run.results.count() == 0


def test_result_told_twice_is_kept_once(inside: Cast) -> None:
    run = factories.queued_run(inside)
    actions.begin_run(run=run, inputs={}, by=inside.vera)
    said = {"name": "perf.auc", "verdict": "passed", "value": 0.9, "sense": "at_least"}

    first = actions.keep_result(run=run, said=said, by=inside.vera)
    second = actions.keep_result(run=run, said={**said, "value": 0.1}, by=inside.vera)

    assert first == second
    assert list(run.results.values_list("value", flat=True)) == [0.9]


def test_check_that_ends_its_child_costs_itself_and_not_the_run(inside: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    run = factories.queued_run(inside)
    real = sandbox.run

    def crashing(function: str, *, payload: dict[str, Any], told: Any, **more: Any) -> Any:
        if "perf.auc" not in payload["done"]:
            told({"begun": "perf.auc"})
            raise sandbox.Crashed("The calculation crashed (SIGSEGV).", signal=11, layer="walls")
        return real(function, payload=payload, told=told, **more)

    monkeypatch.setattr(tasks.sandbox, "run", crashing)
    deliver(inside.meridian)

    run = fresh(run)
    broken = run.results.get(name="perf.auc")
    assert run.state == RunState.FINISHED
    assert (broken.verdict, broken.reason) == (
        Verdict.NOT_RUN,
        "This check ended the process it ran in. The calculation crashed (SIGSEGV).",
    )
    assert run.verdict == Verdict.NOT_RUN
    assert run.results.count() == len(LINES)


def test_child_that_refuses_the_data_breaks_the_run_with_its_sentence(inside: Cast) -> None:
    from apps.core import files

    run = factories.queued_run(inside)
    with files.local(run.plan.test_data.file) as path:
        path.write_bytes(b"PAR1 cut off")
    deliver(inside.meridian)

    run = fresh(run)
    assert (run.state, run.verdict) == (RunState.BROKEN, "")
    assert run.error.startswith("The file cannot be read as Parquet.")
    assert jobs.newest(run).state == JobState.FAILED


def test_artifact_changed_in_storage_is_found_by_its_digest(inside: Cast) -> None:
    from apps.core import files
    from tests.validation.engine.graphs import logistic

    run = factories.queued_run(inside)
    with files.local(run.version.artifact.path) as path:
        path.write_bytes(logistic(slope=1.99))
    deliver(inside.meridian)

    result = fresh(run).results.get(name="sec.digest")
    assert result.verdict == Verdict.FAILED
    assert Finding.objects.get(result=result).severity == "critical"


def test_run_cancelled_before_it_began_ends_at_once(inside: Cast) -> None:
    run = actions.cancel_run(run=factories.queued_run(inside), by=inside.vera)

    assert run.state == RunState.CANCELLED
    assert run.error == "This was cancelled before it began."
    with pytest.raises(IllegalMove, match="nothing to cancel"):
        actions.cancel_run(run=run, by=inside.vera)


def test_run_cancelled_under_way_keeps_its_results_and_has_no_verdict(
    inside: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = factories.queued_run(inside)
    monkeypatch.setattr(tasks.sandbox, "run", lambda *_, **__: (_ for _ in ()).throw(sandbox.Cancelled("stopped")))
    deliver(inside.meridian)

    run = fresh(run)
    assert (run.state, run.verdict) == (RunState.CANCELLED, "")


def test_finish_announces_itself_and_writes_a_mail(inside: Cast) -> None:
    from apps.work.models import Message

    heard: list[Any] = []
    run_finished.connect(listen := lambda run, **_: heard.append(run.verdict), weak=False)
    try:
        run = finished_run(inside)
    finally:
        run_finished.disconnect(listen)

    assert heard == [Verdict.PASSED]
    assert Message.objects.filter(subject__contains=str(run)).count() == 1


def test_conclude_moves_the_version_and_tells_the_people(inside: Cast) -> None:
    heard: list[Any] = []
    concluded.connect(listen := lambda run, version, **_: heard.append((run.outcome, version.pk)), weak=False)
    run = finished_run(inside)
    try:
        run = actions.conclude(run=run, outcome="validated", statement="Accurate and fair enough.", by=inside.vera)
    finally:
        concluded.disconnect(listen)

    version = ModelVersion.objects.get(pk=run.version_id)
    assert (version.state, version.validated_by) == ("validated", inside.vera)
    assert (run.outcome, run.concluded_by, heard) == ("validated", inside.vera, [("validated", version.pk)])
    with pytest.raises(IllegalMove, match="is concluded"):
        actions.conclude(run=run, outcome="rejected", statement="No.", by=inside.vera)


def test_conclude_rejected_moves_the_version_for_good(inside: Cast) -> None:
    run = finished_run(inside, lines=STRICT)

    actions.conclude(run=run, outcome="rejected", statement="Too weak.", by=inside.vera)

    assert ModelVersion.objects.get(pk=run.version_id).state == "rejected"


def test_conclude_fit_with_a_finding_against_it_is_refused(inside: Cast) -> None:
    run = finished_run(inside, lines=STRICT)

    with pytest.raises(Refused, match="F1 ROC AUC failed"):
        actions.conclude(run=run, outcome="conditions", statement="Fine.", conditions="Care.", by=inside.vera)


def test_conclude_with_warnings_needs_conditions(inside: Cast) -> None:
    run = finished_run(inside, lines=[{**LINES[0], "fail": 0.5, "warn": 0.99}, *LINES[2:]])
    assert run.verdict == Verdict.WARNED

    with pytest.raises(Refused, match="There are warnings"):
        actions.conclude(run=run, outcome="validated", statement="Fine.", by=inside.vera)
    with pytest.raises(Invalid, match="under which conditions"):
        actions.conclude(run=run, outcome="conditions", statement="Fine.", by=inside.vera)
    run = actions.conclude(
        run=run, outcome="conditions", statement="Fine.", conditions="Only in daylight.", by=inside.vera
    )
    assert run.conditions == "Only in daylight."


def test_conclude_fit_while_a_needed_check_did_not_run_is_refused(inside: Cast) -> None:
    run = finished_run(inside, lines=[*LINES[:4], {**LINES[4], "required": True}])

    assert run.verdict == Verdict.NOT_RUN
    with pytest.raises(Refused, match=r"perf\.vs_champion could not judge"):
        actions.conclude(run=run, outcome="validated", statement="Fine.", by=inside.vera)


def test_conclude_fit_while_a_needed_check_had_too_little_to_judge_by_is_refused(inside: Cast) -> None:
    small = {"key": "fair.impact_ratio", "fail": 0.5, "parameters": {"attributes": ["sex"], "min_rows": 10_000}}
    run = finished_run(inside, lines=[LINES[0], small])

    result = run.results.get(key="fair.impact_ratio")
    assert (result.verdict, result.value, run.verdict) == (Verdict.TOO_SMALL, None, Verdict.TOO_SMALL)
    assert result.reason == "Fewer than two groups of sex are large enough to judge."
    with pytest.raises(Refused, match=r"fair\.impact_ratio:sex could not judge"):
        actions.conclude(run=run, outcome="validated", statement="Fine.", by=inside.vera)


def test_check_with_nothing_to_ask_is_no_pass_and_holds_nothing_up(inside: Cast) -> None:
    unseen = {"key": "fair.flip", "fail": 0.1, "parameters": {"attributes": ["sex"]}}
    run = finished_run(inside, lines=[LINES[0], unseen])

    result = run.results.get(key="fair.flip")
    assert (result.verdict, result.value, run.verdict) == (Verdict.NOTHING, None, Verdict.PASSED)
    assert "does not see sex" in result.reason
    actions.conclude(run=run, outcome="validated", statement="Fine.", by=inside.vera)


def test_conclude_from_an_old_run_or_plan_is_refused(inside: Cast) -> None:
    run = finished_run(inside)
    factories.again(inside, run)

    with pytest.raises(Refused, match="plan of this run was replaced"):
        actions.conclude(run=fresh(run), outcome="validated", statement="Fine.", by=inside.vera)


def test_conclude_before_the_end_is_refused(inside: Cast) -> None:
    with pytest.raises(IllegalMove, match="Conclude when it has finished"):
        actions.conclude(run=factories.queued_run(inside), outcome="rejected", statement="No.", by=inside.vera)


def test_conclude_by_who_made_it_is_refused_also_by_the_database(inside: Cast) -> None:
    run = finished_run(inside)
    assign_role(scope=run.version.model.project, role="validator", user=inside.dario, by=inside.odile)

    with pytest.raises(Refused, match="somebody else has to examine it"):
        actions.conclude(run=run, outcome="validated", statement="Mine is good.", by=inside.dario)
    run.outcome, run.statement, run.concluded_by, run.concluded_at = "validated", "x", inside.dario, timezone.now()
    with pytest.raises(IntegrityError, match="does not conclude on it"), transaction.atomic():
        run.save()


def test_conclusion_does_not_change_whoever_writes(inside: Cast) -> None:
    run = finished_run(inside)
    actions.conclude(run=run, outcome="rejected", statement="No.", by=inside.vera)

    with pytest.raises(IntegrityError, match="does not change"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("update validation_validationrun set statement = 'Yes.' where id = %s", [run.pk])


def test_evidence_of_an_approval_holds_the_validation(inside: Cast) -> None:
    from apps.models import actions as models
    from apps.models.records import evidence

    run = finished_run(inside)
    actions.conclude(run=run, outcome="validated", statement="Good.", by=inside.vera)
    version = ModelVersion.objects.get(pk=run.version_id)

    snapshot, _ = evidence(version, inside.dario)
    assert snapshot["validation"]["plan"] == run.plan.content_hash
    assert {result["name"] for result in snapshot["validation"]["results"]} == {
        "perf.auc",
        "fair.impact_ratio:sex",
        "sec.format",
        "sec.digest",
        "perf.vs_champion",
    }

    actions.raise_finding(
        version=version, title="Odd in snow", description="See for yourself.", severity="high", by=inside.vera
    )
    with pytest.raises(Refused, match="Findings stand against"):
        models.request_approval(version=version, by=inside.dario)


@pytest.mark.parametrize(("digest", "verdict"), [("passed", "passed"), ("warned", "warned")])
def test_what_only_informs_has_no_part_in_the_verdict(inside: Cast, digest: str, verdict: str) -> None:
    run = factories.queued_run(inside, lines=[{"key": "sec.digest", "fail": 1, "warn": 0}, {"key": "sec.scanner"}])
    actions.begin_run(run=run, inputs={}, by=inside.vera)
    for name, said in (("sec.digest", digest), ("sec.scanner", "warned")):
        told = {"name": name, "verdict": said, "value": 1.0, "sense": "at_most", "sentence": "So."}
        actions.keep_result(run=run, said=told, by=inside.vera)

    assert actions.finish_run(run=fresh(run), measured={}, by=inside.vera).verdict == verdict
    assert not run.plan.checks.get(name="sec.scanner").required


def test_thresholds_are_said_in_sentences() -> None:
    from apps.validation.report import threshold_words

    assert threshold_words(0.6, 0.65, "at_least", "lower", "") == (
        "fails when the lower end of the interval is below 0.6, warns when the lower end of the interval is below 0.65"
    )
    assert threshold_words(None, 0.2, "at_most", "value", "") == "warns when above 0.2"


def test_rule_book_is_answered_by_what_is_on_record(inside: Cast) -> None:
    lines = [*LINES, {"key": "doc.eu_ai_act", "fail": 0.1, "warn": 1.0}]
    result = finished_run(inside, lines=lines).results.get(key="doc.eu_ai_act")

    points = {row["place"]: row for row in result.evidence["tables"][0]["rows"]}
    assert result.verdict == "warned" and 0.1 < result.value < 1
    assert points["Article 13"]["answered"] == "yes"
    assert points["Article 13"]["by"] == "card: intended use, card: out of scope, card: limitations"
    assert points["Article 10 (2) f, g"]["by"].startswith("checks of fairness in the plan")
    assert points["Article 15 (4)"]["missing"] == "checks of robustness in the plan, checks of consistency in the plan"


def test_every_key_of_a_rule_book_is_some_evidence(inside: Cast) -> None:
    from apps.validation import subjects
    from apps.validation.engine import rulebooks

    def watch(watched: list[dict[str, Any]], **_: Any) -> None:
        watched += [{"endpoint": "blind", "monitors": 0}, {"endpoint": "seen", "monitors": 2}]

    plan = factories.plan_of(inside)
    asked_at_first = {one["key"] for one in subjects.facts(plan)["evidence"]}
    gathering_watch.connect(watch, weak=False, dispatch_uid="watch")
    evidence = {one["key"]: (one["name"], one["known"]) for one in subjects.facts(plan)["evidence"]}
    gathering_watch.disconnect(dispatch_uid="watch")
    known = set(evidence)

    books = [book for book in vars(rulebooks).values() if isinstance(book, rulebooks.RuleBook)]
    asked = {key for book in books for point in book.points for key in point.keys}
    assert len(books) == 4 and asked - known == set()
    assert asked - asked_at_first == {"monitoring:active"}, "nothing is asked about monitors before it answers"
    assert evidence["monitoring:active"] == ("an active monitor at blind", False)
    places = [
        {line["place"] for line in rulebooks.answered(rulebooks.EU_AI_ACT, some)}
        for some in (evidence, {key: said for key, said in evidence.items() if key in asked_at_first})
    ]
    assert places[0] - places[1] == {"Article 72"}
