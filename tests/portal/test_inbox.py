"""The inbox: one's own notices, and nobody else's."""

from apps.core.tenancy import tenant
from apps.discussions.models import Notice
from apps.discussions.notices import tell


def told(cast, person, text="Sign the charter", url="/o/meridian/approvals/"):
    with tenant(cast.meridian.pk):
        return tell([person], text=text, url=url)[0]


def test_the_inbox_shows_ones_own_notices_only(sign_in, cast):
    told(cast, cast.rhea)
    told(cast, cast.carlo, "Something for Carlo")
    page = sign_in(cast.rhea).get("/o/meridian/inbox/")
    assert [notice.text for notice in page.context["page"]] == ["Sign the charter"]


def test_the_bell_counts_what_is_new(sign_in, cast):
    told(cast, cast.rhea)
    assert "Inbox, 1 unread" in sign_in(cast.rhea).get("/o/meridian/").text


def test_marking_one_as_read_leaves_the_others(sign_in, cast):
    first, second = told(cast, cast.rhea, "one"), told(cast, cast.rhea, "two")
    client = sign_in(cast.rhea)
    assert client.post("/o/meridian/inbox/read/", {"notice": str(first.pk)}).url == "/o/meridian/inbox/"
    page = client.get("/o/meridian/inbox/?unread=1")
    assert [notice.pk for notice in page.context["page"]] == [second.pk]


def test_marking_all_as_read(sign_in, cast):
    told(cast, cast.rhea, "one"), told(cast, cast.rhea, "two")
    client = sign_in(cast.rhea)
    client.post("/o/meridian/inbox/read/")
    assert list(client.get("/o/meridian/inbox/?unread=1").context["page"]) == []


def test_nobody_marks_anothers_notice(sign_in, cast):
    notice = told(cast, cast.rhea)
    sign_in(cast.carlo).post("/o/meridian/inbox/read/", {"notice": [str(notice.pk), "nonsense"]})
    with tenant(cast.meridian.pk):
        assert Notice.objects.get(pk=notice.pk).read_at is None


def test_the_api_shows_and_marks_ones_own(sign_in, cast):
    notice = told(cast, cast.rhea)
    client = sign_in(cast.rhea)
    rows = client.get("/o/meridian/api/v1/inbox/").json()["results"]
    assert [row["text"] for row in rows] == ["Sign the charter"]
    assert client.post(f"/o/meridian/api/v1/inbox/{notice.pk}/read/").json()["read_at"] is not None
    assert client.post("/o/meridian/api/v1/inbox/read/").json() == {"read": 0}
    assert sign_in(cast.carlo).post(f"/o/meridian/api/v1/inbox/{notice.pk}/read/").status_code == 404
