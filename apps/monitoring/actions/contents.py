"""Keeping the samples of texts and embeddings: of the hours as rows are counted, of a baseline when it is made."""

from typing import Any

from apps.monitoring.models import Baseline, Batch, ContentSample, Grain


def contents_of(version: Any) -> list[Any]:
    """The columns of text and embeddings of a version."""
    from apps.models.engine.signatures import Signature

    return Signature.from_json(version.signature).contents


def keep_samples(*, batch: Batch, table: Any) -> None:
    """Add these rows of a batch to the samples of their hours. The caller holds the endpoint; a row that comes again
    changes nothing.
    """
    contents = contents_of(batch.version)
    if not contents or table.num_rows == 0:
        return
    import numpy as np
    import pyarrow as pa

    from apps.monitoring.engine import samples
    from apps.monitoring.engine.wanted import AT, ID, hour_at, hours_of

    hours = hours_of(table.column(AT))
    for hour in np.unique(hours):
        rows = table.filter(pa.array(hours == hour))
        found = samples.take(rows, rows.column(ID).to_pylist(), contents)
        _add(batch, hour_at(int(hour)), found)


def _add(batch: Batch, start: Any, found: Any) -> None:
    """Add a sample to that of its hour, or of the day that the hour was rolled up into."""
    from apps.monitoring.engine import samples
    from apps.monitoring.engine.state import end_of

    whose = {"endpoint_id": batch.endpoint_id, "version_id": batch.version_id}
    row = ContentSample.objects.filter(**whose, start_at__lte=start, end_at__gt=start).first()
    if row is None:
        row = ContentSample(**whose, start_at=start, end_at=end_of(start, Grain.HOUR))
    else:
        found = samples.decode(bytes(row.data)) + found
    row.rows, row.data = len(found.keys), found.encode()
    row.save()


def keep_reference_sample(*, baseline: Baseline, sample: Any) -> None:
    """Keep the sample of a baseline's reference rows."""
    row = ContentSample(version=baseline.version, baseline=baseline, rows=len(sample.keys), data=sample.encode())
    row.save(force_insert=True)


def roll_up_samples(*, endpoint: Any, until: Any) -> int:
    """Put the hourly samples before `until` together by the day; returns how many that replaced."""
    from apps.monitoring.engine import samples
    from apps.monitoring.engine.state import end_of, start_of

    days: dict[Any, list[ContentSample]] = {}
    for row in ContentSample.objects.filter(endpoint=endpoint, grain=Grain.HOUR, end_at__lte=until):
        days.setdefault((row.version_id, start_of(row.start_at, Grain.DAY)), []).append(row)
    for (version_id, start), rows in days.items():
        whole = samples.merge(samples.decode(bytes(row.data)) for row in rows)
        ContentSample.objects.filter(pk__in=[row.pk for row in rows]).delete()
        ContentSample(
            endpoint=endpoint, version_id=version_id, grain=Grain.DAY, start_at=start,
            end_at=end_of(start, Grain.DAY), rows=len(whole.keys), data=whole.encode(),
        ).save(force_insert=True)  # fmt: skip
    return sum(map(len, days.values()))
