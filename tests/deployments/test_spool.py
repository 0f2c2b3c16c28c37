"""The spool, the ledger and the recorder's loop on files."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.deployments.serving import ledger, records
from apps.deployments.serving.config import Config
from apps.deployments.serving.ledger import Ledger
from apps.deployments.serving.recorder import Recorder, Unavailable
from apps.deployments.serving.spool import HEAD, MARK, Batch, Reader, Writer, waiting
from tests.deployments import samples
from tests.deployments.conftest import ROOT

MIB = 1024**2


def writer(folder: Path, **changes: int) -> Writer:
    return Writer(folder, **({"limit": 10 * MIB, "segment_size": MIB} | changes))


def drained(folder: Path, reader: Reader | None = None) -> list[bytes]:
    reader = reader or Reader(folder)
    taken = []
    for batch in reader.batches():
        taken += batch.payloads
        reader.keep(batch)
    return taken


def test_records_come_out_in_order(tmp_path: Path) -> None:
    spool, reader = writer(tmp_path), Reader(tmp_path)
    assert spool.append(b"one") and spool.append(b"two")
    assert drained(tmp_path, reader) == [b"one", b"two"]
    spool.append(b"three")
    assert drained(tmp_path, reader) == [b"three"]
    assert drained(tmp_path, reader) == []


def test_what_was_taken_is_not_taken_again_after_a_restart(tmp_path: Path) -> None:
    spool = writer(tmp_path)
    spool.append(b"one")
    assert drained(tmp_path) == [b"one"]
    spool.append(b"two")
    assert drained(tmp_path) == [b"two"]


def test_what_was_not_kept_comes_again(tmp_path: Path) -> None:
    writer(tmp_path).append(b"one")
    assert [batch.payloads for batch in Reader(tmp_path).batches()] == [[b"one"]]
    assert drained(tmp_path) == [b"one"]


def test_files_are_removed_once_read_and_their_writer_gone(tmp_path: Path) -> None:
    spool, reader = writer(tmp_path, segment_size=1000), Reader(tmp_path)
    for number in range(10):
        spool.append(b"%d" % number * 300)
    assert len(list(tmp_path.glob("*.records"))) > 3
    assert len(drained(tmp_path, reader)) == 10
    drained(tmp_path, reader)
    assert len(list(tmp_path.iterdir())) == 2  # the open file, and how far it was taken
    spool.close()
    drained(tmp_path, reader)
    assert list(tmp_path.iterdir()) == []


def test_record_larger_than_the_chunk_read(tmp_path: Path) -> None:
    spool = writer(tmp_path)
    spool.append(b"x" * 5000)
    spool.append(b"y")
    taken, reader = [], Reader(tmp_path)
    for batch in reader.batches(size=100):
        taken += batch.payloads
        reader.keep(batch)
    assert taken == [b"x" * 5000, b"y"]


def test_full_spool_refuses_and_takes_again_when_drained(tmp_path: Path) -> None:
    spool = writer(tmp_path, limit=1000, segment_size=400)
    kept = [spool.append(b"x" * 200) for _ in range(6)]
    assert kept == [True, True, True, True, False, False]
    drained(tmp_path)
    drained(tmp_path)
    spool.measure()
    assert spool.append(b"y" * 200)
    assert b"".join(drained(tmp_path))[-200:] == b"y" * 200


def test_disk_that_refuses_leaves_no_half_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = writer(tmp_path)
    spool.append(b"one")
    honest = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: honest(fd, data[: len(data) // 2]))
    assert not spool.append(b"two")
    monkeypatch.setattr(os, "write", honest)
    assert spool.append(b"three")
    assert [(batch.payloads, batch.damaged) for batch in _taken(tmp_path)] == [([b"one", b"three"], 0)]


def _taken(folder: Path) -> Iterator[Batch]:
    reader = Reader(folder)
    for batch in reader.batches():
        yield batch
        reader.keep(batch)


def test_torn_end_waits_for_a_living_writer_and_is_damage_after_its_death(tmp_path: Path) -> None:
    spool = writer(tmp_path)
    spool.append(b"one")
    spool.append(b"two")
    (path,) = tmp_path.glob("*.records")
    os.truncate(path, path.stat().st_size - 1)
    reader = Reader(tmp_path)
    assert drained(tmp_path, reader) == [b"one"]
    spool.close()
    batches = []
    for batch in reader.batches():
        batches.append((batch.payloads, batch.damaged))
        reader.keep(batch)
    assert batches == [([], HEAD.size + 2)]
    assert list(tmp_path.iterdir()) == []


def test_damage_in_the_middle_costs_only_what_was_damaged(tmp_path: Path) -> None:
    spool = writer(tmp_path)
    for payload in (b"one", b"two", b"three"):
        spool.append(payload)
    spool.close()
    (path,) = tmp_path.glob("*.records")
    content = bytearray(path.read_bytes())
    content[MARK + HEAD.size + 3 + HEAD.size] ^= 1
    path.write_bytes(content)
    assert drained(tmp_path) == [b"one", b"three"]


def test_forged_record_inside_a_damaged_one_is_not_believed(tmp_path: Path) -> None:
    import zlib

    spool = writer(tmp_path)
    forged = HEAD.pack(b"12345678", 4, zlib.crc32(b"evil")) + b"evil"
    spool.append(b"body " + forged)
    spool.close()
    (path,) = tmp_path.glob("*.records")
    content = bytearray(path.read_bytes())
    content[MARK + HEAD.size] ^= 1
    path.write_bytes(content)
    assert drained(tmp_path) == []


def test_threads_do_not_mix_their_records(tmp_path: Path) -> None:
    spool = writer(tmp_path, segment_size=20_000)

    def write(number: int) -> None:
        for count in range(200):
            spool.append(f"{number}:{count}:".encode() * 20)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.sync()
    assert sorted(drained(tmp_path)) == sorted(
        f"{number}:{count}:".encode() * 20 for number in range(4) for count in range(200)
    )


def test_nothing_written_is_lost_when_writer_and_reader_are_killed(tmp_path: Path) -> None:
    """Both are killed with SIGKILL again and again; every record whose writing was acknowledged comes out once."""
    program = textwrap.dedent("""
        import sys, pathlib
        from apps.deployments.serving.spool import Reader, Writer
        folder = pathlib.Path(sys.argv[2])
        if sys.argv[1] == "write":
            spool, number = Writer(folder, limit=10**9, segment_size=5000), 0
            while True:
                spool.append(f"{sys.argv[3]}-{number}".encode())
                print(f"{sys.argv[3]}-{number}", flush=True)
                number += 1
        out, reader = open(folder.parent / "taken", "a"), Reader(folder)
        while True:
            for batch in reader.batches(size=2000):
                out.write("".join(payload.decode() + "\\n" for payload in batch.payloads)); out.flush()
                reader.keep(batch)
    """)
    folder = tmp_path / "spool"
    folder.mkdir()
    acknowledged: list[str] = []
    for turn in range(4):
        with (tmp_path / f"said-{turn}").open("w") as said:
            start = [sys.executable, "-c", program]
            one = subprocess.Popen([*start, "write", str(folder), str(turn)], stdout=said, cwd=ROOT)
            other = subprocess.Popen([*start, "read", str(folder)], cwd=ROOT)
            time.sleep(0.7)
            for process in (one, other):
                process.send_signal(signal.SIGKILL)
                process.wait()
        lines = (tmp_path / f"said-{turn}").read_text()
        acknowledged += lines[: lines.rfind("\n")].split("\n")
    rest = [payload.decode() for payload in drained(folder)]
    taken = (tmp_path / "taken").read_text().split("\n")[:-1] + rest
    assert len(acknowledged) > 500
    assert set(acknowledged) <= set(taken)


def test_ledger_counts_on_after_its_process(tmp_path: Path) -> None:
    organization, endpoint = uuid.uuid4(), uuid.uuid4()
    first = Ledger(tmp_path)
    first.add(organization.bytes, endpoint.bytes, kept=3)
    second = Ledger(tmp_path)
    second.add(organization.bytes, endpoint.bytes, dropped=1)
    first.close()
    again = Ledger(tmp_path)
    again.add(organization.bytes, endpoint.bytes, kept=2, dropped=5)
    assert again.slot == "0"
    assert ledger.read(tmp_path) == [
        ledger.Count("0", organization, endpoint, 5, 5),
        ledger.Count("1", organization, endpoint, 0, 1),
    ]


def test_ledger_of_many_endpoints(tmp_path: Path) -> None:
    book, organization = Ledger(tmp_path), uuid.uuid4().bytes
    endpoints = [uuid.uuid4() for _ in range(500)]
    for _ in range(2):
        for endpoint in endpoints:
            book.add(organization, endpoint.bytes, kept=1)
    assert [(count.endpoint_id, count.kept) for count in ledger.read(tmp_path)] == [
        (endpoint, 2) for endpoint in endpoints
    ]


class Memory:
    """A sink that keeps, refuses or is away."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.is_away = False
        self.poison = ""
        self.asked = 0

    def names(self, facts: records.Facts) -> list[str]:
        return [column["name"] for column in samples.SIGNATURE["inputs"]]

    def store(self, organization: str, calls: list[records.Call]) -> None:
        self.asked += 1
        if self.is_away:
            raise Unavailable("The database is away.")
        if any(call.facts.request_id == self.poison for call in calls):
            raise ValueError("never")
        self.kept += [call.facts.request_id for call in calls]

    def set_aside(self, facts: records.Facts) -> None:
        self.aside = facts.request_id

    def counts(self, counts: list[ledger.Count]) -> None:
        self.counted = counts


