"""Texts and embeddings end to end: sent beside the inputs, sampled, compared, told of, shown."""

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pytest
from django.urls import reverse

from apps.approvals import actions as approvals
from apps.core.errors import Invalid
from apps.monitoring import actions, results, rowwise
from apps.monitoring.engine import samples as engine
from apps.monitoring.engine.policy import Limits
from apps.monitoring.models import Check, ContentSample, Incident, Monitor, MonitorKind
from apps.monitoring.texts import read
from tests.deployments import samples
from tests.monitoring.engine.texts import of_numpy, of_python
from tests.monitoring.field import START
from tests.support import deliver

DAY = dt.timedelta(days=1)
BESIDE = [{"name": "remark", "type": "text"}, {"name": "vector", "type": "embedding", "size": 4}]
SIGNATURE = samples.SIGNATURE | {"beside": BESIDE}


@pytest.fixture
def reading(field):
    """The watched endpoint with a version whose predictions come with remarks and vectors."""
    field.version = field.shop.version(2, signature=SIGNATURE)
    field.shop.deploy(field.endpoint, field.version)
    field.endpoint.refresh_from_db()
    return field


def rows(field, texts, at, shift=0.0):
    predictions, _ = field.rows(len(texts), at)
    for one, text in zip(predictions, texts, strict=True):
        vector = field.rng.normal(size=4) + shift
        one |= {"remark": text, "vector": vector.tolist()}
    return predictions


def with_baseline(field, sent):
    """Predictions of the first day, and the baseline made of them."""
    field.send("predictions", sent)
    wanted = actions.start_baseline_of_period(
        endpoint=field.endpoint, version=field.version, since=START, until=START + DAY, reason="As it is.",
        by=field.cast.otto,
    )  # fmt: skip
    if wanted.request:
        approvals.sign(request=wanted.request, by=field.cast.rhea)
    deliver(field.cast.meridian)
    return field.version.baselines.first()


def test_texts_of_another_source_are_found_and_told(reading, sign_in):
    field, rng = reading, np.random.default_rng(5)
    usual, strange = rng.permutation(of_python()).tolist(), rng.permutation(of_numpy()).tolist()
    baseline = with_baseline(field, rows(field, usual[:400], START))
    assert ContentSample.objects.get(baseline=baseline).rows == 400
    field.send("predictions", rows(field, usual[400:700], START + DAY))
    field.send("predictions", rows(field, strange[:300], START + 2 * DAY, shift=1.0))
    field.send("predictions", rows(field, strange[300:301], START + 3 * DAY))
    limits = {"open_after": 1, "among": 1}
    monitor = field.monitor(MonitorKind.CONTENTS, name="Words", limits=limits)
    assert field.run(monitor).state == "succeeded"
    checks = list(Check.objects.filter(monitor=monitor).order_by("start_at"))
    assert [one.level for one in checks] == ["quiet", "quiet", "drift"]
    said = {row["column"]: row for row in checks[2].result["columns"]}
    assert (said["remark"]["n_reference"], said["remark"]["n_current"]) == (400, 300)
    assert said["vector"]["distance"] > 0.8
    incident = Incident.objects.get()
    assert incident.cause == "drift"
    assert incident.title.endswith("can be told from the reference on 3 April 2013")
    page = sign_in(field.cast.otto).get(checks[2].get_absolute_url())
    assert f"{said['remark']['auc']:.3f}" in page.text
    assert "remark" in page.text
    drift = field.monitor(name="Features")
    field.run(drift)
    address = reverse("monitoring:feature", args=[field.cast.meridian.key, field.endpoint.key, "remark.words"])
    feature = sign_in(field.cast.otto).get(address)
    assert "Told from the reference" in feature.text
    assert f"{said['remark']['auc']:.3f}" in feature.text
    assert f"{said['vector']['auc']:.3f}" not in feature.text
    # What was found follows again from what is kept.
    window = checks[2].period
    again = read(monitor, baseline, window, None, Limits.read(checks[2].result["limits"] | {"features": {}}))()
    assert {name: again[name] for name in ("columns", "samples")} == {
        name: checks[2].result[name] for name in ("columns", "samples")
    }


