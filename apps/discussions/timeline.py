"""What happened to a thing: decisions from the audit chain and comments, newest first, for its page."""

from typing import Any

from django.db.models import Model, Q

from apps.audit.models import Record
from apps.core.pages import Change, Entry
from apps.discussions.models import Comment

MEANINGS = {
    "approved": "good",
    "signed": "good",
    "declined": "wrong",
    "rejected": "wrong",
    "failed": "wrong",
    "invalidated": "attention",
}

# The second half of a verb of two words, as in "rolled back".
PARTICLES = {"back", "off", "on", "out", "up", "down", "in", "again", "over"}

# Actions are named by participles; a sentence that begins with a person needs the past.
PAST = {
    "archiving": "began archiving",
    "begun": "began",
    "draining": "began draining",
    "given": "gave",
    "off": "turned off",
    "taken": "took",
    "withdrawn": "withdrew",
    "woken": "woke",
    "written": "wrote",
}


def of(subject: Model, limit: int = 100, parts: str = "") -> list[Entry]:
    """The subject's newest decisions and comments, in two queries.

    With `parts`, an app's label, a project's timeline also tells what happened to its rows of that app.
    """
    wanted = Q(subject_type=subject._meta.label_lower, subject_id=str(subject.pk))
    if parts:
        wanted |= Q(project_id=subject.pk, subject_type__startswith=f"{parts}.")
    decisions = Record.objects.filter(wanted).select_related("actor")[:limit]
    comments = Comment.objects.filter(subject_id=subject.pk).select_related("author").order_by("-id")[:limit]
    entries = [_decision(entry, subject) for entry in decisions if entry.action != "comment.made"]
    entries += [
        Entry(said.created_at, said.author, "commented", icon="comment", body=said.text, url=f"#comment-{said.pk}")
        for said in comments
    ]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:limit]


def words(action: str) -> str:
    """ "project.opened" as people say it: "opened project"; "member.role_changed": "changed role of member"."""
    noun, _, rest = action.replace("_", " ").partition(".")
    *what, verb = rest.split()
    if not what or verb in PARTICLES:
        return f"{PAST.get(rest, rest)} {noun}"
    return f"{PAST.get(verb, verb)} {' '.join(what)} of {noun}"


def _decision(entry: Record, subject: Any) -> Entry:
    details = entry.details
    changes = []
    if isinstance(details.get("before"), dict) and isinstance(details.get("after"), dict):
        before, after = details["before"], details["after"]
        changes = [
            Change(name, before.get(name), after.get(name)) for name in after if before.get(name) != after.get(name)
        ]
    return Entry(
        at=entry.occurred_at,
        by=entry.actor,
        text=words(entry.action) + ("" if entry.subject_id == str(subject.pk) else f" {entry.subject_label}"),
        icon="decision",
        meaning=MEANINGS.get(entry.action.rpartition(".")[2], "neutral"),
        body=entry.reason,
        changes=changes,
    )
