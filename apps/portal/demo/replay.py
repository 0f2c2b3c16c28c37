"""The year played again: flights asked about at the prediction server, outcomes sent days later by their own dates."""

import datetime as dt
import time
from typing import Any

import requests

from apps.monitoring import actions as monitoring
from apps.monitoring.models import Batch, BatchState, Monitor, Prediction
from apps.organizations import actions as organizations
from apps.organizations.models import ApiToken
from apps.work import jobs

ONE_IN = 2  # flights asked about: all of them take twice as long and show the same
ROWS = 1000
LATE = dt.timedelta(days=3)


class Replay:
    """Predictions over HTTP as the operations centre would ask for them, and outcomes as the airline learns them."""

    def __init__(self, walk: Any, endpoint: Any) -> None:
        self.walk, self.endpoint = walk, endpoint
        self.expected = 0
        self.session = requests.Session()

    def play(self, version: Any, name: str) -> None:
        """Ask about every second flight of a prepared dataset version, week by week; outcomes follow three days behind."""
        if self._played(name):
            return
        weeks = self._weeks(version)
        total = sum(len(week) for week in weeks)
        with self.walk.step(
            f"{total:,} flights are asked about at the prediction server, week by week; outcomes follow late"
        ):
            self._token()
            self.expected = self._counted() + total
            done = 0
            for number, week in enumerate(weeks):
                for start in range(0, len(week), ROWS):
                    self._ask(week[start : start + ROWS])
                done += len(week)
                self._tell(week, f"{name}-{number:02}")
                self.walk.terminal.show(f"{done:,} of {total:,} flights, to {week[-1]['time_hour']:%-d %B}")

    def _played(self, name: str) -> bool:
        with self.walk.inside():
            return Batch.objects.filter(endpoint=self.endpoint, key__startswith=f"{name}-", kind="outcomes").exists()

    def _weeks(self, version: Any) -> list[list[dict[str, Any]]]:
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        from apps.core import files

        with self.walk.inside(), files.local(version.file) as path:
            table = pq.read_table(path)
        rows = table.take(list(range(0, table.num_rows, ONE_IN))).sort_by("time_hour")
        weeks: dict[Any, list[dict[str, Any]]] = {}
        monday = pc.floor_temporal(rows["time_hour"], unit="week").to_pylist()
        for number, (week, row) in enumerate(zip(monday, rows.to_pylist(), strict=True)):
            row["id"] = f"{row['time_hour']:%Y%m%d%H}-{row['carrier']}{row['flight']}-{row['origin']}-{number}"
            weeks.setdefault(week, []).append(row)
        return [weeks[week] for week in sorted(weeks)]

    def _token(self) -> None:
        """A service account of the operations centre asks; its token is not kept anywhere in clear."""
        with self.walk.inside():
            from apps.organizations.models import ServiceAccount

            adam, odile = self.walk.company["adam"], self.walk.company["odile"]
            account = ServiceAccount.objects.select_related("user").filter(name="Operations centre").first()
            if account is None:
                account = organizations.create_service_account(
                    name="Operations centre", purpose="Asks for predictions and sends outcomes", by=adam
                )
                organizations.assign_role(scope=self.walk.project, role="operator", user=account.user, by=odile)
            self.account = account.user
            for old in ApiToken.objects.filter(user=account.user, revoked_at=None):
                organizations.revoke_token(token=old, by=adam)
            expires = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
            _, value = organizations.create_token(
                user=account.user, name="Replay", scopes=["predict", "ingest"], expires_at=expires, by=adam
            )
        self.session.headers["Authorization"] = f"Bearer {value}"
        self._ready()

    def _ready(self) -> None:
        """Wait until the prediction server has heard of the token and the version."""
        for _ in range(120):
            try:
                if self.session.get(self.endpoint.infer_url.replace("/infer", "/ready"), timeout=5).status_code == 200:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.25)
        raise RuntimeError("The prediction server is not ready. Is `manage.py serve` running?")

    def _ask(self, rows: list[dict[str, Any]]) -> None:
        inputs = [
            {
                "name": one["name"],
                "shape": [len(rows)],
                "datatype": _datatype(one["type"]),
                "data": [row[one["name"]] for row in rows],
            }
            for one in self.signature["inputs"]
        ]
        parameters = {
            "prediction_ids": [row["id"] for row in rows],
            "event_at": [row["time_hour"].isoformat() for row in rows],
        }
        for _ in range(20):
            answer = self.session.post(
                self.endpoint.infer_url, json={"parameters": parameters, "inputs": inputs}, timeout=60
            )
            if answer.status_code != 503 and answer.status_code != 429:
                break
            time.sleep(0.5)
        if answer.status_code != 200:
            raise RuntimeError(f"The prediction server answered {answer.status_code}: {answer.text[:300]}")

    @property
    def signature(self) -> dict[str, Any]:
        """The signature of the version that answers now."""
        with self.walk.inside():
            current = self.endpoint.current
            assert current is not None
            return current.version.signature

    def _tell(self, rows: list[dict[str, Any]], key: str) -> None:
        """What became of the flights, known three days after each departure."""
        import io

        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table(
            {
                "prediction_id": [row["id"] for row in rows],
                "value": [bool(row["late"]) for row in rows],
                "event_time": [row["time_hour"] + LATE for row in rows],
            }
        )
        sink = io.BytesIO()
        pq.write_table(table, sink)
        with self.walk.inside():
            monitoring.receive_outcomes(
                endpoint=self.endpoint, body=sink.getvalue(), format="parquet", key=key, by=self.account
            )

    def settle(self, seconds: float = 240) -> None:
        """Wait until everything sent is counted and every complete week is checked."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.walk.inside():
                waiting = Batch.objects.filter(endpoint=self.endpoint).exclude(state=BatchState.REDUCED).count()
            counted = self._counted()
            if not waiting and counted >= self.expected:
                break
            self.walk.terminal.show(f"{counted:,} of {self.expected:,} predictions counted, {waiting} batches wait")
            time.sleep(0.5)
        self._check()

    def _counted(self) -> int:
        with self.walk.inside():
            return Prediction.objects.filter(batch__endpoint=self.endpoint).count()

    def _check(self) -> None:
        """Have every monitor look at every complete window; the schedule may be at it already."""
        for _ in range(10):
            if not self._checked():
                return

    def _checked(self) -> bool:
        with self.walk.inside():
            monitors = list(
                Monitor.objects.filter(endpoint=self.endpoint, is_active=True).select_related(
                    "endpoint__model__project", "organization"
                )
            )
            otto = self.walk.company["otto"]
            started = [monitoring.start_check(monitor=monitor, by=otto) for monitor in monitors]
            waiting = [job for monitor in monitors if (job := jobs.newest(monitor)) is not None and job.is_open]
        for job in waiting:
            self.walk.terminal.wait(self.walk.company.organization.pk, job.pk)
        return bool(waiting) or any(job is not None for job in started)


def _datatype(kind: str) -> str:
    return {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "string": "BYTES"}[kind]
