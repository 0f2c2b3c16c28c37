"""A PostgreSQL server of our own on a private unix socket.

The wheel's own manager is not used: run as root it makes system users and opens parent folders for everyone. Here
root's server runs in a user namespace, so its files stay root's; only where that is forbidden it runs as another user.
"""

import contextlib
import functools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from config.stack.errors import StackError
from config.stack.folders import ROOT, own, private, socket_folder
from config.stack.programs import find_postgres

ADMINISTRATOR = "postgres"
SETTINGS = {"listen_addresses": "", "timezone": "UTC", "log_timezone": "UTC", "max_connections": "100"}
# A test database may be lost with the machine; it need not wait for the disk.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
WRAPPER = Path(__file__).with_name("unprivileged.py")
REFUSED = (
    "PostgreSQL must not run as root, and no other user can reach {folder}. Start Tenure as an ordinary user, "
    "or set TENURE_DATA to a folder that others may enter, such as /var/lib/tenure."
)


class Server:
    """One cluster in `folder`/cluster, its socket, its log and its process."""

    def __init__(self, folder: Path, password: str, settings: dict[str, str] | None = None) -> None:
        self.folder = private(folder)
        self.cluster = folder / "cluster"
        self.log = folder / "log"
        self.sockets = socket_folder(folder / "socket")
        self.password = password
        self.settings = {**SETTINGS, **(settings or {})}
        self.programs, self.version = find_postgres()
        self.process: subprocess.Popen | None = None

    def url(self, database: str = "postgres") -> str:
        """The administrative address of a database of this server."""
        host = quote(str(self.sockets), safe="")
        return f"postgresql://{ADMINISTRATOR}:{quote(self.password, safe='')}@{host}:5432/{quote(database)}"

    def start(self) -> None:
        """Answering queries when this returns; a server left behind by a killed portal is taken over."""
        if not self.cluster.exists():
            self.create()
        self.check_version()
        if not self.left_running():
            self.launch()
        self.wait_until_ready()

    def create(self) -> None:
        """initdb under a temporary name, renamed when complete, so that a broken one is never taken for a cluster."""
        temporary = self.folder / "cluster.new"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(mode=0o700)
        password_file = self.folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        command = [
            "initdb",
            "-D",
            temporary,
            "-U",
            ADMINISTRATOR,
            "-A",
            "scram-sha-256",
            "--pwfile",
            password_file,
            "-E",
            "UTF8",
        ]
        command += locale_options(self.version)
        if self.settings.get("fsync") == "off":
            command.append("--no-sync")
        self.hand_over(temporary, password_file)
        try:
            with self.log.open("ab") as log:
                done = subprocess.run(
                    self.as_somebody(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
                )
        finally:
            password_file.unlink()
        if done.returncode:
            raise StackError(f"PostgreSQL could not make its data folder. Its log is {self.log}:\n{tail(self.log)}")
        temporary.rename(self.cluster)

    def check_version(self) -> None:
        """Refuse a cluster of another major version, which PostgreSQL cannot read."""
        made_by = (self.cluster / "PG_VERSION").read_text().strip()
        if made_by != str(self.version):
            raise StackError(
                f"{self.cluster} was made by PostgreSQL {made_by}, and {self.programs} has {self.version}. Set "
                f"TENURE_POSTGRES_BIN to the programs of {made_by}, or restore a backup into an empty TENURE_DATA."
            )

    def left_running(self) -> bool:
        """Whether a postmaster of this cluster lives. Orphans of a dead one, and its stale locks, are cleared away."""
        pid = postmaster_pid(self.cluster)
        if pid and is_serving(pid, self.cluster):
            return True
        if orphans := processes_in(self.cluster):
            _, alive = psutil.wait_procs(orphans, timeout=5)
            for process in alive:
                process.kill()
            psutil.wait_procs(alive, timeout=5)
        for lock in (
            self.cluster / "postmaster.pid",
            self.sockets / ".s.PGSQL.5432.lock",
            self.sockets / ".s.PGSQL.5432",
        ):
            lock.unlink(missing_ok=True)
        return False

    def launch(self) -> None:
        """Start the postmaster in a session of its own; its output goes to a file, for a pipe would be inherited."""
        settings = self.settings | {"unix_socket_directories": str(self.sockets), "unix_socket_permissions": "0700"}
        command: list[str | Path] = ["postgres", "-D", self.cluster]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.hand_over(own(self.sockets))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.as_somebody(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.folder,
            )

    def wait_until_ready(self, seconds: float = 90) -> None:
        """Returns when a query is answered: after a crash the server first repairs itself."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with psycopg.connect(self.url(), connect_timeout=5):
                    return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or not self.is_alive():
                    raise StackError(
                        f"PostgreSQL did not start: {error}Its log is {self.log}:\n{tail(self.log)}"
                    ) from error
            time.sleep(0.03)

    def is_alive(self) -> bool:
        """Whether the postmaster lives, started by us or taken over."""
        if self.process:
            return self.process.poll() is None
        pid = postmaster_pid(self.cluster)
        return bool(pid and is_serving(pid, self.cluster))

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is kept."""
        pid = self.process.pid if self.process else postmaster_pid(self.cluster)
        if pid and self.is_alive():
            for sign, seconds in ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
                if self.wait_until_gone(seconds):
                    break
        self.process = None
        with contextlib.suppress(OSError):
            self.sockets.rmdir()

    def wait_until_gone(self, seconds: float) -> bool:
        """Whether the postmaster ended within that time."""
        deadline = time.monotonic() + seconds
        while self.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.is_alive()

    def as_somebody(self, command: list) -> list[str]:
        """The command with full paths, wrapped for root in the identity that PostgreSQL accepts."""
        full = [str(self.programs / command[0]), *map(str, command[1:])]
        if os.geteuid() != 0:
            return full
        return [sys.executable, "-I", str(WRAPPER), self.identity, *full]

    @functools.cached_property
    def identity(self) -> str:
        """For root: `namespace` if allowed, else the uid of a user who can reach programs and data."""
        if self.cluster.exists() and (owner := self.cluster.stat().st_uid):
            return str(owner)
        if self.works_as("namespace"):
            return "namespace"
        checkout_owner = str(ROOT.stat().st_uid)
        nobody = str(pwd.getpwnam("nobody").pw_uid)
        for uid in (checkout_owner, nobody):
            if uid != "0" and self.works_as(uid):
                return uid
        raise StackError(REFUSED.format(folder=self.folder))

    def works_as(self, identity: str) -> bool:
        """Whether PostgreSQL runs under that identity and could reach the data folder's parents."""
        if identity != "namespace":
            self.folder.chmod(0o711)
        probe = [
            "/bin/sh",
            "-c",
            '"$1" --version && cd "$2"',
            "probe",
            str(self.programs / "postgres"),
            str(self.folder),
        ]
        command = [sys.executable, "-I", str(WRAPPER), identity, *probe]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0

    def hand_over(self, *paths: Path) -> None:
        """Give the paths to the user that the server will run as, where that is not us."""
        if os.geteuid() == 0 and (identity := self.identity).isdigit():
            for path in paths:
                os.chown(path, int(identity), -1)


def locale_options(version: int) -> list[str]:
    """Sorting by code point and Unicode's upper and lower case, the same on every machine that can."""
    if version >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"] if sys.platform == "linux" else ["--no-locale"]


def postmaster_pid(cluster: Path) -> int | None:
    """The process that wrote the cluster's lock, if there is one."""
    try:
        return int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def is_serving(pid: int, cluster: Path) -> bool:
    """Whether that process works in that cluster: a zombie does not, nor a stranger who got the number later."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and os.path.samefile(process.cwd(), cluster)
    except (psutil.Error, OSError):
        return False


def processes_in(cluster: Path) -> list[psutil.Process]:
    """Server processes that work in the cluster, also those whose postmaster has died."""
    named = [process for process in psutil.process_iter(["name"]) if "postgres" in (process.info["name"] or "")]
    return [process for process in named if is_serving(process.pid, cluster)]


def tail(path: Path, lines: int = 8) -> str:
    """The last lines of a log."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
