"""Two versions that answer in one window: each is followed by its own line."""

import datetime as dt

from apps.monitoring import drawing, features, results
from apps.monitoring.periods import Period
from tests.monitoring.field import START


def test_versions_that_took_turns_in_a_window_have_a_line_each(field):
    monitor, second = field.monitor(), field.make_version(2)
    field.make_baseline(second)
    for day in range(2):
        field.fly(250, START + dt.timedelta(days=day))
        field.send("predictions", field.rows(250, START + dt.timedelta(days=day))[0], version=second)
    field.fly(10, START + dt.timedelta(days=2))
    field.run(monitor)
    period = Period(START, START + dt.timedelta(days=3))
    checks = drawing.checks_of(monitor, period)
    assert sorted(one.version_number for one in checks) == [1, 1, 2, 2]
    indexes = results.indexes(one.pk for one in checks)
    chart = drawing.drift_over_time(monitor, checks, indexes, period, [])
    labels = [key.label for key in chart.legend]
    assert len(labels) == 6
    assert [label.rpartition(", ")[2] for label in labels] == ["version 1", "version 2"] * 3
    rows = results.through_time(monitor, "dep_delay")
    (psi, *_) = features.through_time(rows, monitor, "dep_delay", period, [])
    assert [key.label for key in psi.legend] == ["PSI, version 1", "PSI, version 2"]
    alone = [one for one in checks if one.version_number == 1]
    assert results.by_version(alone) == {"": {one.pk for one in alone}}
