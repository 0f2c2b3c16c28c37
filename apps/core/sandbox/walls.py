"""Put every wall that this machine can give around the present process, and name them."""

from __future__ import annotations

import os
import resource
import site
import sys
from dataclasses import dataclass, field
from pathlib import Path

from . import kernel, landlock, seccomp
from .job import Limits

APPS = Path(__file__).resolve().parents[2]
SYSTEM_LIBRARIES = (
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/usr/share/zoneinfo",
    "/etc/localtime",
    "/etc/ld.so.cache",
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
MACHINE_FACTS = (
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/version",
    "/proc/sys/vm",
    "/proc/sys/kernel",
    "/sys/devices/system",
    "/sys/fs/cgroup",
)


@dataclass
class Walls:
    """Which walls hold, from the outermost in, and a sentence for each that is missing."""

    names: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def layer(self) -> str:
        """One line for the record: 'Landlock 7 + seccomp + limits'."""
        return " + ".join(self.names)


def _mapped_bytes() -> int:
    """Address space of this process now; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as handle:
            return int(handle.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _processes_of_this_user() -> int:
    """Processes and threads that run under our user now: the process limit counts them all."""
    count = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if entry.stat().st_uid == os.getuid():
                count += sum(1 for _ in (entry / "task").iterdir())
        except OSError:
            continue
    return count


def _set_limit(kind: int, soft: int, hard: int | None = None) -> None:
    """Lower a limit; never above what the surroundings allow already."""
    ceiling = resource.getrlimit(kind)[1]
    hard = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def set_limits(limits: Limits) -> None:
    """Resource limits: address space beyond what is loaded, processor seconds, file size, open files, no core file."""
    cpu = limits.cpu_seconds
    _set_limit(resource.RLIMIT_CORE, 0)
    _set_limit(resource.RLIMIT_CPU, cpu, cpu + 5)
    _set_limit(resource.RLIMIT_FSIZE, limits.file_size)
    _set_limit(resource.RLIMIT_NOFILE, 256)
    if not kernel.IS_LINUX:
        return
    _set_limit(resource.RLIMIT_AS, _mapped_bytes() + limits.memory)
    if os.getuid() != 0:
        _set_limit(resource.RLIMIT_NPROC, _processes_of_this_user() + limits.threads + 32)


def readable_paths(inputs: list[Path]) -> list[Path]:
    """What a computation may read: the Python runtime, our own code, facts about the machine, its inputs."""
    runtime = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix), *map(Path, site.getsitepackages())}
    system = [Path(path) for path in (*SYSTEM_LIBRARIES, *DEVICES, *MACHINE_FACTS)]
    return [*(path.resolve() for path in runtime), APPS, *system, *(path.resolve() for path in inputs)]


def close_in(
    *, limits: Limits, inputs: list[Path], writable: list[Path], outer: list[str], missing: list[str]
) -> Walls:
    """Put up the walls, strongest last, and say which hold. `outer` and `missing` come from the launcher."""
    walls = Walls(names=list(outer), missing=list(missing))
    set_limits(limits)
    if kernel.IS_LINUX:
        _close_in_linux(walls, readable_paths(inputs), writable)
    else:
        walls.missing.append("Landlock and seccomp exist on Linux only.")
    walls.names.append("limits")
    return walls


def _close_in_linux(walls: Walls, readable: list[Path], writable: list[Path]) -> None:
    """No new privileges, no special rights, files by Landlock, calls by seccomp."""
    kernel.no_new_privileges()
    kernel.drop_capabilities()
    devices = [Path("/dev/null")]
    try:
        walls.names.append(f"Landlock {landlock.restrict(readable=readable, writable=[*writable, *devices])}")
    except kernel.Unavailable as error:
        walls.missing.append(str(error))
    try:
        seccomp.restrict()
        walls.names.append("seccomp")
    except kernel.Unavailable as error:
        walls.missing.append(str(error))
