"""The watched endpoint as a fixture."""

import copy

import pytest

from apps.core.tenancy import tenant
from tests.monitoring.field import Field


@pytest.fixture(scope="module")
def field_once(cast_once) -> Field:
    """Late arrivals in production, watched, for a whole module."""
    with tenant(cast_once.meridian.pk):
        return Field(cast_once)


@pytest.fixture
def field(inside, field_once) -> Field:
    """Late arrivals in production, watched; Meridian Air's tenant is open."""
    return copy.deepcopy(field_once)
