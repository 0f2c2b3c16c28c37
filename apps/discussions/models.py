"""Comments on anything that belongs to a project, and notices in a person's inbox."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.core.models import AppendOnlyModel, TenantForeignKey, TenantModel


class Comment(AppendOnlyModel):
    """What somebody said about a thing. Comments stand; a correction is another comment."""

    subject_type = models.CharField(max_length=80)
    subject_id = models.UUIDField()
    subject_label = models.CharField(max_length=250)
    subject_url = models.CharField(max_length=300)
    project_id = models.UUIDField(null=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()

    project_path = "project"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "subject_id", "id"], name="discussions_comment_subject")
        ]

    def __str__(self) -> str:
        return f"comment of {self.author} on {self.subject_label}"

    def get_absolute_url(self) -> str:
        return f"{self.subject_url}#comment-{self.pk}"


class Mention(AppendOnlyModel):
    """A person named in a comment."""

    comment = TenantForeignKey(Comment, on_delete=models.CASCADE, related_name="mentions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.user} in {self.comment}"


class Notice(TenantModel):
    """One line in a person's inbox, with where it leads."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=300)
    url = models.CharField(max_length=300)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "user", "-id"], name="discussions_notice_user"),
            models.Index(
                fields=["organization", "user"],
                name="discussions_notice_unread",
                condition=models.Q(read_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.text
