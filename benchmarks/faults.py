"""The fault bench: planted faults that a named check must find, and sound models in which nothing may be found.

    python -m benchmarks.faults

For every fault the check's verdict without it and with it; for every sound model what the whole built-in plan says.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # as in the child that validates; before NumPy is loaded
    os.environ.setdefault(_name, "1")

import tempfile  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from pathlib import Path  # noqa: E402

from apps.validation.engine.base import Verdict  # noqa: E402
from apps.validation.engine.runner import walk  # noqa: E402
from tests.validation.faults.bench import FAULTS, SOUND, plan_for  # noqa: E402

FOUND = (Verdict.WARNED, Verdict.FAILED)


def faults() -> tuple[int, int]:
    """Print each planted fault; how many were found, and how many were “found” where they are not."""
    found = alarms = 0
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            sound = fault.sound(Path(folder))
            before = fault.ask(sound).verdict
            after = fault.ask(fault.plant(sound, Path(folder))).verdict
        found += after in FOUND
        alarms += before in FOUND
        print(f"{fault.key:24} {before.value:9} {after.value:9} {fault.name}")
    return found, alarms


def sound() -> tuple[int, int, int]:
    """Print each sound model; how many checks judged them, how many warned, how many failed."""
    judged = warned = failed = 0
    for name, make in SOUND.items():
        case = make()
        start = time.process_time()
        results = list(walk(case, plan_for(case)))
        spent = time.process_time() - start
        verdicts = [result.verdict for result in results]
        judged += sum(verdict in (Verdict.PASSED, *FOUND) for verdict in verdicts)
        warned += verdicts.count(Verdict.WARNED)
        failed += verdicts.count(Verdict.FAILED)
        against = ", ".join(f"{result.name} {result.verdict}" for result in results if result.verdict in FOUND)
        print(f"{name:26} {len(results):3} checks {spent:5.1f} s  {against or 'nothing against it'}")
    return judged, warned, failed


def main() -> None:
    """Both, and the sums."""
    warnings.simplefilter("ignore")
    found, alarms = faults()
    judged, warned, failed = sound()
    print(f"\nPlanted faults found: {found} of {len(FAULTS)}; found where there is none: {alarms}.")
    print(f"Sound models: {len(SOUND)}, {judged} judgements, {failed} failed (false alarms), {warned} warned.")


if __name__ == "__main__":
    main()
