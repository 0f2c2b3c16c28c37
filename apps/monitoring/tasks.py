"""Doors of the workers: count what was received, make baselines, run checks."""

import shutil
from typing import Any

from apps.core import files, sandbox, tracing
from apps.core.errors import Refused
from apps.deployments.models import Endpoint
from apps.models.models import ModelVersion
from apps.monitoring import actions, checking, results, rowwise
from apps.monitoring.actions.baselines import sources_of
from apps.monitoring.models import (
    Baseline,
    BaselineRequest,
    BaselineSource,
    Batch,
    BatchKind,
    BatchState,
    ExactCheck,
    Monitor,
    Outcome,
    Prediction,
)
from apps.organizations.people import system
from apps.work import jobs
from apps.work.tasks import task

MOST_REFERENCE_ROWS = 2_000_000
ASKED = ("check_run__baseline__version", "check_run__baseline__endpoint", "check_run__monitor__endpoint")


@task("monitoring.count_rows", queue="counting")
def count_rows(after: str, request_id: str) -> None:
    """Count a part of what was received and waits, of the endpoint whose turn it is after this one."""
    actions.count_next(after=after, request_id=request_id, by=system())


@task("monitoring.recount", queue="counting")
def recount(baseline_id: str) -> None:
    """Count earlier predictions with a new baseline, a part at a time."""
    actions.recount(baseline=Baseline.objects.select_related("version").get(pk=baseline_id), by=system())


@task("monitoring.count_segments", queue="counting")
def count_segments(endpoint_id: str) -> None:
    """Count earlier predictions of an endpoint by the columns chosen since, a part at a time."""
    actions.count_segments(endpoint=_endpoint(endpoint_id), by=system())


@task("monitoring.add_up", queue="monitoring")
def add_up(endpoint_id: str) -> None:
    """Add up an endpoint's earlier outcomes by the day."""
    actions.add_up(endpoint=_endpoint(endpoint_id))


@task("monitoring.pick_up", queue="monitoring")
def pick_up(organization_id: str) -> None:
    """Have counted what a killed worker left behind; see that what is done every day is planned."""
    actions.keep_schedules(organization_id=organization_id)
    actions.pick_up()
    actions.count_behind()


@task("monitoring.follow_up", queue="monitoring")
def follow_up(_organization_id: str) -> None:
    """Escalate incidents that nobody takes."""
    actions.follow_up(by=system())


@task("monitoring.digest", queue="monitoring")
def digest(_organization_id: str) -> None:
    """Write today's digests."""
    actions.send_digests(by=system())


@task("monitoring.forget_rows", queue="monitoring")
def forget_rows(_organization_id: str) -> None:
    """Delete rows that were kept for as long as their tier asks."""
    actions.forget_rows(by=system())


@task("monitoring.roll_up", queue="monitoring")
def roll_up(endpoint_id: str) -> None:
    """Put old hours of an endpoint together."""
    actions.roll_up(endpoint=_endpoint(endpoint_id), by=system())


@task("monitoring.run_monitor", queue="monitoring", together=50)
def run_monitor(*monitor_ids: str) -> None:
    """Check what is due of some monitors: plain windows at once, all others in a job of their own."""
    monitors = Monitor.objects.filter(pk__in=monitor_ids, is_active=True).select_related("endpoint__model__project")
    # Those that another worker checks right now are left to it.
    actions.sweep(monitors=list(monitors.select_for_update(of=("self",), skip_locked=True)), by=system())


@jobs.worker("monitoring.check", queue="monitoring")
def check(job: jobs.Running) -> None:
    """Check every window that is due: each is read in a short transaction and computed outside it."""
    from apps.monitoring.engine.policy import Limits

    with job.tenant():
        monitor = _monitor(job.subject_id)
        limits = Limits.read(monitor.limits)
        windows = checking.due(monitor)
    found = []
    for number, one in enumerate(windows):
        job.progress(number, len(windows), f"Checking {one.window}")
        with tracing.span("monitoring.check", monitor=str(monitor.pk), watches=monitor.kind, window=str(one.window)):
            with job.tenant():
                compute = checking.check(monitor, one, limits)
            found.append(compute())
            tracing.note(rows=found[-1].rows, level=str(found[-1].level))
    job.progress(len(windows), len(windows), "Keeping the results")
    with job.finish():
        actions.keep_checks(monitor=_monitor(job.subject_id), found=found, by=job.by)