def test_what_is_counted_of_texts_is_checked_as_any_feature(reading):
    field, rng = reading, np.random.default_rng(6)
    usual = rng.permutation(of_python()).tolist()
    with_baseline(field, rows(field, usual[:400], START))
    french = "Tous les êtres humains naissent libres et égaux en dignité et en droits"
    field.send("predictions", rows(field, [f"{french} {number}" for number in range(300)], START + DAY))
    field.send("predictions", rows(field, usual[:1], START + 2 * DAY))
    monitor = field.monitor(name="Features")
    field.run(monitor)
    check = Check.objects.filter(monitor=monitor).order_by("-start_at").first()
    found = {one.feature: one for one in results.of_check(check)}
    assert {"remark.length", "remark.language", "remark.letters", "vector.norm"} <= set(found)
    assert "remark" not in found
    assert found["remark.language"].level == "drift"
    assert found["remark.foreign"].level == "drift"
    assert found["vector.norm"].level == "quiet"
    # From the rows the same is made of the texts, and SciPy agrees with the bins.
    asked = actions.ask_exact(check=check, reason="Doubts.", by=field.cast.otto)
    deliver(field.cast.meridian)
    asked.refresh_from_db()
    exact = {one["feature"]: one for one in rowwise.newest(check)["features"]}
    for name in ("remark.length", "remark.letters", "vector.norm"):
        assert exact[name]["ks"] == pytest.approx(found[name].result["ks"], abs=0.01)
        assert exact[name]["n_current"] == 300


def test_the_same_rows_again_and_a_late_row_leave_one_sample_an_hour(reading):
    field = reading
    sent = rows(field, of_python()[:48], START)
    with_baseline(field, sent)
    hours = ContentSample.objects.filter(baseline=None)
    before = {one.start_at: bytes(one.data) for one in hours.all()}
    assert len(before) == 24
    field.send("predictions", sent, key="once more")
    assert {one.start_at: bytes(one.data) for one in hours.all()} == before
    late = rows(field, ["A late remark."], START)
    field.send("predictions", late)
    assert ContentSample.objects.get(start_at=START).rows == 3
    whole = engine.merge(engine.decode(bytes(one.data)) for one in hours.all())
    field.send("predictions", rows(field, of_python()[:1], START + 40 * DAY))
    actions.roll_up(endpoint=field.endpoint, by=field.cast.otto)
    day = ContentSample.objects.get(grain="day")
    assert (day.start_at, day.end_at) == (START, START + DAY)
    assert engine.decode(bytes(day.data)).packed == whole.packed
    # An hour that lies in a day by now is added there.
    field.send("predictions", rows(field, ["A very late remark."], START))
    day.refresh_from_db()
    assert day.rows == 50


@pytest.mark.parametrize("format", ["json", "ndjson", "csv", "parquet", "arrow"])
def test_texts_and_embeddings_come_in_every_format(reading, format):
    field = reading
    table = pa.Table.from_pylist(rows(field, of_python()[:5], START))
    fixed = table.column("vector").combine_chunks().cast(pa.list_(pa.float32(), 4))
    bodies = {
        "json": lambda: json.dumps(table.to_pylist()).encode(),
        "ndjson": lambda: "\n".join(map(json.dumps, table.to_pylist())).encode(),
        "csv": lambda: as_csv(table),
        "parquet": lambda: as_parquet(table),
        "arrow": lambda: as_arrow(table.set_column(table.column_names.index("vector"), "vector", fixed)),
    }
    batch, _ = actions.receive(
        endpoint=field.endpoint, kind="predictions", body=bodies[format](), format=format, by=field.cast.otto
    )
    deliver(field.cast.meridian)
    batch.refresh_from_db()
    assert (batch.state, batch.rows) == ("reduced", 5)
    kept = engine.merge(engine.decode(bytes(one.data)) for one in ContentSample.objects.all())
    vectors = np.sort(kept.vectors["vector"], axis=0)
    assert vectors == pytest.approx(np.sort(np.array(table.column("vector").to_pylist()), axis=0), rel=1e-6)


def test_an_embedding_of_another_size_is_refused(reading):
    field = reading
    wrong = rows(field, of_python()[:2], START)
    wrong[1]["vector"] = [1.0, 2.0]
    with pytest.raises(Invalid, match="1 of 2 rows"):
        field.send("predictions", wrong)


def test_the_form_of_a_period_says_that_embeddings_get_their_reference_only_so(reading, sign_in):
    page = reverse("monitoring:baseline-of-period", args=["meridian", reading.endpoint.key])
    said = "embeddings get their reference only so"
    assert said in sign_in(reading.cast.otto).get(page).content.decode()
    reading.shop.deploy(reading.endpoint, reading.shop.version(3))
    assert said not in sign_in(reading.cast.otto).get(page).content.decode()


def test_monitor_of_texts_is_set_up_where_there_are_any(reading):
    field = reading
    kinds = {one.kind for one in actions.set_up_usual(endpoint=field.endpoint, by=field.cast.otto)}
    assert MonitorKind.CONTENTS in kinds
    assert Monitor.objects.filter(endpoint=field.endpoint, kind=MonitorKind.CONTENTS).exists()


def as_csv(table):
    import csv
    import io

    text = io.StringIO()
    writer = csv.DictWriter(text, table.column_names)
    writer.writeheader()
    for row in table.to_pylist():
        writer.writerow(row | {"vector": json.dumps(row["vector"])})
    return text.getvalue().encode()


def as_parquet(table):
    import io

    import pyarrow.parquet

    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink)
    return sink.getvalue()


def as_arrow(table):
    import io

    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
