"""Rows in binary form: the same values as the usual way gives."""

import pytest

from apps.core import binary
from apps.work.models import Schedule
from tests.monitoring.field import START

pytestmark = pytest.mark.django_db


def test_values_are_those_of_values_list(field):
    field.fly(30, START, labelled=False)
    from apps.monitoring.models import State

    fields = ("pk", "rows", "start_at", "kind", "data")
    rows = State.objects.order_by("start_at")
    usual = [(*row[:-1], bytes(row[-1])) for row in rows.values_list(*fields)]
    assert usual
    assert binary.values(rows, *fields) == usual


def test_values_of_no_row_ask_nothing(field, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert binary.values(Schedule.objects.filter(pk__in=[]), "name") == []
    with django_assert_num_queries(1):
        assert binary.values(Schedule.objects.filter(name="nobody's"), "name") == []
