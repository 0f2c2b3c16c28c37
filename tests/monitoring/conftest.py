"""The watched endpoint as a fixture."""

import pytest

from tests.monitoring.field import Field


@pytest.fixture
def field(inside) -> Field:
    """Late arrivals in production, watched; Meridian Air's tenant is open."""
    return Field(inside)
