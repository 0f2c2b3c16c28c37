"""Retraining: what starts it, what keeps it from running, and how challenger and champion are held side by side."""

import copy
import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from apps.audit.chain import faults
from apps.audit.models import Record
from apps.core.errors import IllegalMove, Invalid, NotVisible, Refused
from apps.datasets import actions as datasets
from apps.models import actions as models
from apps.models.models import CHALLENGER, Alias, ModelVersion, TrainingRun
from apps.monitoring import actions as monitoring
from apps.projects import actions as projects
from apps.retraining import actions
from apps.retraining.models import Comparison, RetrainingPolicy, RetrainingRun, RunState, Trigger
from apps.retraining.tasks import on_schedule
from apps.work import jobs
from apps.work.models import Message, Schedule
from tests.datasets.factories import signed_off
from tests.deployments.shop import Shop
from tests.models.engine.samples import recipe
from tests.projects.factories import sign_all
from tests.retraining.drill import SPLIT
from tests.support import deliver


@pytest.fixture
def drill(inside, drill_once):
    return copy.deepcopy(drill_once)


def last_record(subject):
    return Record.objects.filter(subject_id=str(subject.pk)).first()


# --- the policy


def test_write_policy_is_planned_and_recorded(drill):
    policy = drill.policy(every_days=30, on_drift=True)
    assert policy.triggers == ["Every 30 days", "Drift"]
    assert Schedule.objects.get(subject_id=policy.pk).every == dt.timedelta(days=30)
    changed = drill.policy(every_days=None, on_new_data=True, reason="Data comes monthly.")
    assert (changed.pk, changed.triggers) == (policy.pk, ["New data"])
    assert not Schedule.objects.get(subject_id=policy.pk).is_active
    entry = last_record(policy)
    assert (entry.action, entry.reason) == ("retraining_policy.written", "Data comes monthly.")
    assert entry.details["before"]["triggers"] == ["Every 30 days", "Drift"]


@pytest.mark.parametrize(
    ("name", "error"), [("vera", Refused), ("wim", Refused), ("audrey", Refused), ("mina", NotVisible)]
)
def test_write_policy_is_for_who_may_retrain(drill, name, error):
    with pytest.raises(error):
        drill.policy(by=getattr(drill.cast, name), owner=drill.cast.dario)


def test_write_policy_names_what_does_not_fit(drill):
    for given, field in (
        ({"owner": drill.cast.otto}, "owner"),
        ({"every_days": 0}, "every_days"),
        ({"recipe": {"task": "classification"}}, "recipe"),
    ):
        with pytest.raises(Invalid) as caught:
            drill.policy(**given)
        assert list(caught.value.fields) == [field]


def test_write_policy_holds_the_recipe_against_the_newest_data(drill):
    signed_off(drill.cast, drill.upload())
    wrong = recipe("logistic", features=[{"name": "weather", "kind": "number"}])
    with pytest.raises(Invalid, match="no column weather"):
        drill.policy(recipe=wrong)


def test_operator_may_write_it_when_a_data_scientist_owns_it(drill):
    assert drill.policy(by=drill.cast.otto, owner=drill.cast.dario).owner == drill.cast.dario


# --- what keeps it from running


def test_start_by_hand_says_why_it_does_not_run(drill):
    policy = drill.policy()
    with pytest.raises(Refused, match="No version of “Flights” is signed off as fit"):
        actions.start(policy=policy, reason="Now.", by=drill.cast.otto)
    signed_off(drill.cast, drill.upload())
    with pytest.raises(Refused, match="is not split into train and test"):
        actions.start(policy=policy, reason="Now.", by=drill.cast.otto)
    assert not RetrainingRun.objects.exists()


