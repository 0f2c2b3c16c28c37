"""List pages and API lists take the same number of queries for one row and for thirty."""

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.test.utils import CaptureQueriesContext

from apps.core.ids import uuid7
from apps.core.tenancy import tenant
from apps.organizations.bases import ListPage
from tests.routes import arguments, every_route

LISTS = [
    route
    for route in every_route()
    if "GET" in route.methods
    and getattr(route.view_class, "model", None) is not None
    and (
        issubclass(route.view_class, ListPage)
        or (route.is_api and getattr(route.view, "actions", {}).get("get") == "list")
    )
]


def queries(client, path) -> int:
    client.get(path)  # Warm what is read once for each process.
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200, path
    return len(captured)


def multiply(row, times: int) -> int:
    """Copies of a row with keys of their own; returns how many could be made."""
    made = 0
    unique = {
        name
        for constraint in row._meta.constraints
        if isinstance(constraint, models.UniqueConstraint)
        for name in constraint.fields
    }
    for index in range(times):
        copy = type(row)._default_manager.get(pk=row.pk)
        copy.pk, copy._state.adding = uuid7(), True
        for field in row._meta.local_concrete_fields:
            if field.name in unique or field.unique:
                if isinstance(field, models.CharField) and not field.choices:
                    setattr(copy, field.attname, f"{getattr(row, field.attname)[:30]}-{index}")
                elif isinstance(field, models.IntegerField):
                    setattr(copy, field.attname, 1000 + index)
        try:
            with transaction.atomic():
                copy.save(force_insert=True)
            made += 1
        except IntegrityError:
            continue
    return made


@pytest.mark.parametrize("route", LISTS, ids=[route.pattern for route in LISTS])
def test_a_list_takes_as_many_queries_for_thirty_rows_as_for_one(world, route):
    user = world.reader(route)
    client = world.client(user)
    with tenant(world.cast.meridian.pk):
        path = route.path("meridian", arguments(route, world))
    if issubclass(route.view_class, ListPage) and route.pattern == "approvals/":
        path += "?all=1"
    before = queries(client, path)
    with tenant(world.cast.meridian.pk):
        row = world.row(route.view_class.model)
        made = multiply(row, 29) if row is not None else 0
    if made < 5:
        pytest.skip("rows of this model cannot be multiplied: each is one of its kind")
    assert queries(client, path) == before
