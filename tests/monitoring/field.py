"""An endpoint whose predictions are watched: its version, its baseline, and rows to send to it."""

import datetime as dt
import json
from typing import Any

import numpy as np
import pyarrow as pa
from django.utils import timezone

from apps.approvals import actions as approvals
from apps.core.errors import Invalid
from apps.deployments.models import Deployment, Endpoint
from apps.models.engine.signatures import Signature
from apps.models.models import ModelVersion
from apps.monitoring import actions
from apps.monitoring.actions.service import Call
from apps.monitoring.engine import reference
from apps.monitoring.models import Baseline, BaselineSource, Batch, Check, Incident, Monitor, MonitorKind
from tests.cast import Cast
from tests.deployments import samples
from tests.deployments.shop import Shop
from tests.support import deliver

START = dt.datetime(2013, 4, 1, tzinfo=dt.UTC)
SIGNATURE = samples.SIGNATURE
INPUTS = [column["name"] for column in SIGNATURE["inputs"]]


def draw(rng: np.random.Generator, size: int, later: float = 0.0, worse: float = 0.0) -> dict[str, Any]:
    """Columns of so many flights: inputs, a calibrated score, and the truth. `worse` makes the scores wrong."""
    score = 1 / (1 + np.exp(-rng.normal(-0.5, 1.5, size)))
    late = rng.uniform(size=size) < score * (1 - worse) + worse * rng.uniform(size=size)
    return {
        "dep_delay": rng.normal(10 + later, 5, size),
        "month": rng.integers(1, 4, size),
        "carrier": rng.choice(["AA", "B6", "UA"], size, p=[0.5, 0.3, 0.2]),
        "weekend": rng.uniform(size=size) < 2 / 7,
        "score": score,
        "late": late,
    }


