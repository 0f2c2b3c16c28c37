"""Comments reach whom they name, if those may see the thing; notices are one's own."""

import pytest

from apps.approvals import actions as approvals
from apps.core.errors import Invalid, NotVisible, Refused
from apps.core.ids import uuid7
from apps.discussions import actions, timeline
from apps.discussions.models import Comment, Notice
from apps.organizations.actions import open_scope
from apps.work.models import Message


@pytest.fixture
def subject(inside):
    scope = open_scope(pk=uuid7(), label="Late arrivals")
    inside.staff(scope)
    given = {"kind": "charter", "title": "Charter", "link": "/x", "snapshot": {}, "by": inside.bianca}
    return approvals.request(scope=scope, **given)


def test_a_mention_is_told_once_by_line_and_by_mail(inside, subject):
    actions.comment(subject=subject, text="@vera and @vera@meridian.example, look. Mail me at x@y.z", by=inside.dario)
    assert [notice.user for notice in Notice.objects.filter(text__contains="mentioned")] == [inside.vera]
    assert Message.objects.filter(to=inside.vera.email, subject__contains="mentioned").count() == 1


def test_who_may_not_see_the_thing_is_not_told(inside, subject):
    actions.comment(subject=subject, text="@mina look", by=inside.dario)
    assert not Notice.objects.filter(user=inside.mina).exists()


def test_who_may_only_read_cannot_comment_and_an_outsider_sees_nothing(inside, subject):
    with pytest.raises(Refused):
        actions.comment(subject=subject, text="Hello", by=inside.wim)
    with pytest.raises(NotVisible):
        actions.comment(subject=subject, text="Hello", by=inside.mina)


def test_an_empty_comment_is_refused(inside, subject):
    with pytest.raises(Invalid):
        actions.comment(subject=subject, text="  ", by=inside.dario)


def test_the_timeline_mixes_decisions_and_comments(inside, subject):
    actions.comment(subject=subject, text="Why this target?", by=inside.dario)
    assert [(entry.text, entry.by) for entry in timeline.of(subject)] == [
        ("commented", inside.dario),
        ("opened request", inside.bianca),
    ]


def test_commenting_from_a_page_goes_back_to_it(inside, subject, sign_in):
    reference = f"{subject._meta.label_lower}:{subject.pk}"
    answer = sign_in(inside.dario).post("/o/meridian/comments/", {"subject": reference, "text": "Fine."})
    assert (answer.status_code, Comment.objects.get().text) == (303, "Fine.")
    assert sign_in(inside.mina).post("/o/meridian/comments/", {"subject": reference, "text": "x"}).status_code == 404
    assert (
        sign_in(inside.dario).post("/o/meridian/comments/", {"subject": "auth.user:1", "text": "x"}).status_code == 404
    )


def test_an_inbox_is_ones_own(inside, subject, sign_in):
    actions.comment(subject=subject, text="@vera look", by=inside.dario)
    notice = Notice.objects.get(user=inside.vera, text__contains="mentioned")
    assert sign_in(inside.dario).post(f"/o/meridian/api/v1/notices/{notice.pk}/read/").status_code == 404
    assert sign_in(inside.vera).post(f"/o/meridian/api/v1/notices/{notice.pk}/read/").json()["read_at"]
