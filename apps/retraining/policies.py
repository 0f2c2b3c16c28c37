"""Who may write a retraining policy and start one, and what keeps one from running."""

import datetime as dt
from typing import Any

from django.utils import timezone

from apps.core.errors import Invalid, Refused
from apps.datasets.actions.shared import newest_signed_off
from apps.datasets.models import Dataset, DatasetVersion, Split, WorkState
from apps.models.actions.training import read_recipe
from apps.models.models import RegisteredModel
from apps.models.policies import check_recipe, models_in_office, parts_of, require_in_office
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.projects.policies import require_approved
from apps.retraining.models import RetrainingPolicy, RunState


def check_write_any(user: Any) -> None:
    """There is a model that the person may have trained anew."""
    access.check_somewhere(user, Permission.RETRAIN)
    if not models_in_office(user, Permission.RETRAIN).exists():
        raise Refused("There is no model in office that you may retrain.")


def check_write(user: Any, model: RegisteredModel) -> None:
    """Whoever may retrain, while the model is in office and its project approved."""
    access.check(user, Permission.RETRAIN, model)
    require_in_office(model)
    require_approved(model.project)


def check_owner(owner: Any, model: RegisteredModel) -> None:
    """The owner answers for what is trained, so they must be one who may train."""
    if not access.can(owner, Permission.TRAIN, model):
        sentence = (
            f"{owner} cannot own this policy: the owner answers for the training and needs the role data scientist."
        )
        raise Invalid(sentence, {"owner": sentence})


def check_policy(model: RegisteredModel, dataset: Dataset, recipe: Any, every_days: int | None) -> dict[str, Any]:
    """The recipe, checked against the newest version of the dataset; raises Invalid with a sentence per field."""
    if dataset.project_id != model.project_id:
        raise Invalid("Choose a dataset of the model's own project.", {"dataset": "It belongs to another project."})
    if every_days is not None and every_days < 1:
        raise Invalid("The interval is at least one day.", {"every_days": "At least one day."})
    read = read_recipe(recipe)
    newest = newest_signed_off(dataset)
    if newest is not None:
        check_recipe(model, read, newest)
    return read.as_json()


def check_start(user: Any, policy: RetrainingPolicy) -> None:
    """Whoever may retrain may start one by hand."""
    check_write(user, policy.model)


def newest_split(version: DatasetVersion) -> Split | None:
    """Its newest split that has rows to train on and rows to test on."""
    for split in version.splits.filter(state=WorkState.SUCCEEDED).order_by("-id")[:10]:
        if {"train", "test"} <= parts_of(split).keys():
            return split
    return None


def check_guards(policy: RetrainingPolicy, trigger: str) -> tuple[DatasetVersion, Split]:
    """The data to train on; Refused with the sentence that is kept where something keeps the policy from running."""
    if not policy.is_active:
        raise Refused("The policy is switched off.")
    if not policy.listens_to(trigger):
        raise Refused("This trigger is not switched on in the policy.")
    if policy.runs.filter(state__in=[RunState.TRAINING, RunState.TRAINED]).exists():
        raise Refused("Another retraining of this model is under way.")
    _check_cool_down(policy)
    require_in_office(policy.model)
    require_approved(policy.model.project)
    return _check_data(policy)


def _check_cool_down(policy: RetrainingPolicy) -> None:
    since = timezone.now() - dt.timedelta(days=policy.cool_down_days)
    last = policy.runs.exclude(state=RunState.SKIPPED).filter(created_at__gt=since).first()
    if last is not None and policy.cool_down_days:
        raise Refused(
            f"The last one was on {last.created_at:%-d %B}; the policy waits {policy.cool_down_days} days between two."
        )


def _check_data(policy: RetrainingPolicy) -> tuple[DatasetVersion, Split]:
    data = newest_signed_off(policy.dataset)
    if data is None:
        raise Refused(f"No version of “{policy.dataset}” is signed off as fit.")
    champion = policy.model.champion
    if champion is not None and champion.run is not None and champion.run.dataset_version_id == data.pk:
        raise Refused(f"There is nothing newer than “{data}”, on which the champion was trained.")
    if (data.rows or 0) < policy.min_rows:
        raise Refused(f"“{data}” has {data.rows or 0:,} rows; the policy asks for {policy.min_rows:,}.")
    split = newest_split(data)
    if split is None:
        raise Refused(f"“{data}” is not split into train and test.")
    return data, split
