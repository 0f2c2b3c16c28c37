"""What can be done with data: every verb is one transaction with its audit record."""

from apps.datasets.actions.preparing import fail_preparation, keep_preparation, prepare, recipe_from
from apps.datasets.actions.quality import add_rule, check_quality, keep_check, retire_rule
from apps.datasets.actions.sign_off import reject_version, request_sign_off, settle_sign_off, snapshot_of
from apps.datasets.actions.sources import change_dataset, change_source, create_dataset, register_source
from apps.datasets.actions.splitting import fail_split, keep_split, split
from apps.datasets.actions.versions import (
    fail_reading,
    keep_reading,
    note_download,
    read_again,
    reference_version,
    upload_version,
)

__all__ = [
    "add_rule",
    "change_dataset",
    "change_source",
    "check_quality",
    "create_dataset",
    "fail_preparation",
    "fail_reading",
    "fail_split",
    "keep_check",
    "keep_preparation",
    "keep_reading",
    "keep_split",
    "note_download",
    "prepare",
    "read_again",
    "recipe_from",
    "reference_version",
    "register_source",
    "reject_version",
    "request_sign_off",
    "retire_rule",
    "settle_sign_off",
    "snapshot_of",
    "split",
    "upload_version",
]
