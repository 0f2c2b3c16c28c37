"""Baselines in a worker's hands: read once, each tenant's own, and let go of when there are many."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.tenancy import tenant
from apps.monitoring import held
from apps.monitoring.models import Baseline

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_held():
    held._held.clear()
    yield
    held._held.clear()


def test_a_baseline_is_read_once(field):
    row = Baseline.objects.get()
    with CaptureQueriesContext(connection) as captured:
        first, again = held.baseline(row.pk), held.baseline(row.pk)
    assert again is first and first.sha256 == row.sha256
    assert len(captured) == 1


def test_a_baseline_that_is_held_is_not_another_tenants(field):
    key = Baseline.objects.get().pk
    held.baseline(key)
    with tenant(field.cast.harbor.pk), pytest.raises(Baseline.DoesNotExist):
        held.baseline(key)
    with pytest.raises(Baseline.DoesNotExist):
        held.baseline(uuid.uuid4())


def test_baselines_are_let_go_of_when_they_hold_too_many_columns(field, monkeypatch):
    key = Baseline.objects.get().pk
    monkeypatch.setattr(held, "COLUMNS", 0)
    first = held.baseline(key)
    assert held.baseline(key) is not first and not held._held