def test_guards_are_kept_as_the_reason_why_not(drill):
    drill.data(rows=300)
    policy = drill.policy(min_rows=301)
    for trigger in (Trigger.DRIFT, Trigger.HAND):
        actions.trigger(policy=policy, trigger=trigger, cause="Drift.", by=drill.cast.otto)
    drill.policy(cool_down_days=7)
    actions.trigger(policy=policy, trigger=Trigger.HAND, cause="First.", by=drill.cast.otto)
    actions.trigger(policy=policy, trigger=Trigger.HAND, cause="Second.", by=drill.cast.otto)
    jobs.cancel(job=jobs.newest(TrainingRun.objects.get()))
    actions.trigger(policy=policy, trigger=Trigger.HAND, cause="Third.", by=drill.cast.otto)
    actions.switch_off(policy=policy, by=drill.cast.otto)
    actions.trigger(policy=policy, trigger=Trigger.HAND, cause="Fourth.", by=drill.cast.otto)
    states, outcomes = zip(*drill.outcomes(), strict=True)
    assert states == ("skipped", "skipped", "failed", "skipped", "skipped", "skipped")
    assert outcomes[0] == "This trigger is not switched on in the policy."
    assert outcomes[1] == "“Flights v1” has 300 rows; the policy asks for 301."
    assert outcomes[2] == "This was cancelled before it began."
    assert outcomes[3] == "Another retraining of this model is under way."
    assert "the policy waits 7 days between two." in outcomes[4]
    assert outcomes[5] == "The policy is switched off."
    assert faults() == []


def test_project_that_is_on_hold_is_not_retrained(drill):
    drill.data()
    policy = drill.policy()
    projects.put_on_hold(project=drill.project, reason="Budget.", by=drill.cast.bianca)
    actions.trigger(policy=policy, trigger=Trigger.HAND, cause="Now.", by=drill.cast.otto)
    assert drill.outcomes()[0][1] == "“Late arrivals” is on hold; no work on it may go on."


def test_one_open_occasion_is_held_by_the_database(drill):
    drill.data()
    policy = drill.policy()
    run = actions.start(policy=policy, reason="Now.", by=drill.cast.otto)
    twin = RetrainingRun(
        policy=policy, number=9, trigger="hand", cause="x", training_run=run.training_run, started_by=drill.cast.otto
    )
    with pytest.raises(IntegrityError, match="retraining_run_one_open"), transaction.atomic():
        twin.save(force_insert=True)


# --- what starts it


def test_newly_signed_off_data_starts_it(drill):
    drill.policy(on_new_data=True)
    version = drill.data()
    run = RetrainingRun.objects.get()
    assert (run.trigger, run.state, run.dataset_version) == ("new_data", "training", version)
    assert run.cause == "Flights v1 was signed off as fit."
    assert run.training_run.started_by == drill.cast.dario


def test_schedule_starts_it(drill):
    drill.data()
    policy = drill.policy(every_days=30)
    on_schedule.run(str(drill.cast.meridian.pk), str(policy.pk))
    run = RetrainingRun.objects.get()
    assert (run.trigger, run.cause, run.state) == ("schedule", "30 days have passed.", "training")


@pytest.mark.parametrize(("cause", "trigger"), [("drift", "drift"), ("performance", "performance"), ("latency", None)])
def test_incident_starts_it_where_the_policy_listens(inside, drill, cause, trigger):
    drill.data()
    drill.policy(on_drift=True, on_performance=True)
    endpoint = Shop.endpoint(_shop_of(drill))
    monitoring.open_incident(endpoint=endpoint, cause=cause, title="It moved", by=inside.otto)
    runs = [(run.trigger, run.state, run.cause) for run in RetrainingRun.objects.all()]
    assert runs == ([(trigger, "training", "Incident 1: It moved")] if trigger else [])


def test_data_that_comes_later_answers_an_open_incident(inside, drill):
    drill.policy(on_drift=True)
    endpoint = Shop.endpoint(_shop_of(drill))
    monitoring.open_incident(endpoint=endpoint, cause="drift", title="It moved", by=inside.otto)
    drill.data()
    causes = [(run.state, run.cause) for run in RetrainingRun.objects.order_by("number")]
    assert causes == [
        ("skipped", "Incident 1: It moved"),
        ("training", "Incident 1: It moved. Flights v1 was signed off as fit."),
    ]


def _shop_of(drill):
    from apps.deployments.models import Environment

    shop = object.__new__(Shop)
    shop.cast, shop.model = drill.cast, drill.model
    shop.production = Environment.objects.get(key="production")
    return shop


