"""A tenant never sees another's row: not by page, API, admin, file, nor raw SQL. Walks whatever there is."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import reverse

from apps.core.isolation import is_tenant_model
from apps.core.tenancy import tenant
from apps.organizations import actions
from tests.routes import arguments, every_route
from tests.world import NOBODY, World

ROUTES = every_route()
READING = [route for route in ROUTES if "GET" in route.methods]


def ids(routes):
    return [route.pattern for route in routes]


def ask(client: Client, route, organization: str, world: World, method: str):
    with tenant(world.cast.meridian.pk):
        path = route.path(organization, arguments(route, world))
    send = client.get if method == "GET" else client.post
    return send(path)


@pytest.mark.parametrize("route", READING, ids=ids(READING))
def test_every_page_exists_for_its_own_people(world, route):
    if route.pattern.startswith("join/"):
        pytest.skip("opened by the invitation's link alone")
    with tenant(world.cast.meridian.pk):
        given = arguments(route, world)
    status = ask(world.client(world.reader(route)), route, "meridian", world, "GET").status_code
    assert status in {200, 302, 303, 403, 409, 422} or NOBODY in given.values() or route.pattern in world.unfilled


@pytest.mark.parametrize("route", ROUTES, ids=ids(ROUTES))
def test_an_outsider_gets_404_at_the_organizations_own_address(world, route):
    if route.pattern.startswith("join/"):
        pytest.skip("open to whoever holds the link; it opens one page")
    outsider = world.client(world.cast.mallory)
    assert {
        method: ask(outsider, route, "meridian", world, method).status_code for method in route.methods
    } == dict.fromkeys(route.methods, 404)


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.names], ids=ids([route for route in ROUTES if route.names])
)
def test_an_outsider_gets_404_for_another_tenants_row_at_home(world, route):
    if route.pattern.startswith("join/"):
        pytest.skip("open to whoever holds the link; it opens one page")
    outsider = world.client(world.cast.mallory)
    answers = {method: ask(outsider, route, "harbor", world, method) for method in route.methods}
    shown = {method: answer for method, answer in answers.items() if answer.status_code != 404 and not _empty(answer)}
    # Input that does not fit is refused before anything is looked up; it tells nothing.
    shown = {method: answer.status_code for method, answer in shown.items() if answer.status_code != 422}
    assert shown == {} or route.pattern.startswith(world.without_rows)


def _empty(answer) -> bool:
    return answer.headers["Content-Type"] == "application/json" and answer.json().get("results") == []


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.is_api], ids=ids([route for route in ROUTES if route.is_api])
)
def test_a_token_of_another_organization_opens_nothing(world, route):
    with tenant(world.cast.harbor.pk):
        _, value = actions.create_token(user=world.cast.mallory, name="x", by=world.cast.mallory)
    client = Client(headers={"Authorization": f"Bearer {value}"})
    assert {ask(client, route, "meridian", world, method).status_code for method in route.methods} == {401}


def test_raw_sql_under_another_tenant_or_none_sees_no_row(world):
    from django.apps import apps

    tables = sorted(
        {model._meta.db_table for model in apps.get_models(include_auto_created=True) if is_tenant_model(model)}
    )
    seen_at_home = {}
    with tenant(world.cast.meridian.pk):
        seen_at_home = {table: _count(table, world.cast.meridian.pk) for table in tables}
    with tenant(world.cast.harbor.pk):
        assert {table: _count(table, world.cast.meridian.pk) for table in tables} == dict.fromkeys(tables, 0)
    assert {table: _count(table) for table in tables} == dict.fromkeys(tables, 0)
    # To show that something is hidden it must be there.
    assert {table for table, count in seen_at_home.items() if not count} - world.empty_tables == set()


def _count(table: str, organization=None) -> int:
    with connection.cursor() as cursor:
        if organization is None:
            cursor.execute(f'select count(*) from "{table}"')
        else:
            cursor.execute(f'select count(*) from "{table}" where organization_id = %s', [organization])
        return cursor.fetchone()[0]


def test_the_admin_shows_only_the_auditors_own_organization(world):
    auditor, outsider = world.client(world.cast.audrey), world.client(world.cast.mallory)
    for model in admin.site._registry:
        if not model.__module__.startswith("apps."):
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert auditor.get(reverse(f"{name}_changelist")).status_code == 200, model
        with tenant(world.cast.meridian.pk):
            row = world.row(model)
        if row is None:
            continue
        assert auditor.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200, model
        assert auditor.get(reverse(f"{name}_history", args=[row.pk])).status_code == 200, model
        if is_tenant_model(model):
            assert outsider.get(reverse(f"{name}_change", args=[row.pk])).status_code in {302, 404}, model
        for refused in ("add", "delete"):
            arguments_ = [] if refused == "add" else [row.pk]
            assert auditor.post(reverse(f"{name}_{refused}", args=arguments_)).status_code == 403, model


def test_a_member_without_the_auditors_role_has_no_admin(world):
    assert world.client(world.cast.dario).get("/admin/").status_code == 404
