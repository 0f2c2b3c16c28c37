"""Fixtures of the whole suite: a database made by the owner, used as the application; the cast; delivery of work."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest, django_db_blocker) -> Iterator[None]:
    """Make and migrate the test database as its owner, then point the application's connection at it."""
    from django.conf import settings
    from django.db import connections

    keep = request.config.getoption("reuse_db") and not request.config.getoption("create_db")
    suffix = os.environ.get("PYTEST_XDIST_WORKER", "")
    owner, default = connections["owner"], connections["default"]
    plain = settings.DATABASES["owner"]["NAME"]
    owner.settings_dict["TEST"]["NAME"] = f"test_{plain}{'_' + suffix if suffix else ''}"
    with django_db_blocker.unblock():
        owner.creation.create_test_db(verbosity=0, autoclobber=True, keepdb=keep, serialize=False)
        default.close()
        default.settings_dict["NAME"] = owner.settings_dict["NAME"]
        if "operations" in connections.databases:
            connections["operations"].settings_dict["NAME"] = owner.settings_dict["NAME"]
        _without_reading_for_others()
    yield
    with django_db_blocker.unblock():
        for connection in connections.all():
            if connection.alias != "owner":
                connection.close()
        owner.creation.destroy_test_db(plain, verbosity=0, keepdb=keep)


def _without_reading_for_others() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select rolsuper or rolbypassrls from pg_roles where rolname = current_user")
        assert cursor.fetchone()[0] is False, "The suite must run as the application role, or it proves nothing."


@pytest.fixture(autouse=True)
def _files_of_its_own(tmp_path, settings) -> None:
    settings.TENURE_DATA = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "files")},
        },
    }


pytest_plugins = ["tests.cast", "tests.support"]
