"""What the walls cost: the same queries on the same rows, behind the policy and on a plain copy with a WHERE."""

import statistics
import time
from collections.abc import Callable

from django.db import connection, connections

from apps.core.tenancy import tenant
from apps.organizations.models import Organization

QUERIES = (
    ("list of 50", "select * from {table} {where} order by id desc limit 50"),
    ("count", "select count(*) from {table} {where}"),
    ("by key", "select * from {table} {where_and} key = 'model-77'"),
    ("newest version of 50",
     "select m.id, v.number from (select * from {table} {where} order by id desc limit 50) m "
     "join lateral (select number from {versions} {where_and} model_id = m.id order by number desc limit 1) v on true"),
)  # fmt: skip
COPY = """
create table plain_{name} (like {name} including all);
insert into plain_{name} select * from {name};
grant select on plain_{name} to "{role}";
analyze plain_{name};
"""


def run(big: Organization, rounds: int) -> None:
    """Print each query's time behind the wall, on the plain copy, and the ratio; then what opening a tenant costs."""
    _copy()
    print(f"{'query':28}{'walled ms':>11}{'plain ms':>10}{'ratio':>8}")
    for name, query in QUERIES:
        walled = query.format(
            table="models_registeredmodel", versions="models_modelversion", where="", where_and="where"
        )
        where = f"where organization_id = '{big.pk}'"
        plain = query.format(
            table="plain_models_registeredmodel",
            versions="plain_models_modelversion",
            where=where,
            where_and=f"{where} and",
        )
        with tenant(big.pk):
            behind, beside = _paired(lambda walled=walled: _ask(walled), lambda plain=plain: _ask(plain), rounds * 10)
        print(f"{name:28}{behind:11.3f}{beside:10.3f}{behind / beside:8.2f}")
    opened, bare = _paired(lambda: _opened(big), _bare, rounds * 10)
    print(f"{'a transaction with a tenant':28}{opened:11.3f}{bare:10.3f}{opened / bare:8.2f}  (plain: without one)\n")


def _copy() -> None:
    role = connections["default"].settings_dict["USER"]
    with connections["owner"].cursor() as cursor:
        for name in ("models_registeredmodel", "models_modelversion"):
            # The owner is bound by the walls as well; for the copy they are lifted and put back.
            cursor.execute(f"alter table {name} no force row level security")
            cursor.execute(COPY.format(name=name, role=role))
            cursor.execute(f"alter table {name} force row level security")


def _ask(query: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query)
        cursor.fetchall()


def _opened(big: Organization) -> None:
    with tenant(big.pk):
        _ask("select 1")


def _bare() -> None:
    from django.db import transaction

    with transaction.atomic():
        _ask("select 1")


def _paired(first: Callable[[], None], second: Callable[[], None], rounds: int) -> tuple[float, float]:
    """Medians in milliseconds of two calls made in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for place, call in enumerate((first, second)):
            began = time.perf_counter()
            call()
            times[place].append(time.perf_counter() - began)
    return statistics.median(times[0]) * 1000, statistics.median(times[1]) * 1000
