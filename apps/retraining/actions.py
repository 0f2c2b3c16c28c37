"""Writing policies, being triggered, registering the challenger, comparing it, knowing how it ended."""

import datetime as dt
from typing import Any

from django.db.models import Max
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.canonical import content_hash
from apps.core.errors import DomainError, Refused
from apps.datasets.models import Dataset, DatasetVersion
from apps.discussions.notices import tell
from apps.models import actions as models
from apps.models.models import CHALLENGER, ModelVersion, RegisteredModel, TrainingRun
from apps.models.policies import check_submit, parts_of
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.retraining import policies
from apps.retraining.models import RUN_STATES, Comparison, Judgement, RetrainingPolicy, RetrainingRun, RunState, Trigger
from apps.work import jobs, schedules

TASK = "retraining.on_schedule"


@action
def write_policy(
    *,
    model: RegisteredModel,
    dataset: Dataset,
    recipe: Any,
    by: Any,
    owner: Any = None,
    every_days: int | None = None,
    on_drift: bool = False,
    on_performance: bool = False,
    on_new_data: bool = False,
    cool_down_days: int = 7,
    min_rows: int = 1000,
    is_active: bool = True,
    reason: str = "",
) -> RetrainingPolicy:
    """Put the policy of a model in force, or change it; the recipe is YAML or a dict, the owner a data scientist."""
    policies.check_write(by, model)
    owner = owner or by
    policies.check_owner(owner, model)
    frozen = policies.check_policy(model, dataset, recipe, every_days)
    policy = RetrainingPolicy.objects.filter(model=model).first() or RetrainingPolicy(model=model)
    before = {} if policy._state.adding else _facts(policy)
    policy.dataset, policy.recipe, policy.owner, policy.every_days = dataset, frozen, owner, every_days
    policy.on_drift, policy.on_performance, policy.on_new_data = on_drift, on_performance, on_new_data
    policy.cool_down_days, policy.min_rows, policy.is_active = cool_down_days, min_rows, is_active
    policy.save()
    _plan(policy)
    details = {"before": before, "after": _facts(policy)}
    record(by=by, action="retraining_policy.written", subject=policy, reason=reason, details=details)
    return policy


def _facts(policy: RetrainingPolicy) -> dict[str, Any]:
    return {
        "dataset": str(policy.dataset),
        "recipe": content_hash(policy.recipe),
        "triggers": policy.triggers,
        "cool_down_days": policy.cool_down_days,
        "min_rows": policy.min_rows,
        "owner": str(policy.owner),
        "is_active": policy.is_active,
    }


def _plan(policy: RetrainingPolicy) -> None:
    if policy.is_active and policy.every_days:
        every = dt.timedelta(days=policy.every_days)
        schedules.plan(name=str(policy), task=TASK, subject_id=policy.pk, every=every)
    else:
        schedules.stop(subject_id=policy.pk, task=TASK)


@action
def switch_off(*, policy: RetrainingPolicy, by: Any, reason: str = "") -> RetrainingPolicy:
    """Let the model be trained no more by itself, as when it is retired."""
    access.check(by, Permission.RETRAIN, policy)
    policy.is_active = False
    policy.save()
    _plan(policy)
    record(by=by, action="retraining_policy.switched_off", subject=policy, reason=reason)
    return policy


@action
def start(*, policy: RetrainingPolicy, by: Any, reason: str) -> RetrainingRun:
    """Start a retraining by hand; raises Refused where a guard stands in the way."""
    policies.check_start(by, policy)
    policies.check_guards(_locked(policy), Trigger.HAND)
    return _occasion(policy, Trigger.HAND, reason or "Started by hand.", "", by)


@action
def trigger(*, policy: RetrainingPolicy, trigger: str, cause: str, by: Any, cause_url: str = "") -> RetrainingRun:
    """Something happened that the policy may answer with a retraining. Whether it ran, or why not, is kept."""
    return _occasion(policy, trigger, cause, cause_url, by)


def _occasion(policy: RetrainingPolicy, trigger: str, cause: str, cause_url: str, by: Any) -> RetrainingRun:
    locked = _locked(policy)
    run = RetrainingRun(
        policy=locked,
        number=(locked.runs.aggregate(newest=Max("number"))["newest"] or 0) + 1,
        trigger=trigger,
        cause=cause,
        cause_url=cause_url,
        champion=locked.model.champion,
        started_by=by,
    )
    try:
        data, split = policies.check_guards(locked, trigger)
        run.training_run = models.start_training(
            model=locked.model,
            recipe=locked.recipe,
            dataset_version=data,
            split=split,
            reason=f"Retraining: {cause}",
            by=locked.owner,
        )
        run.dataset_version = data
    except DomainError as error:
        run.state, run.outcome, run.ended_at = RunState.SKIPPED, error.sentence, timezone.now()
    run.save(force_insert=True)
    verb = "retraining.skipped" if run.state == RunState.SKIPPED else "retraining.started"
    details = {"trigger": trigger, "cause": cause, "outcome": run.outcome, "data": str(run.dataset_version or "")}
    record(by=by, action=verb, subject=run, reason=cause, details=details)
    if run.state != RunState.SKIPPED:
        tell([locked.owner], text=f"{locked.model} is being trained anew: {cause}", url=run.get_absolute_url())
    return run