class Field:
    """Late arrivals on its production endpoint, with version 1 live and a baseline of 5,000 flights."""

    def __init__(self, cast: Cast, with_baseline: bool = True, key: str = "late-arrivals") -> None:
        self.cast, self.rng = cast, np.random.default_rng(7)
        self.shop = Shop(cast, key=key)
        self.version = self.make_version(1)
        self.endpoint = self.shop.endpoint(key=key)
        self.shop.deploy(self.endpoint, self.version)
        self.endpoint = Endpoint.objects.select_related("model", "organization").get(pk=self.endpoint.pk)
        self.sent = 0
        if with_baseline:
            self.baseline = self.make_baseline(self.version)

    def make_version(self, number: int) -> ModelVersion:
        return self.shop.version(number)

    def make_baseline(self, version: ModelVersion) -> Baseline:
        signature = Signature.from_json(SIGNATURE)
        columns = draw(np.random.default_rng(1), 5_000)
        table = pa.table({name: columns[name] for name in INPUTS})
        said = (columns["score"] >= 0.5).astype(np.int32)
        scored = reference.scored_rows(table, signature, columns["score"], said, columns["late"].astype(np.int32))
        found = reference.build(table, scored, signature)
        return actions.keep_baseline(
            version=version,
            found=found,
            source=BaselineSource.TRAINING,
            dataset_version=self.shop.data,
            by=self.cast.dario,
        )

    def rows(self, size: int, at: dt.datetime = START, hours: int = 24, **more: Any) -> tuple[list[dict], list[dict]]:
        """So many predictions spread over the hours from `at`, and their outcomes a day later."""
        columns = draw(self.rng, size, **more)
        predictions, outcomes = [], []
        for place in range(size):
            name = f"flight-{self.sent + place}"
            moment = at + dt.timedelta(hours=hours) * place / size
            inputs = {column: columns[column][place].item() for column in INPUTS}
            score = float(columns["score"][place])
            predictions.append({"prediction_id": name, "event_time": moment.isoformat(), "score": score} | inputs)
            known_at = moment + dt.timedelta(hours=20)
            outcomes.append(
                {"prediction_id": name, "event_time": known_at.isoformat(), "value": bool(columns["late"][place])}
            )
        self.sent += size
        return predictions, outcomes

    def send(self, kind: str, rows: list[dict], by: Any = None, count: bool = True, **more: Any) -> Batch:
        """Rows sent as JSON, and counted unless told otherwise."""
        batch, _ = actions.receive(
            endpoint=self.endpoint,
            kind=kind,
            body=json.dumps(rows).encode(),
            format="json",
            by=by or self.cast.otto,
            **more,
        )
        if count:
            deliver(self.cast.meridian)
            batch.refresh_from_db()
        return batch

    def fly(self, size: int, at: dt.datetime = START, hours: int = 24, labelled: bool = True, **more: Any) -> None:
        """Predictions with their outcomes, all sent and counted."""
        predictions, outcomes = self.rows(size, at, hours, **more)
        self.send("predictions", predictions, count=not labelled)
        if labelled:
            self.send("outcomes", outcomes)

    def monitor(self, kind: str = MonitorKind.DRIFT, **more: Any) -> Monitor:
        """A monitor of days by the data's clock."""
        given = {"window": "day", "clock": "data", "by": self.cast.otto}
        return actions.create_monitor(endpoint=self.endpoint, kind=kind, **(given | more))

    def run(self, monitor: Monitor) -> Any:
        """Run the monitor through its worker; the job, or None when nothing was due."""
        job = actions.start_check(monitor=monitor, by=self.cast.otto)
        deliver(self.cast.meridian)
        monitor.refresh_from_db()
        if job is not None:
            job.refresh_from_db()
        return job

    def fill(self) -> None:
        """Something in every table of monitoring: checks with features, an alert, an incident, outcomes, feedback."""
        monitor = self.monitor(name="Filled", limits={"open_after": 1, "among": 1})
        actions.watch_column(endpoint=self.endpoint, column="carrier", by=self.cast.otto)
        self.fly(250, later=8)
        self.fly(250, START + dt.timedelta(days=1))
        self.run(monitor)
        self.run(self.monitor(MonitorKind.PERFORMANCE, name="Filled, performance"))
        self.run(Monitor.objects.get(endpoint=self.endpoint, kind=MonitorKind.SEGMENTS))
        actions.set_values(
            project=self.endpoint.model.project,
            endpoint=self.endpoint,
            currency="EUR",
            values={"true_positive": 90.0, "false_positive": -15.0},
            since=START.date(),
            reason="What a missed connection costs.",
            by=self.cast.bianca,
        )
        self.send("feedback", [{"rating": 2, "comment": "Too many warnings", "prediction_id": "flight-1"}])
        lost = {"endpoint": self.endpoint, "kind": "predictions", "key": "lost", "by": self.cast.otto}
        actions.note_refusal(**lost, error=Invalid("The body is not JSON: it ends too early."))
        call = Call(START + dt.timedelta(days=1), 0.01, "ok", 3)
        actions.count_calls(endpoint=self.endpoint, calls=[call])
        wanted = actions.start_baseline_of_period(
            endpoint=self.endpoint,
            version=self.version,
            since=START,
            until=START + dt.timedelta(days=2),
            reason="How spring looks.",
            by=self.cast.otto,
        )
        approvals.sign(request=wanted.request, by=self.cast.rhea)
        deliver(self.cast.meridian)
        reason = "A passenger disputes a prediction."
        actions.hold_rows(
            endpoint=self.endpoint, since=START, until=START + dt.timedelta(days=1), reason=reason, by=self.cast.otto
        )
        self._remark()
        drift = Check.objects.filter(monitor=monitor, is_current=True).first()
        actions.ask_exact(check=drift, reason="A carrier disputes it.", by=self.cast.otto)
        deliver(self.cast.meridian)
        incident = Incident.objects.get(endpoint=self.endpoint)
        actions.write_entry(incident=incident, text="Looked at it.", by=self.cast.otto)
        self._tell(monitor)

    def _remark(self) -> None:
        """A prediction of a version whose predictions come with remarks."""
        beside = [{"name": "remark", "type": "text"}]
        version = self.shop.version(9, signature=SIGNATURE | {"beside": beside})
        (row,), _ = self.rows(1)
        self.send("predictions", [row | {"remark": "We sat on the runway for an hour."}], version=version)

    def _tell(self, monitor: Monitor) -> None:
        """A channel that was tried, something muted, a plan of the organization's own, a choice about the digest."""
        cast, project = self.cast, self.endpoint.model.project
        mail = {"transport": "mail", "address": "oncall@meridian.example"}
        channel = actions.create_channel(name="On call", project=project, by=cast.otto, **mail)
        actions.try_channel(channel=channel, by=cast.otto)
        until = timezone.now() + dt.timedelta(days=30)
        actions.mute(monitor=monitor, signal="unseen", until=until, reason="A new carrier.", by=cast.otto)
        actions.write_watch_plan(
            tier="low", kinds=["drift", "silence"], baseline_needs_approval=True, reason="Our own.", by=cast.adam
        )
        actions.choose_digest(is_wanted=True, by=cast.odile)

    def live(self) -> Deployment | None:
        return self.endpoint.current
