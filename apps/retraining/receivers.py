"""What retraining hears: drift, falling performance, newer data, ended trainings, champions named or rejected."""

from typing import Any

from django.dispatch import receiver

from apps.core.errors import DomainError
from apps.datasets.models import DatasetVersion
from apps.datasets.signals import signed_off
from apps.models.models import CHAMPION, ModelVersion, RegisteredModel, TrainingRun
from apps.models.signals import alias_moved, gathering_evidence, retiring, state_changed, trained, training_failed
from apps.monitoring.models import Cause, Incident
from apps.monitoring.models.incidents import STILL_OPEN
from apps.monitoring.signals import incident_opened
from apps.organizations.people import system
from apps.retraining import actions
from apps.retraining.models import Comparison, RetrainingPolicy, RetrainingRun, RunState, Trigger

ENDS = {"rejected", "archived"}
TRIGGERS: dict[str, Trigger] = {Cause.DRIFT: Trigger.DRIFT, Cause.PERFORMANCE: Trigger.PERFORMANCE}


def answer(model: RegisteredModel, trigger: str, cause: str, cause_url: str = "") -> None:
    """Let the model's policy answer, where it has one that listens to this."""
    policy = RetrainingPolicy.objects.filter(model=model, is_active=True).first()
    if policy is not None and policy.listens_to(trigger):
        actions.trigger(policy=policy, trigger=trigger, cause=cause, cause_url=cause_url, by=system())


@receiver(incident_opened)
def something_is_wrong(sender: Any, incident: Incident, **_: Any) -> None:
    """A monitor's finding became an incident: drift or performance may call for a new training."""
    trigger = TRIGGERS.get(incident.cause)
    if trigger is not None:
        answer(incident.model, trigger, str(incident), incident.get_absolute_url())


@receiver(trained)
def challenger_is_trained(sender: Any, run: TrainingRun, by: Any, **_: Any) -> None:
    """A training that retraining started has ended well; its result stays even where no challenger can come of it."""
    for occasion in RetrainingRun.objects.filter(training_run=run, state=RunState.TRAINING):
        try:
            actions.register_challenger(training_run=run, by=by)
        except DomainError as error:
            actions.fail(run=occasion, sentence=error.sentence, by=by)


@receiver(training_failed)
def challenger_was_not_trained(sender: Any, run: TrainingRun, by: Any, **_: Any) -> None:
    """A training that retraining started has ended without a result: the next occasion may run."""
    for occasion in RetrainingRun.objects.filter(training_run=run, state=RunState.TRAINING):
        actions.fail(run=occasion, sentence=run.error or "The training was cancelled.", by=by)


@receiver(gathering_evidence)
def comparison_goes_along(sender: Any, version: ModelVersion, evidence: dict[str, Any], **_: Any) -> None:
    """The comparison goes with the approval request of the challenger."""
    comparison = Comparison.objects.filter(challenger=version).select_related("champion__model").first()
    if comparison is not None:
        evidence["comparison"] = {
            "against": str(comparison.champion),
            "judgement": comparison.get_judgement_display(),
            "difference": comparison.difference,
            "interval": [comparison.low, comparison.high],
            "rows": comparison.rows,
            "said": comparison.sentence,
        }


@receiver(alias_moved)
def challenger_is_promoted(sender: Any, name: str, after: ModelVersion | None, by: Any, **_: Any) -> None:
    """A challenger has become champion."""
    if name == CHAMPION and after is not None:
        for run in RetrainingRun.objects.filter(challenger=after, state__in=[RunState.TRAINED, RunState.COMPARED]):
            actions.promote(run=run, by=by)


@receiver(state_changed)
def challenger_is_rejected(sender: Any, version: ModelVersion, by: Any, **_: Any) -> None:
    """A challenger was rejected or archived before it became champion."""
    if version.state in ENDS:
        for run in RetrainingRun.objects.filter(challenger=version, state__in=[RunState.TRAINED, RunState.COMPARED]):
            actions.conclude(run=run, state=RunState.REJECTED, outcome=f"{version} was {version.state}.", by=by)


@receiver(retiring)
def no_more_training(sender: Any, model: RegisteredModel, by: Any, **_: Any) -> None:
    """A retired model is trained no more."""
    for policy in RetrainingPolicy.objects.filter(model=model, is_active=True):
        actions.switch_off(policy=policy, reason="The model is retired.", by=system())


@receiver(signed_off)
def data_is_ready(sender: Any, version: DatasetVersion, **_: Any) -> None:
    """A newer version of a policy's dataset was signed off: what it may have waited for since drift was found."""
    for policy in RetrainingPolicy.objects.filter(dataset=version.dataset_id, is_active=True):
        said, url = f"{version} was signed off as fit.", version.get_absolute_url()
        if policy.on_new_data:
            actions.trigger(policy=policy, trigger=Trigger.NEW_DATA, cause=said, cause_url=url, by=system())
        elif (incident := _unanswered(policy)) is not None:
            cause = f"{incident}. {said}"
            url = incident.get_absolute_url()
            actions.trigger(policy=policy, trigger=TRIGGERS[incident.cause], cause=cause, cause_url=url, by=system())


def _unanswered(policy: RetrainingPolicy) -> Incident | None:
    """The oldest open incident that the policy listens to."""
    causes = [cause for cause, trigger in TRIGGERS.items() if policy.listens_to(trigger)]
    found = Incident.objects.filter(model=policy.model_id, state__in=STILL_OPEN, cause__in=causes)
    return found.select_related("organization").order_by("number").first()