@jobs.worker("monitoring.exact", queue="monitoring")
def exact(job: jobs.Running) -> None:
    """Compute a drift check from the rows of its window and of what it was compared with."""
    from apps.models.engine.signatures import Signature
    from apps.monitoring.engine import exactly, reference
    from apps.monitoring.engine.baseline import decode_baseline
    from apps.monitoring.engine.policy import Limits

    with job.tenant():
        asked = _asked(job.subject_id)
        check, row = asked.check_run, Baseline.objects.get(pk=asked.check_run.baseline_id)
        known, version = decode_baseline(bytes(row.data)), _version(row.version_id)
        found = {one.feature: one.result["importance"] for one in results.of_check(check)}
        spans, window = rowwise.compared_with(check), rowwise.span_of(check, actions.looked_at(check))
        signature = Signature.from_json(version.signature)
    job.progress(0, 3, "Reading the window")
    current = _rows_within(job, [window])
    job.progress(1, 3, "Reading what it was compared with")
    if spans is None:
        inputs, said, _ = _trained_on(job, version)
        before, inputs = None, reference.inputs_of(inputs, signature)
    else:
        before = inputs = said = _rows_within(job, spans)
    job.progress(2, 3, "Computing")
    limits, muted = Limits.read(check.result["limits"]), [tuple(pair) for pair in check.result["muted"]]
    report = exactly.check(known, before, inputs, said, current, limits, found, muted)
    with job.finish():
        actions.keep_exact(asked=_asked(job.subject_id), report=report, table=rowwise.packed(report), by=job.by)


def _asked(asked_id: Any) -> ExactCheck:
    return ExactCheck.objects.select_related(*ASKED).get(pk=asked_id)


def _rows_within(job: jobs.Running, spans: list[rowwise.Span]) -> Any:
    """The rows that count of all these spans; Refused where they are kept no longer."""
    parts = []
    with job.tenant():
        for one in spans:
            rowwise.check_kept(one)
            parts += [_kept_rows(batch, one) for batch in _batches_of(one)]
    return _together(parts)


@jobs.worker("monitoring.baseline", queue="monitoring")
def baseline(job: jobs.Running) -> None:
    """Score the rows kept back from training, and make the version's baseline from them and from all inputs."""
    from apps.models.engine.signatures import Signature
    from apps.monitoring.engine import reference

    with job.tenant():
        version = _version(job.subject_id)
        signature = Signature.from_json(version.signature)
    table, scored, is_known = _trained_on(job, version)
    job.progress(2, 3, "Counting")
    found, sample = reference.build(table, scored, signature), reference.sample_of(table, signature)
    with job.finish():
        actions.keep_baseline(
            version=_version(job.subject_id),
            found=found,
            sample=sample,
            source=BaselineSource.TRAINING,
            dataset_version=version.dataset_version,
            reason="" if is_known else "Which rows were kept back from training is not known.",
            by=job.by,
        )


def _trained_on(job: jobs.Running, version: Any) -> tuple[Any, Any, bool]:
    """The rows that the version was trained on, those it was tried on with what it says of them, and whether it is
    known that these were kept back from training.
    """
    import pyarrow.parquet

    from apps.models.engine.signatures import Signature
    from apps.monitoring.engine import reference

    with job.tenant():
        paths = sources_of(version)
        signature = Signature.from_json(version.signature)
        recipe = version.run.recipe if version.run else None
    job.progress(0, 3, "Reading the reference")
    with job.tenant():
        tables = {name: _read(path) for name, path in paths.items()}
    table = tables["all"]
    kept_back = tables.get("test")
    if kept_back is not None:
        table = pyarrow.concat_tables([table, kept_back], promote_options="permissive")
    elif recipe is not None:
        kept_back = reference.kept_back(table, recipe, signature)
    rows = table if kept_back is None else kept_back
    job.progress(1, 3, f"Scoring {rows.num_rows} rows")
    return table, _score(job, version, signature, rows), kept_back is not None


def _score(job: jobs.Running, version: Any, signature: Any, rows: Any) -> Any:
    """The rows with what the model says about them, computed in a child process."""
    import numpy as np
    import pyarrow.parquet

    from apps.monitoring.engine import reference

    with files.scratch() as folder:
        given, model, said = folder / "rows.parquet", folder / "model", folder / "said"
        said.mkdir()
        pyarrow.parquet.write_table(rows, given)
        with job.tenant(), files.local(version.artifact.path) as stored:
            shutil.copyfile(stored, model)
        try:
            sandbox.run(
                function="apps.models.engine.scoring:score",
                payload={"signature": signature.as_json(), "format": version.artifact.format},
                inputs={"model": str(model), "rows": str(given)},
                outputs=str(said),
                profile="learning" if version.artifact.format == "skops" else "runtime",
                cancelled=job.cancelled,
            )
        except sandbox.SandboxError as error:
            raise Refused(f"The reference could not be scored: {error.sentence}") from error
        arrays = {path.stem: np.load(path, allow_pickle=False) for path in said.glob("*.npy")}
    return reference.scored_rows(rows, signature, arrays["score"], arrays.get("label"), arrays.get("truth"))


