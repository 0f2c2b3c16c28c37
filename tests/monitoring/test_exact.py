"""A drift check from the rows, asked for by a person: SciPy's distances, the same report, and no rows, no answer."""

import datetime as dt
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from apps.core import files
from apps.core.errors import Refused
from apps.datasets.models import DatasetVersion
from apps.monitoring import actions, results, rowwise
from apps.monitoring.models import Batch, Check, ExactCheck, MonitorKind
from apps.work.jobs import newest
from tests.monitoring.field import INPUTS, START, draw
from tests.support import deliver

DAY = dt.timedelta(days=1)


def delays(rows):
    return np.array([row["dep_delay"] for row in rows])


@pytest.fixture
def checked(field):
    """Two days, the second moved; a drift check of the second against the first."""
    before, _ = field.rows(300, START)
    now, _ = field.rows(250, START + DAY, later=4.0)
    last, _ = field.rows(1, START + 2 * DAY)
    for rows in (before, now, last):
        field.send("predictions", rows)
    monitor = field.monitor(name="Against the day before", reference="trailing", trailing=1)
    field.run(monitor)
    return Check.objects.filter(monitor=monitor).order_by("start_at").last(), before, now


def computed(field, check):
    asked = actions.ask_exact(check=check, reason="The customer doubts it.", by=field.cast.otto)
    deliver(field.cast.meridian)
    asked.refresh_from_db()
    return asked


def test_distances_are_those_of_scipy_on_the_kept_rows(field, checked, sign_in):
    check, before, now = checked
    form = sign_in(field.cast.otto).get(f"{check.get_absolute_url()}exact/")
    assert "reads every kept row of 2 April 2013" in form.text
    asked = computed(field, check)
    assert asked.done_at is not None
    report = rowwise.newest(check)
    found = {one["feature"]: one for one in report["features"]}
    exact = stats.ks_2samp(delays(before), delays(now), method="asymp").statistic
    assert (found["dep_delay"]["ks"], found["dep_delay"]["ks_bound"]) == pytest.approx((exact, exact))
    assert found["dep_delay"]["w1"] == pytest.approx(stats.wasserstein_distance(delays(before), delays(now)))
    # In the form of every report: the same fields, and the same numbers where bins are exact.
    said = {one.feature: one.result for one in results.of_check(check)}
    assert {name: set(one) for name, one in found.items()} == {name: set(one) for name, one in said.items()}
    for name in ("psi", "js", "hellinger", "null", "outside", "n_current", "n_reference"):
        assert found["dep_delay"][name] == said["dep_delay"][name]
    assert (report["method"], report["level"], report["rows"]) == ("exact", check.level, check.result["rows"])
    page = sign_in(field.cast.otto).get(check.get_absolute_url())
    assert "Computed from the rows" in page.text
    assert f"{exact:.4f}" in page.text


def test_rows_that_are_kept_no_longer_are_said_to_be_gone(field, checked):
    check, *_ = checked
    for batch in Batch.objects.filter(kind="predictions"):
        batch.removed_at = dt.datetime.now(dt.UTC)
        batch.save()
    asked = computed(field, check)
    assert asked.done_at is None
    assert "then deleted" in newest(asked).error
    assert rowwise.newest(check) is None
    # It can be asked again: what failed does not stand in the way.
    assert computed(field, check).pk != asked.pk


def test_what_a_version_was_trained_on_is_read_from_its_dataset(field):
    columns = draw(np.random.default_rng(3), 3_000)
    sink = io.BytesIO()
    pq.write_table(pa.table({name: columns[name] for name in (*INPUTS, "late")}), sink)
    sink.seek(0)
    data = DatasetVersion(
        dataset=field.shop.data.dataset, number=2, origin="upload", created_by=field.cast.dario, state="signed_off",
        sha256="1" * 64, rows=3_000, signed_off_at=dt.datetime.now(dt.UTC),
        file=files.store(sink, folder="datasets", name="flights.parquet").path,
    )  # fmt: skip
    data.save(force_insert=True)
    version = field.shop.version(3, dataset_version=data)
    actions.start_baseline(version=version, by=field.cast.otto)
    deliver(field.cast.meridian)
    baseline = version.baselines.get()
    assert (baseline.source, baseline.rows, baseline.has_labels) == ("training", 3_000, True)
    now, _ = field.rows(250, START, later=4.0)
    last, _ = field.rows(1, START + DAY)
    for rows in (now, last):
        field.send("predictions", rows, version=version)
    monitor = field.monitor(name="Against training")
    field.run(monitor)
    asked = computed(field, Check.objects.get(monitor=monitor, baseline=baseline))
    assert newest(asked).error == ""
    found = {one["feature"]: one for one in rowwise.newest(asked.check_run)["features"]}
    exact = stats.ks_2samp(columns["dep_delay"], delays(now), method="asymp").statistic
    assert found["dep_delay"]["ks"] == pytest.approx(exact)
    said = results.of_check(asked.check_run)
    bins = next(one.result for one in said if one.feature == "_score")
    assert found["_score"]["ks"] == pytest.approx(bins["ks"], abs=0.01)
    assert found["_score"]["n_reference"] == 3_000


def test_only_drift_is_told_by_bins(field):
    field.fly(300)
    field.fly(1, START + DAY)
    monitor = field.monitor(MonitorKind.PERFORMANCE, name="Right or wrong")
    field.run(monitor)
    with pytest.raises(Refused, match="Only checks of drift"):
        actions.ask_exact(check=Check.objects.get(monitor=monitor), reason="-", by=field.cast.otto)
    assert not ExactCheck.objects.exists()


def test_api_takes_the_wish_and_gives_the_report(field, checked, sign_in):
    check, *_ = checked
    client = sign_in(field.cast.otto)
    address = f"/o/{field.cast.meridian.key}/api/v1/checks/{check.pk}/"
    assert client.get(address).json()["exact"] is None
    asked = client.post(f"{address}exact/", {"reason": "Doubts."}, content_type="application/json")
    assert asked.status_code == 202
    deliver(field.cast.meridian)
    assert client.get(address).json()["exact"]["method"] == "exact"
