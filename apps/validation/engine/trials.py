"""Checks that misbehave on purpose: what a run of a plan must survive. No plan can name them; tests run them.

`apps.core.sandbox.trials` tries the walls themselves; here the same is done from inside a check, as a package from
outside or a library broken by a hostile file would do it.
"""

from __future__ import annotations

import os
import signal
import socket
from typing import Any

from apps.core.sandbox import GIB, Job, sandboxed
from apps.validation.engine import runner
from apps.validation.engine.base import Check, Family, Limits, Measured, Parameter, bars
from apps.validation.engine.case import Case
from apps.validation.engine.registry import registry


class Trial(Check):
    """What they have in common."""

    family = Family.SECURITY
    question = "Do the walls hold?"
    metric = "nothing that is ever measured"
    source = "own"
    tiers = ()
    limits = {"limited": Limits(0.5, None)}


class Loop(Trial):
    """Computes without end."""

    key, title = "trial.loop", "An endless loop"

    def measure(self, case: Case, **settings: Any) -> Measured:
        """Never comes back."""
        while True:
            pass


class ForkBomb(Trial):
    """Starts processes without end."""

    key, title = "trial.fork", "A fork bomb"

    def measure(self, case: Case, **settings: Any) -> Measured:
        """Each child starts more."""
        while True:
            os.fork()


class Greedy(Trial):
    """Asks for 100 GiB."""

    key, title = "trial.memory", "A hundred gigabytes"

    def measure(self, case: Case, **settings: Any) -> Measured:
        """More than any machine here has."""
        return Measured(float(len(bytearray(100 * GIB))), "There was room.")


class Caller(Trial):
    """Reaches for the network."""

    key, title = "trial.socket", "A socket"

    def measure(self, case: Case, **settings: Any) -> Measured:
        """Sends a datagram to an address of documentation."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"out", ("192.0.2.1", 9))
        return Measured(1.0, "It was sent.")


class Writer(Trial):
    """Writes where it has no business."""

    key, title = "trial.write", "A write outside"
    parameters = {"path": Parameter("", "Where to write.", required=True)}

    def measure(self, case: Case, path: str = "", **settings: Any) -> Measured:
        """Leaves a file."""
        with open(path, "w") as handle:
            handle.write("was here")
        return Measured(1.0, "It was written.")


class Crash(Trial):
    """Ends by a signal of the processor or the C library."""

    key, title = "trial.crash", "A crash"
    parameters = {"signal": Parameter(int(signal.SIGSEGV), "Its number.", 1, 31)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """Does not live to answer."""
        os.kill(os.getpid(), settings["signal"])
        return Measured(1.0, "It lived.")


class Talker(Trial):
    """Answers with more than anybody wants to keep."""

    key, title = "trial.talk", "Too long an answer"

    def measure(self, case: Case, **settings: Any) -> Measured:
        """A figure whose bars have names of a million letters."""
        rows = [{"name": "x" * 2**20, "length": 1.0}] * 4
        return Measured(1.0, "See the figure.", figures=[bars("How long is it?", "names", rows, "name", "length")])


CHECKS = (Loop, ForkBomb, Greedy, Caller, Writer, Crash, Talker)


@sandboxed
def validate(job: Job) -> dict[str, Any]:
    """The real run of a plan, with these checks among those there are."""
    for check in CHECKS:
        registry().add(check)
    return runner.validate(job)
