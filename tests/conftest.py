"""Fixtures of the whole suite: a database made by the owner, used as the application; the cast; delivery of work."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def own_files(folder: Path) -> dict[str, Any]:
    """Settings under which all files lie in a folder."""
    from django.conf import settings

    options = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder / "files")}}
    return {"TENURE_DATA": folder, "STORAGES": {**settings.STORAGES, "default": options}}


@pytest.fixture(scope="module")
def made_once(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """What a module's fixtures of module scope make, rows and files, lasts as long as the module; the files' folder."""
    from django.db import transaction
    from django.test.utils import override_settings

    folder = tmp_path_factory.mktemp("once")
    with override_settings(**own_files(folder)), django_db_blocker.unblock(), transaction.atomic():
        yield folder
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _files_of_its_own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    from django.test.utils import override_settings

    if "world" in request.fixturenames:  # The world brings the files of its rows.
        yield
        return
    if "made_once" in request.fixturenames:
        shutil.copytree(request.getfixturevalue("made_once"), tmp_path, dirs_exist_ok=True)
    with override_settings(**own_files(tmp_path)):
        yield


pytest_plugins = ["tests.cast", "tests.support", "tests.world"]
