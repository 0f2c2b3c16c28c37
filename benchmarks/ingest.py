"""Rows by HTTP to a durable answer, through one web worker as `make up` starts it. Nothing here is a test.

    python -m benchmarks.ingest [--rows 200000] [--rounds 5] [--lines 40000] [--big 1000000]

The portal's own PostgreSQL and web server on a data folder of their own, a real token, 40 features. Beside it, in the
same run: the same web server receiving the same bytes and only writing them to disk (synced, as ours are), and pyarrow
writing the same table to Parquet. Last a big batch, with the memory of the web worker while it comes in.
"""

import argparse
import http.client
import io
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from config.stack.folders import ROOT
from config.stack.portal import answers
from config.stack.preparing import prepare
from config.stack.processes import read_procfile
from config.stack.services import Services
from tests.journeys.running import free_port

ARROW, NDJSON = "application/vnd.apache.arrow.stream", "application/x-ndjson"
NUMBERS, CATEGORIES = 36, 4
PLACE = "/o/big/api/v1/monitoring/bench/predictions/?version=1&batch_key="


def rows(count: int, name: str) -> pa.Table:
    """Predictions of 36 numbers and 4 categories; a third of the numbers have 2 % nulls. Ids begin with `name`."""
    rng = np.random.default_rng(len(name))
    start = 1_750_000_000_000_000
    columns: dict[str, Any] = {
        "prediction_id": [f"{name}-{number:028x}" for number in range(count)],
        "event_time": pa.array(start + np.arange(count) * (86_400_000_000 // count), pa.timestamp("us", tz="UTC")),
        "score": rng.uniform(size=count),
    }
    for number in range(NUMBERS):
        missing = rng.random(count) < (0.02 if number % 3 == 0 else 0.0)
        columns[f"n{number}"] = pa.array(rng.normal(size=count), mask=missing)
    for number in range(CATEGORIES):
        names = pa.array([f"kind {one}" for one in range(10 ** (number % 3 + 1))])
        columns[f"c{number}"] = names.take(pa.array(rng.integers(0, len(names), count)))
    return pa.table(columns)


def as_arrow(table: pa.Table) -> bytes:
    """An Arrow stream of one record batch, as most clients write it."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def as_lines(table: pa.Table) -> bytes:
    """A line of JSON for each row."""
    parts = (table.slice(start, 10_000).to_pylist() for start in range(0, table.num_rows, 10_000))
    return b"\n".join(b"\n".join(map(orjson.dumps, part)) for part in parts)


class Web:
    """A web server as the Procfile starts it."""

    def __init__(self, application: str, port: int, environment: dict[str, str]) -> None:
        command = read_procfile(ROOT / "Procfile")["web"].replace("config.wsgi:application", application)
        variables = environment | {"PORT": str(port), "TENURE_BIND": "127.0.0.1", "TENURE_LOG_LEVEL": "WARNING"}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.port = port
        self.popen = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"], cwd=ROOT, env=os.environ | variables | {"PATH": path}
        )

    @property
    def worker(self) -> psutil.Process:
        """The process that answers: the newest of the family."""
        family = [psutil.Process(self.popen.pid), *psutil.Process(self.popen.pid).children(recursive=True)]
        return max(family, key=lambda process: process.memory_info().rss)

    def cpu(self) -> float:
        """CPU seconds of the worker so far."""
        spent = self.worker.cpu_times()
        return float(spent.user + spent.system)

    def post(self, path: str, body: bytes, type: str, headers: dict[str, str]) -> tuple[float, float]:
        """Wall and CPU seconds from sending to the answer, which must be 202."""
        before = self.cpu()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        began = time.perf_counter()
        connection.request("POST", path, body, {"Content-Type": type, **headers})
        answer = connection.getresponse()
        said = answer.read()
        spent = time.perf_counter() - began
        connection.close()
        if answer.status != 202:
            raise SystemExit(f"{answer.status}: {said[:500]!r}")
        return spent, self.cpu() - before

    def stop(self) -> None:
        """End it."""
        self.popen.terminate()
        self.popen.wait(20)


def only_written(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    """The plain baseline, a WSGI application: the body goes to disk, and is there when this answers."""
    with tempfile.NamedTemporaryFile(dir=os.environ["TENURE_DATA"]) as file:
        while piece := environ["wsgi.input"].read(1024**2):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    start("202 Accepted", [("Content-Length", "0")])
    return [b""]


@contextmanager
def portal() -> Iterator[tuple[Web, Web, dict[str, str]]]:
    """The portal's web server, the plain one, and the headers of who may send."""
    with tempfile.TemporaryDirectory(prefix="tenure-ingest-") as folder:
        data = Path(folder)
        services = Services(data)
        webs: list[Web] = []
        try:
            port = free_port()
            variables = services.start(port)
            os.environ.update(variables | {"TENURE_DATA": folder})
            prepare(data, os.environ)
            given = {"TENURE_MOST_WAITING_ROWS": "1000000000", "TENURE_DATA": folder}
            token = _fill()
            webs.append(Web("config.wsgi:application", port, given))
            webs.append(Web("benchmarks.ingest:only_written", free_port(), given))
            while not answers(port, "/health/ready"):
                time.sleep(0.1)
            yield webs[0], webs[1], {"Authorization": f"Bearer {token}"}
        finally:
            for web in webs:
                web.stop()
            services.stop()


def _fill() -> str:
    """An endpoint whose model has the features, behind the walls; the token of who may send to it."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.local"
    import django

    django.setup()
    from django.db.models import QuerySet

    from apps.core.tenancy import current, tenant
    from apps.deployments.models import Endpoint, Environment
    from apps.models.models import ModelVersion
    from apps.organizations import actions
    from apps.organizations.models import Membership, Scope
    from benchmarks import filling

    inputs = [{"name": f"n{number}", "type": "number", "nullable": True} for number in range(NUMBERS)]
    inputs += [{"name": f"c{number}", "type": "string", "nullable": True} for number in range(CATEGORIES)]
    filling.SIGNATURE |= {"inputs": inputs, "classes": [False, True], "threshold": 0.5}
    big, _ = filling.fill(2, 1)
    with tenant(big.pk):
        person = Membership.objects.get().user
        place = Environment.objects.first() or Environment(key="production", name="Production", order=1)
        endpoint = Endpoint(key="bench", model=ModelVersion.objects.first().model, environment=place, created_by=person)
        for row in (place, endpoint):
            row.organization_id = current()
        if place._state.adding:
            QuerySet(Environment).bulk_create([place])
        QuerySet(Endpoint).bulk_create([endpoint])
        actions.assign_first_role(
            scope=Scope.objects.get(pk=endpoint.model.project_id), role="operator", user=person, by=person
        )
        return actions.create_token(user=person, name="bench", scopes=["ingest"], by=person)[1]


class Memory:
    """Samples a process's memory while something happens: all of it, and what is not file pages, in MiB."""

    def __init__(self, process: psutil.Process) -> None:
        self.status = Path(f"/proc/{process.pid}/status")
        self.before, self.most = self._read(), (0.0, 0.0)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def _read(self) -> tuple[float, float]:
        lines = dict(line.split(":", 1) for line in self.status.read_text().splitlines())
        return tuple(int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))  # type: ignore[return-value]

    def _watch(self) -> None:
        while not self.stopped.wait(0.02):
            self.most = tuple(map(max, self.most, self._read()))  # type: ignore[assignment]

    def __enter__(self) -> "Memory":
        self.thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stopped.set()
        self.thread.join()


def measure(name: str, table: pa.Table, given: argparse.Namespace, encode: Callable[[pa.Table], bytes], type: str,
            ours: Web, plain: Web, headers: dict[str, str]) -> None:  # fmt: skip
    """Print a line for the portal, the plain server and pyarrow, each the median of the rounds, taken in turn."""
    found: dict[str, list[tuple[float, float]]] = {"portal": [], "plain": [], "pyarrow": []}
    size = 0
    for number in range(given.rounds + 1):
        body = encode(_renamed(table, f"{name}{number}"))
        size = len(body)
        found["portal"].append(ours.post(f"{PLACE}{name}-{number}", body, type, headers))
        found["plain"].append(plain.post("/", body, type, {}))
        found["pyarrow"].append(_written(table))
    walls = {key: statistics.median(wall for wall, _ in times[1:]) for key, times in found.items()}
    cpus = {key: statistics.median(cpu for _, cpu in times[1:]) for key, times in found.items()}
    print(f"\n{name}: {table.num_rows:,} rows of {NUMBERS + CATEGORIES} features, {size / 1e6:,.0f} MB a batch")
    print(f"{'':44}{'s':>9}{'CPU s':>9}{'rows/s':>13}{'portal /':>10}")
    for key, said in (
        ("portal", "the portal: checked, kept, in the ledger"),
        ("plain", "the same server, bytes only written to disk"),
        ("pyarrow", "pyarrow writes the table to Parquet"),
    ):
        speed, ratio = table.num_rows / walls[key], walls["portal"] / walls[key]
        print(f"{said:44}{walls[key]:9.3f}{cpus[key]:9.3f}{speed:13,.0f}{ratio:9.1f}x")


def _renamed(table: pa.Table, name: str) -> pa.Table:
    ids = [f"{name}-{number:028x}" for number in range(table.num_rows)]
    return table.set_column(0, "prediction_id", pa.array(ids))


def _written(table: pa.Table) -> tuple[float, float]:
    with tempfile.NamedTemporaryFile(dir=os.environ["TENURE_DATA"]) as file:
        began, spent = time.perf_counter(), time.process_time()
        pq.write_table(table, file, compression="zstd", use_dictionary=[f"c{number}" for number in range(CATEGORIES)])
        file.flush()
        os.fsync(file.fileno())
        return time.perf_counter() - began, time.process_time() - spent


def big_batch(name: str, body: bytes, type: str, count: int, ours: Web, headers: dict[str, str]) -> None:
    """Print how long one big batch takes, and the worker's memory before and at most."""
    with Memory(ours.worker) as memory:
        wall, cpu = ours.post(f"{PLACE}big-{name}", body, type, headers)
    print(
        f"{name:10}{len(body) / 1e6:8,.0f} MB{wall:9.1f} s{cpu:9.1f} CPU s{count / wall:11,.0f} rows/s   "
        f"RSS {memory.before[0]:,.0f} -> {memory.most[0]:,.0f} MiB, without file pages {memory.before[1]:,.0f} -> "
        f"{memory.most[1]:,.0f} MiB"
    )


def main() -> None:
    """Measure, and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=200_000)
    asked.add_argument("--lines", type=int, default=40_000)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--big", type=int, default=1_000_000)
    given = asked.parse_args()
    with portal() as (ours, plain, headers):
        measure("Arrow", rows(given.rows, "a"), given, as_arrow, ARROW, ours, plain, headers)
        measure("NDJSON", rows(given.lines, "n"), given, as_lines, NDJSON, ours, plain, headers)
        if given.big:
            print(f"\nOne batch of {given.big:,} rows")
            table = rows(given.big, "big")
            big_batch("Arrow", as_arrow(table), ARROW, given.big, ours, headers)
            lines = as_lines(_renamed(table, "lines"))
            big_batch("NDJSON", lines, NDJSON, given.big, ours, headers)


if __name__ == "__main__":
    main()
