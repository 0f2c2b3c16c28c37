"""Every page and API verb against every role: exactly these may, all others are refused with a sentence."""

from pathlib import Path

import pytest

from apps.core.tenancy import tenant
from tests.routes import arguments, every_route

TABLE = Path(__file__).with_name("access.txt")
ROUTES = every_route()
ROLES = ["odile", "adam", "audrey", "mina", "bianca", "dario", "vera", "rhea", "carlo", "sigrid", "otto", "wim"]
REFUSED = {401, 403, 404}


def expected() -> dict[str, str]:
    """The table: "METHOD pattern | who may". TENURE_WRITE_ACCESS=1 writes it anew: read every line of the change."""
    lines = [line for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    return {call.strip(): who.strip() for call, _, who in (line.partition("|") for line in lines)}


def may(world, route, method: str) -> str:
    from django.db import transaction

    able = []
    for name in ROLES:
        client = world.client(getattr(world.cast, name))
        client.raise_request_exception = True
        with tenant(world.cast.meridian.pk):
            path = route.path("meridian", arguments(route, world))
        with transaction.atomic():
            answer = client.get(path) if method == "GET" else client.post(path)
            assert answer.status_code < 500, f"{method} {path}: {answer.status_code}"
            transaction.set_rollback(True)
        if answer.status_code not in REFUSED:
            able.append(name)
    return "everyone" if able == ROLES else " ".join(able) or "nobody"


def calls() -> list[tuple]:
    return [
        (route, method) for route in ROUTES if not route.pattern.startswith("join/") for method in sorted(route.methods)
    ]


@pytest.mark.parametrize(("route", "method"), calls(), ids=[f"{method} {route.pattern}" for route, method in calls()])
def test_exactly_these_may(world, route, method):
    import os

    found = may(world, route, method)
    if os.environ.get("TENURE_WRITE_ACCESS"):
        with TABLE.open("a") as out:
            out.write(f"{method} {route.pattern} | {found}\n")
        return
    assert expected().get(f"{method} {route.pattern}") == found


def test_the_table_names_no_route_that_is_gone():
    assert set(expected()) <= {f"{method} {route.pattern}" for route, method in calls()}