def payload(request_id: str, organization: str = samples.ORGANIZATION_ID) -> bytes:
    facts = records.Facts(
        "0" * 32, organization, samples.ENDPOINT_ID, samples.VERSION_ID, 0.0, 0.001, "refused", 0, request_id
    )
    return records.encode(facts)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    made = Config(run=tmp_path / "run")
    made.prepare()
    return made


def test_recorder_waits_while_the_sink_is_away(config: Config) -> None:
    sink, spool = Memory(), writer(config.spool)
    recorder = Recorder(config, sink)
    spool.append(payload("a"))
    sink.is_away = True
    with pytest.raises(Unavailable):
        recorder.drain()
    sink.is_away = False
    assert recorder.drain() == 1
    assert sink.kept == ["a"]


def test_recorder_puts_aside_what_can_never_be_stored(config: Config) -> None:
    sink, spool = Memory(), writer(config.spool)
    sink.poison = "c"
    for name in "abcdef":
        spool.append(payload(name))
    spool.append(b"no record at all")
    assert Recorder(config, sink).drain() == 7
    assert sorted(sink.kept) == ["a", "b", "d", "e", "f"]
    assert len(list(config.unrecorded.iterdir())) == 2
    assert sink.aside == "c"


def test_recorder_stores_each_organization_apart(config: Config) -> None:
    sink, spool = Memory(), writer(config.spool)
    for name, organization in (("a", samples.ORGANIZATION_ID), ("b", samples.OTHER_ID), ("c", samples.ORGANIZATION_ID)):
        spool.append(payload(name, organization))
    Recorder(config, sink).drain()
    assert (sink.kept, sink.asked) == (["a", "c", "b"], 2)


def test_recorder_empties_the_spool_before_it_stops(config: Config) -> None:
    sink, spool, stop = Memory(), writer(config.spool), threading.Event()
    stop.set()
    spool.append(payload("a"))
    Recorder(config, sink).run(stop)
    assert sink.kept == ["a"]


def test_waiting_counts_the_files(tmp_path: Path) -> None:
    assert waiting(tmp_path) == 0
    writer(tmp_path).append(b"x")
    assert waiting(tmp_path) == MARK + HEAD.size + 1