# --- challenger against champion


def test_challenger_is_trained_compared_and_promoted(drill):
    champion = drill.champion(drill.data())
    policy = drill.policy(on_new_data=True)
    with pytest.raises(Refused, match="There is nothing newer than “Flights v1”"):
        actions.start(policy=policy, reason="Now.", by=drill.cast.otto)
    newer = drill.data(rows=400, seed=2)
    deliver(drill.cast.meridian)

    run = RetrainingRun.objects.get()
    assert (run.state, run.dataset_version, run.champion) == (RunState.COMPARED, newer, champion), run.outcome
    challenger = run.challenger
    assert Alias.objects.get(name=CHALLENGER).version == challenger
    assert challenger.state == "candidate"  # the card was carried over, so it went to the validators
    comparison = Comparison.objects.get()
    assert (comparison.rows, comparison.test_data.note.startswith("test of")) == (120, True)
    assert comparison.low <= comparison.difference <= comparison.high
    assert Message.objects.filter(to=drill.cast.vera.email, subject__contains="waits for validation").exists()

    models.mark_validated(version=challenger, by=drill.cast.vera)
    request = models.request_approval(version=challenger, by=drill.cast.dario)
    assert request.snapshot["comparison"]["against"] == "Late arrivals version 1"
    assert request.snapshot["comparison"]["rows"] == 120
    sign_all(drill.cast, request)
    models.set_alias(
        model=drill.model, name="champion", version=ModelVersion.objects.get(pk=challenger.pk), by=drill.cast.otto
    )
    run.refresh_from_db()
    assert (run.state, run.outcome) == (RunState.PROMOTED, "Late arrivals version 2 is the champion now.")
    assert faults() == []


def test_rejected_challenger_ends_its_occasion(drill):
    drill.champion(drill.data())
    drill.policy(on_new_data=True)
    drill.data(rows=400, seed=2)
    deliver(drill.cast.meridian)
    run = RetrainingRun.objects.get()
    models.reject_version(version=run.challenger, reason="Worse in winter.", by=drill.cast.vera)
    run.refresh_from_db()
    assert (run.state, run.outcome) == (RunState.REJECTED, "Late arrivals version 2 was rejected.")


def test_first_version_has_nothing_to_be_compared_with(drill):
    drill.policy(on_new_data=True)
    drill.data()
    deliver(drill.cast.meridian)
    assert drill.outcomes() == [("rejected", "There is no champion to compare it with.")]
    assert ModelVersion.objects.get().state == "draft"  # no earlier card: its owner is asked to write it


def test_challenger_that_cannot_be_registered_leaves_the_training(drill):
    drill.data()
    run = actions.start(policy=drill.policy(), reason="Now.", by=drill.cast.otto)
    projects.put_on_hold(project=drill.project, reason="Budget.", by=drill.cast.bianca)
    deliver(drill.cast.meridian)
    run.refresh_from_db()
    assert (run.state, run.training_run.state) == (RunState.FAILED, "succeeded")
    assert "on hold" in run.outcome


def test_training_that_fails_ends_its_occasion(drill):
    version = drill.upload(rows=300)
    datasets.split(version=version, plan=SPLIT, by=drill.cast.dario)
    deliver(drill.cast.meridian)
    signed_off(drill.cast, version)
    policy = drill.policy()
    run = actions.start(policy=policy, reason="Now.", by=drill.cast.otto)
    models.end_training(run=run.training_run, sentence="Out of memory.", cancelled=False, log="", by=drill.cast.dario)
    run.refresh_from_db()
    assert (run.state, run.outcome, run.is_open) == (RunState.FAILED, "Out of memory.", False)


def test_retired_model_is_retrained_no_more(drill):
    policy = drill.policy(every_days=30)
    models.retire_model(model=drill.model, by=drill.cast.bianca)
    policy.refresh_from_db()
    assert (policy.is_active, Schedule.objects.get(subject_id=policy.pk).is_active) == (False, False)
    with pytest.raises(IllegalMove, match="is retired"):
        drill.policy()
    assert RetrainingPolicy.objects.count() == 1