def _locked(policy: RetrainingPolicy) -> RetrainingPolicy:
    rows = RetrainingPolicy.objects.select_for_update(of=("self",))
    return rows.select_related("model__project", "model__organization", "dataset", "owner", "organization").get(
        pk=policy.pk
    )


@action
def register_challenger(*, training_run: TrainingRun, by: Any) -> RetrainingRun:
    """The training has ended well: register the challenger, name it so, and have it compared with the champion."""
    run = _run_of(training_run)
    owner = run.policy.owner
    version = models.register_version(
        model=run.policy.model, run=training_run, note=f"Challenger of {run}. {run.cause}", by=owner
    )
    models.set_alias(model=run.policy.model, name=CHALLENGER, version=version, reason=run.cause, by=owner)
    _submit(version, owner)
    run.challenger = version
    _move(run, RunState.TRAINED, by, f"{version} is the challenger.")
    if run.champion is None:
        return _move(run, RunState.REJECTED, by, "There is no champion to compare it with.")
    url = run.get_absolute_url()
    title = f"Compare {version} with the champion"
    jobs.start(kind="retraining.compare", subject=run, title=title, by=owner, queue="validation", url=url)
    return run


def _submit(version: ModelVersion, owner: Any) -> None:
    """Hand it to the validators when its card is complete; else its owner completes it first."""
    try:
        check_submit(owner, version)
    except Refused as incomplete:
        tell(
            [owner], text=f"Complete the card of {version}: {incomplete.sentence}"[:300], url=version.get_absolute_url()
        )
        return
    models.submit_version(version=version, by=owner)


def _run_of(training_run: TrainingRun) -> RetrainingRun:
    rows = RetrainingRun.objects.select_for_update(of=("self",))
    related = ("policy__model__project", "policy__model__organization", "policy__owner", "champion", "organization")
    return rows.select_related(*related).get(training_run=training_run)


@action
def fail(*, run: RetrainingRun, sentence: str, by: Any) -> RetrainingRun:
    """Training or comparison ended without a result."""
    return _move(run, RunState.FAILED, by, sentence)


def test_data(run: RetrainingRun) -> DatasetVersion:
    """The rows both are compared on: those the challenger's training kept apart."""
    assert run.training_run is not None and run.training_run.split is not None
    return parts_of(run.training_run.split)["test"]


@action
def keep_comparison(*, run: RetrainingRun, result: dict[str, Any], isolation: str, by: Any) -> Comparison:
    """Keep what the child measured and say what it means; the validators are told."""
    low, high = result["interval"]["low"], result["interval"]["high"]
    judgement = Judgement.BETTER if low > 0 else Judgement.WORSE if high < 0 else Judgement.SAME
    comparison = Comparison(
        run=run,
        champion=run.champion,
        challenger=run.challenger,
        test_data=test_data(run),
        judgement=judgement,
        metric=result.get("parameters", {}).get("metric") or "usual metric of the kind",
        difference=result["value"],
        low=low,
        high=high,
        rows=result["rows_used"],
        sentence=result["sentence"],
        evidence=result["evidence"],
        isolation=isolation,
    )
    comparison.save(force_insert=True)
    _move(run, RunState.COMPARED, by, f"{judgement.label}. {result['sentence']}")
    text = f"{run.challenger} waits for validation: {judgement.label.lower()}"
    tell(
        {run.policy.owner, *access.people_with(Permission.VALIDATE, run)},
        text=text,
        url=run.get_absolute_url(),
        template="retraining/compared",
        context={"run": run, "comparison": comparison},
    )
    return comparison


@action
def promote(*, run: RetrainingRun, by: Any) -> RetrainingRun:
    """The challenger has become champion; it is nobody's challenger any more."""
    assert run.challenger is not None
    alias = run.challenger.aliases.filter(name=CHALLENGER).select_related("model__project", "version").first()
    if alias is not None:
        models.drop_alias(alias=alias, reason="It is the champion now.", by=by)
    return _move(run, RunState.PROMOTED, by, f"{run.challenger} is the champion now.")


@action
def conclude(*, run: RetrainingRun, state: str, outcome: str, by: Any) -> RetrainingRun:
    """The challenger became champion, or never will."""
    return _move(run, RunState(state), by, outcome)


def _move(run: RetrainingRun, state: RunState, by: Any, outcome: str) -> RetrainingRun:
    before = RUN_STATES.move(run, state)
    run.outcome = outcome
    if not run.is_open and state != RunState.COMPARED:
        run.ended_at = timezone.now()
    run.save()
    details = {"before": {"state": before}, "after": {"state": str(state.value)}}
    record(by=by, action=f"retraining.{state.value}", subject=run, reason=outcome, details=details)
    return run
