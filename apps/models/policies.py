"""Who may train, register, name and approve, and what has to be there first. Each `check_x` raises a sentence."""

from typing import Any

from django.db.models import QuerySet

from apps.core.errors import Conflict, IllegalMove, Invalid, Refused
from apps.datasets.models import DatasetVersion, Split
from apps.models.engine import cards
from apps.models.engine.recipes import Recipe
from apps.models.models import (
    CHAMPION,
    RUN_STATES,
    VERSION_STATES,
    Alias,
    Artifact,
    ArtifactState,
    ModelKind,
    ModelVersion,
    RegisteredModel,
    RunState,
    TrainingRun,
    VersionState,
)
from apps.organizations import access
from apps.organizations.models import UserKind
from apps.organizations.roles import Permission
from apps.projects.models import Project, ProjectState
from apps.projects.policies import require_approved

ENDED = {VersionState.REJECTED, VersionState.ARCHIVED}
CARD_STATES = {VersionState.DRAFT, VersionState.CANDIDATE, VersionState.VALIDATED}
TASKS = {"binary": ModelKind.CLASSIFICATION, "multiclass": ModelKind.CLASSIFICATION, "regression": ModelKind.REGRESSION}


def check_register_model(user: Any, project: Project) -> None:
    """Data scientists register models of an approved project."""
    access.check(user, Permission.TRAIN, project)
    require_approved(project)


def trainable_projects(user: Any) -> list[Project]:
    """Approved projects in which the person may register models; a handful of queries, however many there are."""
    open_ones = Project.objects.filter(state__in=[ProjectState.APPROVED, ProjectState.LIVE]).select_related("approval")
    with access.remembered():
        member = access.membership(user)
        everywhere = member is not None and access.ROLES[member.role].everywhere
        return [
            project
            for project in access.visible(open_ones, user)
            if any(Permission.TRAIN in access.ROLES[role].permissions for role in access.roles(user, project.pk))
            or (
                not everywhere
                and len(access.roles(user, project.pk)) == 1
                and access.can(user, Permission.TRAIN, project)
            )
        ]


def check_register_any(user: Any) -> None:
    """There is a project to register a model in."""
    if not trainable_projects(user):
        raise Refused(
            "Models are registered by data scientists of a project whose charter is approved. You are in none."
        )


def models_in_office(user: Any, permission: Permission) -> QuerySet[RegisteredModel]:
    """The models in office to which the person may do this, by name."""
    with access.remembered():
        rows = access.visible(RegisteredModel.objects.filter(retired_at=None).select_related("project"), user)
        may = [model.pk for model in rows if access.can(user, permission, model)]
    return RegisteredModel.objects.filter(pk__in=may).select_related("organization").order_by("name")


def require_in_office(model: RegisteredModel) -> None:
    """A retired model gets nothing new."""
    if model.is_retired:
        raise IllegalMove(f"“{model}” is retired. Register a new model to go on.")


def check_change_model(user: Any, model: RegisteredModel) -> None:
    """Name, description and owner are kept by who develops it."""
    access.check(user, Permission.TRAIN, model)
    require_in_office(model)


def check_develop(user: Any, model: RegisteredModel) -> None:
    """Developed by who may, while the model is in office and its project approved."""
    check_change_model(user, model)
    require_approved(model.project)


def check_train(user: Any, model: RegisteredModel, dataset_version: DatasetVersion, split: Split | None) -> None:
    """On data of the same project that were signed off as fit."""
    check_develop(user, model)
    if dataset_version.dataset.project_id != model.project_id:
        raise Refused(f"“{dataset_version}” belongs to another project than “{model}”. Choose data of its own project.")
    if not dataset_version.is_signed_off:
        raise Refused(
            f"“{dataset_version}” is not signed off as fit ({dataset_version.get_state_display().lower()}). "
            "Ask for its sign-off on its page first."
        )
    if split is not None and split.source_id != dataset_version.pk:
        raise Refused(f"The {split} is of other data than “{dataset_version}”. Choose one of its splits.")
    if split is not None and "train" not in parts_of(split):
        raise Refused(f"The {split} has no part called train that is ready. Wait for it, or choose another.")


def parts_of(split: Split) -> dict[str, DatasetVersion]:
    """The parts of a split by name."""
    return {part.name: part.version for part in split.parts.select_related("version")}


