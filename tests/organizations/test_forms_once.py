"""A form that comes twice is done once."""

import re

from apps.organizations.models import Team
from apps.work.models import IdempotencyKey

HERE = "/o/meridian/teams/new/"


def mark(page):
    """The mark that the form was shown with."""
    return re.search(r'name="once" value="([^"]+)"', page.text)[1]


def test_a_form_sent_twice_is_done_once_and_leads_to_the_same_place(cast, inside, sign_in):
    adam = sign_in(cast.adam)
    given = {"name": "Gate planning", "key": "gates", "once": mark(adam.get(HERE))}
    first, second = adam.post(HERE, given), adam.post(HERE, given)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert Team.objects.filter(key="gates").count() == 1
    assert adam.post(HERE, given | {"once": mark(adam.get(HERE))}).status_code == 409
    assert adam.post(HERE, given | {"key": "gates-2", "name": "From the page before"}).status_code == 303
    assert Team.objects.count() == 2


def test_a_refused_form_may_be_sent_again(cast, inside, sign_in):
    adam = sign_in(cast.adam)
    adam.post(HERE, {"name": "Gates", "key": "gates"})
    once = mark(adam.get(HERE))
    assert adam.post(HERE, {"name": "Other gates", "key": "gates", "once": once}).status_code == 409
    assert adam.post(HERE, {"name": "Other gates", "key": "others", "once": once}).status_code == 303
    assert IdempotencyKey.objects.count() == 1
