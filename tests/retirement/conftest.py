"""A model with a version to retire."""

import pytest

from apps.core.tenancy import tenant
from tests.cast import Cast
from tests.retirement.office import Office


@pytest.fixture(scope="module")
def office_once(cast_once: Cast) -> Office:
    """The office of a module; a test works on a copy."""
    with tenant(cast_once.meridian.pk):
        return Office(cast_once)
