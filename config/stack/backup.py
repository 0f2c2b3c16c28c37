"""`backup` and `restore`: one archive with the database, the files and the keys that read what is encrypted."""

import contextlib
import json
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

from config.stack.database import Address
from config.stack.environment import Secrets, environment_file, parse, write_private
from config.stack.errors import StackError
from config.stack.folders import data_folder, private
from config.stack.lock import RunLock
from config.stack.portal import read_port, say
from config.stack.programs import find_postgres
from config.stack.services import Services

FORMAT = 1
# Kept with the data: without the field key what was encrypted stays unreadable. Passwords of roles stay the machine's.
KEYS = ("field_key", "secret_key")


@contextlib.contextmanager
def addresses(data: Path, *, alone: bool) -> Iterator[Mapping[str, str]]:
    """The variables of the running portal, or of servers started just for this; `alone` refuses a running portal."""
    lock = RunLock(data)
    if not alone and not lock.try_take():
        yield parse(environment_file(data).read_text())
        return
    lock.take("backup or restore")
    services = Services(data)
    try:
        yield services.start(read_port())
    finally:
        services.stop()
        lock.release()


def backup(target: Path) -> int:
    """Write the archive; the portal may run meanwhile. The database first, for files are only ever added."""
    data = private(data_folder())
    if target.exists():
        raise StackError(f"{target} exists already. Name another file: make backup TO=...")
    temporary = target.with_name(f".{target.name}.part")
    with addresses(data, alone=False) as variables, tempfile.TemporaryDirectory(dir=data) as folder:
        dump = Path(folder) / "database.dump"
        address = variables["TENURE_DATABASE_OPERATIONS_URL"]
        run(
            "pg_dump",
            "--format=custom",
            f"--file={dump}",
            address,
            hint="The operations role needs to read every table.",
        )
        manifest = Path(folder) / "manifest.json"
        manifest.write_text(json.dumps(describe(data, address), indent=2))
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                archive.add(manifest, "manifest.json")
                archive.add(dump, "database.dump")
                if (data / "files").exists():
                    archive.add(data / "files", "files")
            file.flush()
            os.fsync(file.fileno())
    temporary.replace(target)
    size = target.stat().st_size / 1024**2
    say(f"Wrote {target} ({size:.1f} MB). It holds keys: keep it as closed as the data itself.")
    return 0


def describe(data: Path, address: str) -> dict:
    """What a restore must know before it begins."""
    kept = Secrets(data).all()
    given = {"secret_key": os.environ.get("TENURE_SECRET_KEY"), "field_key": os.environ.get("TENURE_FIELD_KEY")}
    return {
        "format": FORMAT,
        "database": Address(address).database,
        "written_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "keys": {name: given[name] or kept.get(name, "") for name in KEYS},
    }


def restore(source: Path) -> int:
    """Read an archive into an empty portal that does not run."""
    data = private(data_folder())
    try:
        archive = tarfile.open(source)  # noqa: SIM115 - closed below
    except (OSError, tarfile.TarError) as error:
        raise StackError(f"Cannot read {source}: {error}. Name an archive: make restore FROM=tenure.tar") from error
    with archive, tempfile.TemporaryDirectory(dir=data) as folder:
        archive.extractall(folder, filter="data")
        manifest = read_manifest(Path(folder) / "manifest.json")
        with addresses(data, alone=True) as variables:
            owner = variables["TENURE_DATABASE_OWNER_URL"]
            check_target(manifest, owner, data)
            run("pg_restore", "--exit-on-error", "--single-transaction", f"--dbname={owner}", f"{folder}/database.dump")
            if (Path(folder) / "files").exists():
                (Path(folder) / "files").replace(data / "files")
            keep_keys(data, manifest["keys"])
    say(f"Restored what {source} held on {manifest['written_at']}. `make up` starts it.")
    return 0


def read_manifest(path: Path) -> dict:
    """The archive's own description, or a sentence that this is no archive of ours."""
    try:
        manifest = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise StackError("This is no backup of Tenure: it has no readable manifest.json.") from error
    if manifest.get("format") != FORMAT:
        raise StackError(f"The backup has format {manifest.get('format')}, and this version of Tenure reads {FORMAT}.")
    return manifest


def check_target(manifest: dict, owner: str, data: Path) -> None:
    """Refuse to restore over something, or into a database whose roles have other names."""
    name = Address(owner).database
    if name != manifest["database"]:
        raise StackError(
            f"The backup is of the database {manifest['database']}, and rights in it name its roles; "
            f"it cannot be restored into {name}. Name the database {manifest['database']} in DATABASE_URL."
        )
    with psycopg.connect(owner) as connection:
        row = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()
    if (row and row[0]) or (data / "files").exists():
        raise StackError("Restoring needs an empty portal, and this one has data. Set TENURE_DATA to a new folder.")


def keep_keys(data: Path, keys: dict[str, str]) -> None:
    """Take over the keys that the restored data was written with."""
    secrets = Secrets(data)
    write_private(secrets.path, json.dumps(secrets.all() | keys, indent=2, sort_keys=True) + "\n")


def run(program: str, *words: str, hint: str = "") -> None:
    """Run a program of PostgreSQL; its complaint becomes ours."""
    folder, _ = find_postgres()
    done = subprocess.run(
        [folder / program, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StackError(f"{program} failed: {done.stderr.strip()} {hint}".strip())