def check_recipe(model: RegisteredModel, recipe: Recipe, dataset_version: DatasetVersion) -> None:
    """A recipe learns what the model is for, from columns that the data have."""
    problems = {}
    if recipe.task != model.kind:
        problems["recipe"] = (
            f"“{model}” is a {model.get_kind_display().lower()}, but the recipe learns a {recipe.task}."
        )
    elif recipe.target != model.target:
        problems["recipe"] = f"“{model}” predicts {model.target}, but the recipe learns {recipe.target}."
    else:
        present = {*dataset_version.column_names()}
        if missing := [name for name in recipe.columns if name not in present]:
            problems["recipe"] = (
                f"The data have no column {', '.join(missing[:10])}. They have: {_some(sorted(present))}."
            )
    if problems:
        raise Invalid(problems["recipe"], problems)


def _some(names: list[str]) -> str:
    return ", ".join(names[:30]) + (" and more" if len(names) > 30 else "")


def check_cancel_training(user: Any, run: TrainingRun) -> None:
    """While it has not ended."""
    access.check(user, Permission.TRAIN, run)
    if not run.is_open:
        raise IllegalMove(f"{run} has {run.get_state_display().lower()} already.", RUN_STATES.next(run.state))


def check_upload(user: Any, model: RegisteredModel) -> None:
    """Artifacts come from who may train."""
    check_develop(user, model)


def check_register_version(user: Any, model: RegisteredModel, artifact: Artifact) -> None:
    """An artifact that the gate accepted becomes a version once."""
    check_develop(user, model)
    if artifact.model_id != model.pk:
        raise Refused(f"This artifact belongs to “{artifact.model}”, not to “{model}”.")
    if artifact.state == ArtifactState.RECEIVED:
        raise Conflict("The gate has not looked at this artifact yet. Wait a moment and try again.")
    if artifact.state == ArtifactState.REFUSED:
        raise Refused(f"The gate refused this artifact. {' '.join(artifact.stops)}")
    if (known := artifact.versions.first()) is not None:
        raise Conflict(f"This artifact is registered already, as version {known.number}.")
    check_signature(model, artifact.signature or {})


def check_signature(model: RegisteredModel, signature: dict) -> None:
    """A signature answers the question the model is for."""
    if TASKS.get(signature.get("task", "")) != model.kind:
        sentence = f"“{model}” is a {model.get_kind_display().lower()}; the signature says {signature.get('task')}."
        raise Invalid(sentence, {"signature": sentence})
    if signature.get("target") != model.target:
        sentence = f"“{model}” predicts {model.target}; the signature says {signature.get('target')}."
        raise Invalid(sentence, {"signature": sentence})


def check_register_run(user: Any, run: TrainingRun) -> None:
    """A run that succeeded becomes a version."""
    check_develop(user, run.model)
    if run.state != RunState.SUCCEEDED:
        raise IllegalMove(f"{run} is {run.get_state_display().lower()}; only a run that succeeded can be registered.")


def check_write_card(user: Any, version: ModelVersion) -> None:
    """The card is written until the version is decided on; a decision stands for the card it saw."""
    access.check(user, Permission.TRAIN, version)
    if version.state not in CARD_STATES:
        raise IllegalMove(
            f"{version} is {version.get_state_display().lower()}; its card stands as it was decided on. "
            "Write the card of a new version."
        )


def check_submit(user: Any, version: ModelVersion) -> None:
    """Handed over for validation with a complete card."""
    access.check(user, Permission.TRAIN, version)
    require_in_office(version.model)
    VERSION_STATES.check(version, VersionState.CANDIDATE)
    if missing := cards.missing(written_of(version)):
        raise Refused(f"The model card is not complete. Write: {', '.join(part.heading for part in missing)}.")


def written_of(version: ModelVersion) -> dict[str, str]:
    """The written parts of the card as they stand."""
    card = version.card
    return dict(card.written) if card else {}


def developers(version: ModelVersion) -> dict[Any, str]:
    """Who made the version, and how: they neither validate nor sign for it."""
    made = {version.artifact.added_by: "brought the artifact", version.registered_by: "registered it"}
    if version.run is not None:
        made[version.run.started_by] = "trained it"
    return made


