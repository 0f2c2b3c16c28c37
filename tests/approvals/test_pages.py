"""Pages of approvals."""

from apps.approvals import views
from tests.approvals.test_actions import ask, project

__all__ = ["project"]


def test_what_was_typed_is_there_again_after_showing_who_one_is(inside, project, sign_in, monkeypatch):
    request = ask(inside, project, kind="model_approval", by=inside.dario)
    here = f"/o/meridian/approvals/{request.pk}/sign/"
    rhea = sign_in(inside.rhea)
    monkeypatch.setattr(views, "did_recently_reauthenticate", lambda _: False)
    sent_away = rhea.post(here, {"comment": "The gap of 3 points is known."})
    assert sent_away.headers["Location"].startswith("/accounts/reauthenticate/")
    monkeypatch.setattr(views, "did_recently_reauthenticate", lambda _: True)
    assert rhea.get(here).text.count("The gap of 3 points is known.") == 1
    assert "The gap of 3 points is known." not in rhea.get(here).text
