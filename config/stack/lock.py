"""Who uses a data folder. The kernel keeps these locks, so a killed process leaves none behind."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from config.stack.errors import StackError


class RunLock:
    """Held by the one portal that runs on a data folder; says who holds it."""

    def __init__(self, data: Path) -> None:
        self.path = data / "run.lock"
        self.file = self.path.open("a+")

    def take(self, address: str) -> None:
        """Hold the lock, or say in a sentence who has it."""
        if not self.try_take():
            holder = self.holder()
            raise StackError(
                f"Tenure already runs on {self.path.parent} (process {holder.get('pid')}, {holder.get('address')}). "
                "Stop it there with Ctrl-C or here with `make stop`; "
                "a second portal needs its own TENURE_DATA and PORT."
            )
        self.file.truncate(0)
        self.file.write(json.dumps({"pid": os.getpid(), "address": address}))
        self.file.flush()

    def try_take(self) -> bool:
        """Whether the lock is ours now."""
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def holder(self) -> dict:
        """What the portal that holds the lock wrote into it."""
        self.file.seek(0)
        try:
            return json.loads(self.file.read())
        except ValueError:
            return {}

    def release(self) -> None:
        """Let go."""
        self.file.close()


class SharedUse:
    """Servers used by several commands at once: the first starts them, the last stops them."""

    def __init__(self, data: Path) -> None:
        self.start_file = (data / "start.lock").open("a")
        self.use_file = (data / "use.lock").open("a")

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """One at a time; counted as a user when it ends."""
        fcntl.flock(self.start_file, fcntl.LOCK_EX)
        try:
            yield
            fcntl.flock(self.use_file, fcntl.LOCK_SH)
        finally:
            fcntl.flock(self.start_file, fcntl.LOCK_UN)

    @contextlib.contextmanager
    def leaving(self) -> Iterator[bool]:
        """True for the last user, while nobody can start anew."""
        fcntl.flock(self.start_file, fcntl.LOCK_EX)
        fcntl.flock(self.use_file, fcntl.LOCK_UN)
        try:
            fcntl.flock(self.use_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_last = True
        except BlockingIOError:
            is_last = False
        try:
            yield is_last
        finally:
            self.use_file.close()
            self.start_file.close()
