"""Rows on their way in while the real servers are broken: nothing acknowledged is lost, nothing is counted twice."""

import http.client
import json
import threading
import time

import pytest

from tests.journeys.running import Running, kill_9, wait_for

PATH = "/o/meridian/api/v1/monitoring/{endpoint}/{kind}/?batch_key={key}&version=1"
COUNTED = "select count(*) as open from monitoring_batch where state <> 'reduced'"
STATES = """
    select s.kind, s.start_at, s.rows, encode(s.data, 'hex') as data from monitoring_state s
    join deployments_endpoint e on e.id = s.endpoint_id where e.key = %s and s.rows > 0 order by 1, 2"""


@pytest.fixture(scope="module")
def sender(stack: Running, founded):
    """Who may send rows to the watched endpoint and to one beside it, where the same rows are counted undisturbed."""
    said = stack.manage("shell", "--verbosity", "0", "-c", "from tests.journeys import begin; begin.ingesting()")
    return Sender(stack, said.split()[-1])


class Sender:
    """A client that sends batches until they are taken."""

    def __init__(self, stack: Running, token: str) -> None:
        self.stack, self.headers = stack, {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        self.refused: list[tuple[int, str | None]] = []

    def post(self, endpoint: str, kind: str, key: str, rows: list[dict]) -> int:
        """One try; its status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=60)
        try:
            body = "\n".join(map(json.dumps, rows))
            connection.request("POST", PATH.format(endpoint=endpoint, kind=kind, key=key), body, self.headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status >= 400:
                self.refused.append((answer.status, answer.headers.get("Retry-After")))
            return answer.status
        finally:
            connection.close()

    def send(self, endpoint: str, kind: str, key: str, rows: list[dict]) -> None:
        """As often as it takes."""
        deadline = time.monotonic() + 60
        while True:
            assert time.monotonic() < deadline, f"{key} was never taken: {self.refused[-3:]}"
            try:
                if self.post(endpoint, kind, key, rows) in (200, 202):
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.2)


def rows_of(name: str, count: int) -> tuple[list[dict], list[dict]]:
    """Predictions over a day and what came of them."""
    predictions, outcomes = [], []
    for number in range(count):
        told = {"prediction_id": f"{name}-{number}", "event_time": f"2013-04-01T{number % 24:02d}:00:00Z"}
        inputs = {"dep_delay": number % 31 - 3.5, "month": 1 + number % 3, "carrier": "AA", "weekend": number % 7 > 4}
        predictions.append(told | inputs | {"score": number % 97 / 97})
        outcomes.append({"prediction_id": f"{name}-{number}", "value": number % 5 == 0})
    return predictions, outcomes


def counted(stack: Running) -> None:
    """Wait until nothing waits; what a killed worker was asked is asked again at once, not minutes later."""

    def done() -> bool:
        if stack.rows(COUNTED) == [{"open": 0}]:
            return True
        stack.manage("shell", "--verbosity", "0", "-c", "from tests.journeys import begin; begin.ask_again()")
        return False

    wait_for(done, 90, "all batches to be counted")


def test_same_batch_a_hundred_times_at_once_is_counted_once(stack, sender):
    predictions, _ = rows_of("same", 240)
    statuses: list[int] = []
    callers = [
        threading.Thread(target=lambda: statuses.append(sender.post("ingesting", "predictions", "same", predictions)))
        for _ in range(100)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert (statuses.count(202), statuses.count(200)) == (1, 99)
    assert stack.rows("select count(*) from monitoring_batch where key = 'same'") == [{"count": 1}]
    sender.send("beside", "predictions", "same", predictions)
    counted(stack)
    assert sum(row["rows"] for row in stack.rows(STATES, "ingesting")) == 240


def test_worker_killed_while_it_counts_leaves_the_states_of_a_clean_run(stack, sender):
    batches = [rows_of(f"killed-{number}", 400) for number in range(20)]
    for number, (predictions, outcomes) in enumerate(batches):
        sender.send("ingesting", "predictions", f"p{number}", predictions)
        sender.send("ingesting", "outcomes", f"o{number}", outcomes)
        if number in (4, 9, 14):
            wait_for(lambda: stack.line("work"), what="a worker")
            stack.kill("work")
    counted(stack)
    for number, (predictions, outcomes) in enumerate(batches):
        sender.send("beside", "predictions", f"p{number}", predictions)
        sender.send("beside", "outcomes", f"o{number}", outcomes)
    counted(stack)
    found = stack.rows(STATES, "ingesting")
    assert sum(row["rows"] for row in found if row["kind"] == "predictions") == 240 + 20 * 400
    assert found == stack.rows(STATES, "beside")


def test_database_that_stops_loses_nothing_that_was_acknowledged(stack, sender):
    servers = [process for process in stack.family() if process.name() == "postgres"]
    if not servers:
        pytest.skip("this portal uses a given server")
    sender.refused.clear()
    taken: list[str] = []

    def send(caller: int) -> None:
        for number in range(25):
            name = f"stopped-{caller}-{number}"
            sender.send("ingesting", "predictions", name, rows_of(name, 20)[0])
            taken.append(name)

    callers = [threading.Thread(target=send, args=(number,)) for number in range(3)]
    for caller in callers:
        caller.start()
    for _ in range(2):
        before = len(taken)
        wait_for(lambda before=before: len(taken) > before + 5, what="batches to be taken")
        kill_9([process for process in stack.family() if process.name() == "postgres"])
    for caller in callers:
        caller.join()
    assert {status for status, _ in sender.refused} == {503}
    assert all(after and int(after) > 0 for _, after in sender.refused)
    counted(stack)
    kept = {
        row["key"]: row["rows"] for row in stack.rows("select key, rows from monitoring_batch where key like 'stop%%'")
    }
    assert kept == dict.fromkeys(taken, 20) and len(taken) == 75
    ids = "select count(*) from monitoring_prediction where prediction_id like 'stopped-%%'"
    assert stack.rows(ids) == [{"count": 75 * 20}]
