"""The whole validation beside the peers' suites: the same model, the same rows, the same planted faults, in one run.

    python -m benchmarks.suites [--rows 100000] [--fault-rows 5000]

Processor seconds of each suite on a sound model of 30 columns, imports left out, one core. A fault counts as found
when a suite complains of anything that it does not complain of on the sound case; what it newly complains of on other
draws of the sound case is printed as false alarms. The peers run in environments of their own; one whose Python is
not on this machine is left out, and that is said.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # one core for all; before NumPy is loaded
    os.environ.setdefault(_name, "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")

import argparse  # noqa: E402
import contextlib  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import django  # noqa: E402

django.setup()

from apps.core.sandbox import Job  # noqa: E402
from apps.validation.engine.base import Kind, Verdict  # noqa: E402
from apps.validation.engine.plans import Subject, template  # noqa: E402
from apps.validation.engine.runner import validate  # noqa: E402
from benchmarks import environments, offers  # noqa: E402
from tests.validation.engine.learned import facts_of  # noqa: E402
from tests.validation.faults.worlds import FACTS  # noqa: E402

COMPLAINTS = (Verdict.WARNED, Verdict.FAILED)
LARGE, SOUND, OTHERS = "large", "sound", ("sound again", "sound once more")
PEERS = {"deepchecks": "deepchecks_suite.py", "evidently": "evidently_suite.py", "giskard": "giskard_suite.py"}
Said = dict[str, dict[str, Any]]


def own(folders: dict[str, Path], records: dict[str, dict[str, Any]]) -> Said:
    """The built-in plan of the high tier on every folder: processor seconds, and what it complains of."""
    return {name: _validated(folder, records[name]) for name, folder in folders.items()}


def _validated(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    said: list[dict[str, Any]] = []
    items = template(Subject("high", Kind.BINARY, attributes=("sex",)))
    model = {"format": "onnx", "sha256": record["artifact"]["sha256"], "signature": record["signature"]}
    payload = {
        "model": model,
        "items": [item.as_json() for item in items],
        "seed": 7,
        "max_rows": 200_000,
        "roles": {"attributes": ["sex"]},
        "facts": {**FACTS, **facts_of(record)},
    }
    files = {"model": "model.onnx", "train": "train.parquet", "test": "test.parquet"}
    inputs: dict[str, str | Path] = {role: folder / name for role, name in files.items()}
    began = time.process_time()
    with contextlib.redirect_stderr(None), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        validate(Job.local(payload=payload, inputs=inputs, tell=said.append))
    seconds = time.process_time() - began
    results = [one for one in said if "verdict" in one]
    return {
        "seconds": seconds,
        "judged": sum(one["verdict"] in (Verdict.PASSED, *COMPLAINTS) for one in results),
        "complaints": [f"{one['name']} {one['verdict']}" for one in results if one["verdict"] in COMPLAINTS],
    }


def main() -> None:
    """Make the cases, let every suite see them, and print what it took and what it found."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=100_000)
    asked.add_argument("--fault-rows", type=int, default=5_000)
    asked.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folders, records = cases(Path(place), given.rows, given.fault_rows)
        suites = {"Tenure": own(folders, records)}
        for peer in given.peers:
            print(f"{peer} ...", flush=True)
            try:
                suites[peer] = environments.run(peer, PEERS[peer], *folders.values(), offers.TARGET)
            except environments.NotHere as reason:
                print(f"{peer} left out: {reason}")
    show(suites, given.rows)


def cases(place: Path, rows: int, fault_rows: int) -> tuple[dict[str, Path], dict[str, dict[str, Any]]]:
    """A folder and the record of its training for the large case, the sound ones, and every fault, by name."""
    made = {LARGE: offers.sound(rows, 1), SOUND: offers.sound(fault_rows, 2)}
    made |= {name: offers.sound(fault_rows, 3 + place) for place, name in enumerate(OTHERS)}
    made |= {name: offers.planted(name, fault_rows, 2) for name in offers.FAULTS}
    folders, records = {}, {}
    for number, (name, one) in enumerate(made.items()):
        folders[name] = place / str(number)
        folders[name].mkdir()
        records[name] = offers.write(one, folders[name])
    return folders, records


def show(suites: dict[str, Said], rows: int) -> None:
    """A line for each fault with a mark for each suite that found it, then the sums and the times."""
    said = {suite: dict(zip(_names(), found.values(), strict=True)) for suite, found in suites.items()}
    print(f"\n{'planted fault':46}" + "".join(f"{suite:>12}" for suite in said))
    counts = dict.fromkeys(said, 0)
    for name in offers.FAULTS:
        line = ""
        for suite, found in said.items():
            is_found = bool(_new(found, name))
            counts[suite] += is_found
            line += f"{'found' if is_found else '-':>12}"
        print(f"{name:46}{line}")
    print(f"{f'found of {len(offers.FAULTS)}':46}" + "".join(f"{counts[suite]:12}" for suite in said))
    alarms = {suite: sum(len(_new(found, other)) for other in OTHERS) for suite, found in said.items()}
    print(f"{'new complaints on two more sound draws':46}" + "".join(f"{alarms[suite]:12}" for suite in said))
    ours = said["Tenure"][LARGE]["seconds"]
    print(f"\nCPU seconds on {rows:,} + {rows:,} rows")
    for suite, found in said.items():
        seconds = found[LARGE]["seconds"]
        print(f"{suite:12} {seconds:8.1f} s {seconds / ours:8.1f} times ours   {found[LARGE]['judged']:4} judgements")


def _names() -> list[str]:
    return [LARGE, SOUND, *OTHERS, *offers.FAULTS]


def _new(found: Said, name: str) -> set[str]:
    """What a suite complains of here and not on the sound case."""
    return set(found[name]["complaints"]) - set(found[SOUND]["complaints"])


if __name__ == "__main__":
    main()
