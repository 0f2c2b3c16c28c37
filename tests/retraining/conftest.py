"""A model to train again."""

import pytest

from apps.core.tenancy import tenant
from tests.cast import Cast
from tests.retraining.drill import Drill


@pytest.fixture(scope="module")
def drill_once(cast_once: Cast) -> Drill:
    """The drill of a module; a test works on a copy."""
    with tenant(cast_once.meridian.pk):
        return Drill(cast_once)
