"""Every page and API verb against every role: exactly these may, all others are refused with a sentence."""

import os
from pathlib import Path

import pytest
from django.apps import apps
from django.db import transaction
from django.template.backends.django import Template

from apps.core.tenancy import tenant
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.portal import waiting
from tests.routes import arguments, every_route

TABLE = Path(__file__).with_name("access.txt")
CALLS = [
    (route, method)
    for route in every_route()
    if not route.pattern.startswith("join/")  # open to whoever holds the invitation's link
    for method in sorted(route.methods)
]
ROLES = ["odile", "adam", "audrey", "mina", "bianca", "dario", "vera", "rhea", "carlo", "sigrid", "otto", "wim"]
REFUSED = {401, 403, 404}
NO_BODY = {"data": "[]", "content_type": "application/json"}  # that no verb takes: who may is asked before it is read


@pytest.fixture
def _without_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may is decided before a page is drawn; drawing is the larger part of the time."""
    monkeypatch.setattr(Template, "render", lambda *given: "")
    monkeypatch.setattr(waiting, "counts", lambda user: {})


def expected() -> dict[str, str]:
    """The table: "METHOD pattern | who may". TENURE_WRITE_ACCESS=1 writes it anew: read every line of the change."""
    lines = [line for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    return {call: who for call, _, who in (line.partition(" | ") for line in lines)}


def may(world, route, method: str) -> str:
    """The roles that the call lets in, by the name of who holds it."""
    with tenant(world.cast.meridian.pk):
        path = route.path("meridian", arguments(route, world))
    body = NO_BODY if route.is_api and method == "POST" else {}
    able = []
    for name in ROLES:
        client = world.client(getattr(world.cast, name))
        with transaction.atomic():
            status = getattr(client, method.lower())(path, **body).status_code
            assert status < 500, f"{method} {path} as {name}: {status}"
            transaction.set_rollback(True)
        if status not in REFUSED:
            able.append(name)
    return "everyone" if able == ROLES else " ".join(able) or "nobody"


@pytest.mark.usefixtures("_without_drawing")
@pytest.mark.parametrize(("route", "method"), CALLS, ids=[f"{method} {route.pattern}" for route, method in CALLS])
def test_exactly_these_may(world, route, method):
    found = may(world, route, method)
    if os.environ.get("TENURE_WRITE_ACCESS"):
        with TABLE.open("a") as out:
            out.write(f"{method} {route.pattern} | {found}\n")
        return
    assert expected().get(f"{method} {route.pattern}") == found


@pytest.mark.parametrize("name", ROLES)
@pytest.mark.parametrize("few", [0, 200])
def test_lists_show_exactly_what_may_be_seen_one_by_one(world, name, few, monkeypatch):
    monkeypatch.setattr(access, "FEW", few)
    user = getattr(world.cast, name)
    with tenant(world.cast.meridian.pk):
        for model in [model for model in apps.get_models() if getattr(model, "project_path", None) is not None]:
            rows = model._default_manager.order_by("pk")[:5]
            allowed = {row.pk for row in rows if access.can(user, Permission.VIEW, row)}
            asked = model._default_manager.filter(pk__in=[row.pk for row in rows])
            with access.remembered():
                remembered = {row.pk for row in access.visible(asked, user)}
            assert ({row.pk for row in access.visible(asked, user)}, remembered) == (allowed, allowed), model


def test_the_table_names_no_route_that_is_gone():
    assert set(expected()) == {f"{method} {route.pattern}" for route, method in CALLS}


@pytest.mark.parametrize("new", ["datasets/new/", "datasets/sources/new/", "retirement/new/", "retraining/new/"])
def test_who_makes_nothing_anywhere_is_told_so_and_offered_no_way_there(world, new):
    wim = world.client(world.cast.wim)
    address = f"/o/meridian/{new}"

    home = wim.get(address.removesuffix("new/")).content.decode()
    answers = [wim.get(address), wim.post(address, {})]

    assert f'href="{address}"' not in home
    assert [answer.status_code for answer in answers] == [403, 403]
    for text in (home, *(answer.content.decode() for answer in answers)):
        assert "It takes one of these roles" in text
