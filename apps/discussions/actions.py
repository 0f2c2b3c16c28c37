"""Commenting, and reading one's inbox."""

import re
from typing import Any

from django.db import models
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Invalid
from apps.discussions.models import Comment, Mention, Notice
from apps.discussions.notices import tell
from apps.organizations import access
from apps.organizations.roles import Permission

MENTION = re.compile(r"(?<![\w@])@([\w.+-]+(?:@[\w-]+(?:\.[\w-]+)+)?)")
LONGEST = 10_000


@action
def comment(*, subject: models.Model, text: str, by: Any) -> Comment:
    """Say something about a thing; who is named with @name or @address is told, if they may see the thing."""
    access.check(by, Permission.COMMENT, subject)
    text = text.strip()
    if not text or len(text) > LONGEST:
        sentence = "Write something." if not text else f"A comment has at most {LONGEST:,} characters."
        raise Invalid(sentence, {"text": sentence})
    url = subject.get_absolute_url()  # type: ignore[attr-defined]
    said = Comment(
        subject_type=subject._meta.label_lower,
        subject_id=subject.pk,
        subject_label=str(subject)[:250],
        subject_url=url,
        project_id=access.project_of(subject),
        author=by,
        text=text,
    )
    said.save(force_insert=True)
    named = [person for person in mentioned(text) if person != by and access.can(person, Permission.VIEW, subject)]
    for person in named:
        Mention(comment=said, user=person).save(force_insert=True)
    record(
        by=by,
        action="comment.made",
        subject=subject,
        details={"comment": str(said.pk), "mentions": [str(person) for person in named]},
    )
    tell(
        named,
        text=f"{by} mentioned you on {subject}",
        url=said.get_absolute_url(),
        template="discussions/mention",
        context={"comment": said},
    )
    return said


def mentioned(text: str) -> list[Any]:
    """The members named in a text, by address or by the part of it before the @ where that is unique."""
    names = {name.lower().rstrip(".") for name in MENTION.findall(text)}
    if not names:
        return []
    people = list(access.members())
    by_address = {person.email.lower(): person for person in people}
    short: dict[str, list] = {}
    for person in people:
        short.setdefault(person.email.lower().partition("@")[0], []).append(person)
    found = [
        by_address.get(name) or (short[name][0] if len(short.get(name, [])) == 1 else None) for name in sorted(names)
    ]
    return [person for person in found if person is not None]


def mark_read(*, user: Any, notices: list | None = None) -> int:
    """Mark a person's own notices as read; all of them unless some are given. Reading decides nothing, so no record."""
    unread = Notice.objects.filter(user=user, read_at=None)
    if notices is not None:
        unread = unread.filter(pk__in=notices)
    return unread.update(read_at=timezone.now())
