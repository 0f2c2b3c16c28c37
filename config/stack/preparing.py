"""What must be done before the processes start: tables and static files, only where something has changed.

Loading Django costs two seconds of a core; a digest of the files says at once that there is nothing to do.
"""

import hashlib
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

import psycopg
from psycopg import sql

from config.stack.errors import StackError
from config.stack.folders import ROOT

MIGRATE = ("migrate", "--database", "owner", "--verbosity", "0")
COLLECT = ("collectstatic", "--noinput", "--clear", "--verbosity", "0")


def prepare(data: Path, environment: Mapping[str, str]) -> None:
    """Tables as the migrations say, and static files as they lie in the checkout; both at the same time."""
    owner = environment["TENURE_DATABASE_OWNER_URL"]
    wanted, collected = migrations_digest(), static_digest()
    stamp = data / "static.stamp"
    work = []
    if migrated(owner) != wanted:
        work.append(MIGRATE)
    if not (stamp.exists() and stamp.read_text() == collected and (data / "static").exists()):
        work.append(COLLECT)
    run_together(work, environment)
    if MIGRATE in work:
        remember_migrated(owner, wanted)
    stamp.write_text(collected)


def run_together(commands: Iterable[tuple[str, ...]], environment: Mapping[str, str]) -> None:
    """Run management commands side by side; what one says is shown only when it fails."""
    running = [
        subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for words in commands
    ]
    try:
        said = [process.communicate()[0] for process in running]
    except BaseException:
        for process in running:
            process.kill()
        raise
    for process, text in zip(running, said, strict=True):
        if process.returncode:
            command = list(cast(Sequence[str], process.args))[2]
            raise StackError(f"`manage.py {command}` failed.\n{text}".rstrip())


def migrated(owner: str) -> str:
    """The digest of the migrations that this database has; kept in the database, so it goes where the tables go."""
    with psycopg.connect(owner) as connection:
        row = connection.execute("select obj_description('public'::regnamespace, 'pg_namespace')").fetchone()
    return (row and row[0]) or ""


def remember_migrated(owner: str, digest: str) -> None:
    """Say in the database that it has these migrations; where that is not allowed, the next start asks Django again."""
    with suppress(psycopg.errors.InsufficientPrivilege), psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(sql.SQL("comment on schema public is {}").format(sql.Literal(digest)))


def migrations_digest() -> str:
    """Changes when a migration of ours does, or a package that brings some."""
    return "tenure " + digest_of([ROOT / "requirements" / "base.txt", *sorted(ROOT.glob("apps/*/migrations/*.py"))])


def static_digest() -> str:
    """Changes when a static file of ours does, or a package that brings some."""
    folders = (ROOT / "static", *sorted(ROOT.glob("apps/*/static")))
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return digest_of([ROOT / "requirements" / "base.txt", *files])


def digest_of(files: Iterable[Path]) -> str:
    """A digest of names and contents."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(ROOT)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
