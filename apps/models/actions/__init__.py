"""Registering, training, uploading, naming, handing over. Every verb is one transaction with one audit record."""

from apps.models.actions.aliases import drop_alias, set_alias
from apps.models.actions.artifacts import keep_inspection, refuse_artifact, upload_artifact
from apps.models.actions.registry import change_model, register_model, retire_model
from apps.models.actions.training import cancel_training, end_training, finish_training, say, start_training
from apps.models.actions.versions import (
    archive_version,
    conclude_approval,
    mark_validated,
    register_version,
    reject_version,
    request_approval,
    return_to_candidate,
    submit_version,
    write_card,
)

__all__ = [
    "archive_version",
    "cancel_training",
    "change_model",
    "conclude_approval",
    "drop_alias",
    "end_training",
    "finish_training",
    "keep_inspection",
    "mark_validated",
    "refuse_artifact",
    "register_model",
    "register_version",
    "reject_version",
    "request_approval",
    "retire_model",
    "return_to_candidate",
    "say",
    "set_alias",
    "start_training",
    "submit_version",
    "upload_artifact",
    "write_card",
]