def _read(path: str) -> Any:
    import pyarrow.parquet

    with files.local(path) as local:
        return pyarrow.parquet.read_table(local).slice(0, MOST_REFERENCE_ROWS)


@jobs.worker("monitoring.baseline_of_period", queue="monitoring")
def baseline_of_period(job: jobs.Running) -> None:
    """Make a baseline from the kept predictions of a period and what is known of their outcomes."""
    from apps.models.engine.signatures import Signature
    from apps.monitoring.engine import reference

    with job.tenant():
        wanted = _request(job.subject_id)
        signature = Signature.from_json(wanted.version.signature)
        batches = list(_batches_of(wanted))
    parts = []
    for number, batch in enumerate(batches):
        job.progress(number, len(batches), "Reading kept predictions")
        with job.tenant():
            parts.append(_kept_rows(batch, wanted))
    rows = _together(parts)
    with job.tenant():
        outcomes = _known_outcomes(wanted, rows)
    found = reference.build_from_predictions(rows, outcomes, signature)
    sample = reference.sample_of(rows, signature)
    with job.finish():
        wanted = _request(job.subject_id)
        actions.keep_baseline(
            version=wanted.version,
            found=found,
            sample=sample,
            source=BaselineSource.PERIOD,
            endpoint=wanted.endpoint,
            since=wanted.since,
            until=wanted.until,
            reason=wanted.reason,
            by=job.by,
        )


def _request(request_id: Any) -> BaselineRequest:
    return BaselineRequest.objects.select_related("version__model", "endpoint", "organization").get(pk=request_id)


def _batches_of(wanted: BaselineRequest | rowwise.Span) -> Any:
    """The batches whose events lie in the period."""
    rows = Batch.objects.filter(endpoint=wanted.endpoint, version=wanted.version, kind=BatchKind.PREDICTIONS)
    counted = rows.filter(state=BatchState.REDUCED, first_at__lt=wanted.until, last_at__gte=wanted.since)
    return counted.filter(removed_at=None).order_by("id")


def _kept_rows(batch: Batch, wanted: BaselineRequest | rowwise.Span) -> Any:
    """The rows of the batch that count and lie in the period."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from apps.monitoring.engine.wanted import AT, ID

    table = _read(batch.path)
    mine = set(Prediction.objects.filter(batch=batch).values_list("prediction_id", flat=True))
    counted = pa.array([name in mine for name in table.column(ID).to_pylist()], pa.bool_())
    moments = table.column(AT)
    inside = pc.and_(pc.greater_equal(moments, wanted.since), pc.less(moments, wanted.until))
    return table.filter(pc.and_(counted, inside))


def _together(parts: list[Any]) -> Any:
    import pyarrow as pa

    rows = pa.concat_tables(parts, promote_options="permissive") if parts else None
    if rows is None or rows.num_rows == 0:
        raise Refused("There are no predictions in this period. Choose another.")
    return rows


def _known_outcomes(wanted: BaselineRequest, rows: Any) -> dict[str, Any]:
    from apps.monitoring.engine.wanted import ID

    ids = rows.column(ID).to_pylist()
    found: dict[str, Any] = {}
    for start in range(0, len(ids), 10_000):
        known = Outcome.objects.filter(
            endpoint_id=wanted.endpoint_id, prediction_id__in=ids[start : start + 10_000], is_current=True
        )
        for name, label, number in known.values_list("prediction_id", "label", "number"):
            found[name] = number if label is None else label
    return found


def _endpoint(endpoint_id: Any) -> Endpoint:
    return Endpoint.objects.select_related("model", "organization").get(pk=endpoint_id)


def _version(version_id: Any) -> ModelVersion:
    return ModelVersion.objects.select_related("model", "artifact", "run", "run__split", "dataset_version").get(
        pk=version_id
    )


def _monitor(monitor_id: Any) -> Monitor:
    return Monitor.objects.select_related("endpoint__model", "endpoint__organization", "owner").get(pk=monitor_id)