def requesters(version: ModelVersion) -> dict[Any, str]:
    """Who asked for the version to be validated or approved: they do not validate it either."""
    asked = {}
    handed = version.history.filter(state=VersionState.CANDIDATE).order_by("history_date", "history_id").first()
    if handed is not None and handed.history_user is not None:
        asked[handed.history_user] = "asked for its validation"
    if version.approval is not None:
        asked[version.approval.requested_by] = "asked for its approval"
    return asked


def check_validated_by(user: Any, version: ModelVersion) -> None:
    """Validated by a validator who did not make it; Tenure itself may do both, since people approve afterwards."""
    access.check(user, Permission.VALIDATE, version)
    VERSION_STATES.check(version, VersionState.VALIDATED)
    why = {person.pk: how for person, how in developers(version).items()}.get(user.pk)
    if why and user.kind != UserKind.SYSTEM:
        raise Refused(f"You cannot validate {version}: you {why}. Somebody else has to.")


def check_reject(user: Any, version: ModelVersion) -> None:
    """Rejected by a validator or approver."""
    if not access.can(user, Permission.APPROVE, version):
        access.check(user, Permission.VALIDATE, version)
    VERSION_STATES.check(version, VersionState.REJECTED)


def check_return(user: Any, version: ModelVersion) -> None:
    """A validation is repeated before anything is decided."""
    access.check(user, Permission.VALIDATE, version)
    if version.is_waiting:
        raise Conflict(f"Approval of {version} waits for signatures. Withdraw the request first.")
    VERSION_STATES.check(version, VersionState.CANDIDATE)


def check_request_approval(user: Any, version: ModelVersion) -> None:
    """Asked for a validated version with a complete card, one request at a time."""
    access.check(user, Permission.REQUEST_APPROVAL, version)
    require_in_office(version.model)
    require_approved(version.model.project)
    if version.state == VersionState.APPROVED:
        raise Conflict(f"{version} is approved already.")
    if version.is_waiting:
        raise Conflict(f"{version} waits for signatures already.")
    VERSION_STATES.check(version, VersionState.APPROVED)
    if missing := cards.missing(written_of(version)):
        raise Refused(f"The model card is not complete. Write: {', '.join(part.heading for part in missing)}.")


def require_usable(version: ModelVersion) -> None:
    """Neither rejected nor archived, and the model in office."""
    require_in_office(version.model)
    if version.state in ENDED:
        raise IllegalMove(f"{version} is {version.get_state_display().lower()}.", VERSION_STATES.next(version.state))


def check_name(user: Any, model: RegisteredModel) -> None:
    """Some name of the model may be pointed somewhere; which, the version and the name decide."""
    if not access.can(user, Permission.OPERATE, model):
        access.check(user, Permission.TRAIN, model)
    require_in_office(model)


def check_set_alias(user: Any, version: ModelVersion, name: str) -> None:
    """The champion is an approved version, named by who operates; other names are free."""
    if name == CHAMPION:
        access.check(user, Permission.OPERATE, version)
    elif not access.can(user, Permission.OPERATE, version):
        access.check(user, Permission.TRAIN, version)
    require_usable(version)
    if name == CHAMPION and version.state != VersionState.APPROVED:
        raise Refused(f"{version} is {version.get_state_display().lower()}; only an approved version can be champion.")


def check_drop_alias(user: Any, alias: Alias) -> None:
    """Names are taken away by who may give them."""
    if alias.name == CHAMPION or not access.can(user, Permission.TRAIN, alias):
        access.check(user, Permission.OPERATE, alias)


def check_archive(user: Any, version: ModelVersion) -> None:
    """Put away by who develops or retires it, when no name points at it and nothing waits."""
    if not access.can(user, Permission.RETIRE, version):
        access.check(user, Permission.TRAIN, version)
    VERSION_STATES.check(version, VersionState.ARCHIVED)
    if version.is_waiting:
        raise Conflict(f"Approval of {version} waits for signatures. Withdraw the request first.")
    if names := list(version.aliases.values_list("name", flat=True)):
        raise Conflict(f"{version} is {', '.join(names)}. Point the name at another version first.")


def check_retire_model(user: Any, model: RegisteredModel) -> None:
    """Ended by who may retire, once."""
    access.check(user, Permission.RETIRE, model)
    require_in_office(model)
