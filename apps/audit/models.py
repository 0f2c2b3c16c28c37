"""The audit chain: one row per decision, each carrying the hash of the one before."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.core.models import AppendOnlyModel


class Record(AppendOnlyModel):
    """One decision. `body` is the canonical JSON that is hashed; the database fills every other column from it.

    hash = sha256(previous + "\\n" + sequence + "\\n" + body), see verifier.py. A trigger computes it as the owner,
    so that the application can neither choose a sequence nor a hash.
    """

    sequence = models.BigIntegerField(editable=False, default=0)
    occurred_at = models.DateTimeField(editable=False)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    actor_label = models.TextField(editable=False)
    channel = models.CharField(max_length=16, editable=False)
    request_id = models.CharField(max_length=64, editable=False)
    action = models.CharField(max_length=80, editable=False)
    subject_type = models.CharField(max_length=80, editable=False)
    subject_id = models.CharField(max_length=64, editable=False)
    subject_label = models.TextField(editable=False)
    project_id = models.UUIDField(null=True, editable=False)
    reason = models.TextField(blank=True, editable=False)
    body = models.TextField(editable=False)
    previous = models.CharField(max_length=64, editable=False, default="")
    hash = models.CharField(max_length=64, editable=False, default="")

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-sequence"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "sequence"], name="audit_record_sequence")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "subject_type", "subject_id", "-sequence"], name="audit_record_subject"
            ),
            models.Index(fields=["organization", "project_id", "-sequence"], name="audit_record_project"),
            models.Index(fields=["organization", "action", "-sequence"], name="audit_record_action"),
            models.Index(fields=["organization", "actor", "-sequence"], name="audit_record_actor"),
        ]

    def __str__(self) -> str:
        return f"#{self.sequence} {self.action}"

    @property
    def details(self) -> dict:
        """What the decision carried: values before and after, evidence, numbers."""
        import json

        return dict(json.loads(self.body).get("details", {}))


class Head(AppendOnlyModel):
    """The end of an organization's chain. Only the trigger writes it."""

    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["organization"], name="audit_head_one")]

    def __str__(self) -> str:
        return f"#{self.sequence}"


class Checkpoint(AppendOnlyModel):
    """The head of one day, signed with the portal's Ed25519 key."""

    sequence = models.BigIntegerField()
    body = models.TextField()
    signature = models.TextField()
    key_id = models.CharField(max_length=16)

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-sequence", "-created_at"]

    def __str__(self) -> str:
        return f"checkpoint at #{self.sequence}"
