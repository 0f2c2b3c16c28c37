"""kill -9 of the server, with callers in the middle of their requests."""

import contextlib
import http.client
import threading
import time
from pathlib import Path

from apps.deployments.serving import ledger, records, spool
from apps.deployments.serving.config import Config
from tests.deployments import samples
from tests.deployments.conftest import Server, free_port

NAMES = [column["name"] for column in samples.SIGNATURE["inputs"]]


def test_every_answered_prediction_is_in_the_spool(tmp_path: Path) -> None:
    server = Server(Config(run=tmp_path / "run", port=free_port(), workers=2))
    server.route(samples.endpoint(server.model(samples.onnx_bytes())), wait=False)
    server.start()
    answered: list[str] = []
    stop = threading.Event()

    def call(caller: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with contextlib.suppress(OSError, http.client.HTTPException):
                answer = server.infer(samples.request() | {"id": f"{caller}-{number}"})
                if answer.status == 200:
                    answered.append(answer.json["id"])

    callers = [threading.Thread(target=call, args=(number,)) for number in range(3)]
    for caller in callers:
        caller.start()
    time.sleep(1.0)
    server.kill()
    stop.set()
    for caller in callers:
        caller.join()
    server.start()
    try:
        assert server.infer(samples.request() | {"id": "after"}).status == 200
    finally:
        server.stop()
    payloads = [payload for batch in spool.Reader(server.config.spool).batches() for payload in batch.payloads]
    ids = {
        one.prediction_id for payload in payloads for one in records.decode(payload, lambda facts: NAMES).predictions
    }
    assert len(answered) > 50
    assert {f"{one}/{row}" for one in [*answered, "after"] for row in (1, 2)} <= ids
    kept = sum(count.kept for count in ledger.read(server.config.counts))
    assert 2 * (len(answered) + 1) <= kept <= len(ids)


def test_full_spool_is_counted_and_an_endpoint_that_must_record_refuses(tmp_path: Path) -> None:
    server = Server(Config(run=tmp_path / "run", port=free_port(), spool_limit=2000))
    entry = samples.endpoint(server.model(samples.onnx_bytes()))
    server.route(entry, wait=False)
    server.start()
    try:
        statuses = [server.infer(samples.request()).status for _ in range(6)]
        assert statuses == [200] * 6
        (count,) = ledger.read(server.config.counts)
        assert count.kept + count.dropped == 12
        assert count.dropped > 0
        assert f"tenure_serving_lost_total {count.dropped}" in server.get("/metrics").body.decode()
        server.route(entry | {"must_record": True})
        answer = server.infer(samples.request())
        assert (answer.status, answer.json["error"][:37]) == (503, "The prediction could not be recorded,")
        assert ledger.read(server.config.counts)[0].dropped == count.dropped + 2
    finally:
        server.stop()
