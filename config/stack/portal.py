"""`up` and `demo`: the whole portal in the foreground of one terminal, until Ctrl-C."""

import contextlib
import http.client
import os
import shlex
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType

from config.stack.errors import StackError
from config.stack.folders import ROOT, data_folder, private
from config.stack.lock import RunLock
from config.stack.postgres import tail
from config.stack.preparing import prepare
from config.stack.processes import Process, clear_leftovers, read_procfile, stop_together
from config.stack.services import Services

SECONDS_TO_BE_READY = 120
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(text: str = "") -> None:
    """One line in the terminal, at once."""
    print(text, flush=True)


class Portal:
    """A portal on one data folder and two ports: its servers, its processes, and what it tells the terminal."""

    def __init__(self, *, demo: bool = False, procfile: Path = ROOT / "Procfile") -> None:
        self.data = private(data_folder())
        self.port = read_port()
        self.host = os.environ.get("TENURE_BIND", "127.0.0.1")
        self.address = os.environ.get("TENURE_ADDRESS") or f"http://127.0.0.1:{self.port}"
        self.demo = demo
        self.procfile = procfile
        self.lock = RunLock(self.data)
        self.services: Services | None = None
        self.processes: list[Process] = []
        self.walk: Process | None = None
        self.environment: dict[str, str] = {}

    def run(self) -> int:
        """Start, stay until a signal, stop; the exit status."""
        self.lock.take(self.address)
        # Said for SIGINT too: a shell that starts us in the background would have us ignore it.
        for sign in ENDINGS:
            signal.signal(sign, interrupt)
        try:
            self.start()
            self.watch()
        except KeyboardInterrupt:
            return 0
        finally:
            self.stop()
        return 1

    def start(self) -> None:
        """Servers, tables, static files, processes, in this order; answers when this returns."""
        clear_leftovers(self.data)
        for port in (self.port, self.port + 1):
            check_port(self.host, port)
        self.services = Services(self.data)
        self.environment = {**os.environ, **self.services.start(self.port), **self.own_variables()}
        say(f"Database and broker run ({self.services.describe()}).")
        prepare(self.data, self.environment)
        self.start_processes()
        self.greet()

    def own_variables(self) -> dict[str, str]:
        """What every process of this portal is told beside the addresses."""
        folder = str(Path(sys.executable).parent)
        variables = {
            "PATH": f"{folder}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "SERVE_PORT": str(self.port + 1),
            "TENURE_BIND": self.host,
            "PYTHONUNBUFFERED": "1",
        }
        return variables | ({"TENURE_DEMO": "1"} if self.demo else {})

    def start_processes(self) -> None:
        """Every line of the Procfile; the web process first and alone, so that it is ready soon."""
        lines = [
            Process(name, command, data=self.data, environment=self.environment, folder=ROOT)
            for name, command in read_procfile(self.procfile).items()
        ]
        for process in sorted(lines, key=lambda process: process.name != "web"):
            self.processes.append(process)
            process.start()
            if process.name == "web":
                self.wait_until_ready(process)

    def wait_until_ready(self, web: Process) -> None:
        """Returns when the web process says that it is ready; one that cannot start ends the portal."""
        deadline = time.monotonic() + SECONDS_TO_BE_READY
        while not answers(self.port, "/health/ready"):
            self.look_after()
            if web.deaths > 2 or time.monotonic() > deadline:
                raise StackError(f"The web process did not become ready. Its log is {web.log}:\n{tail(web.log, 25)}")
            time.sleep(0.1)

    def greet(self) -> None:
        """Where to go, and the demo's walk in the foreground."""
        say(f"Tenure runs at {self.address}/   Logs: {self.data / 'log'}   Ctrl-C stops everything.")
        if self.demo:
            command = shlex.join([sys.executable, "manage.py", "demo"])
            self.walk = Process("demo", command, data=self.data, environment=self.environment, folder=ROOT)
            self.walk.start(to_terminal=True)
        else:
            say("In an empty portal the first page asks for your organization and your account.")

    def watch(self) -> None:
        """Stay until a signal comes, starting again what dies."""
        while True:
            self.look_after()
            if self.walk and not self.walk.is_running:
                self.report_walk(self.walk)
                self.walk = None
            time.sleep(0.2)

    def report_walk(self, walk: Process) -> None:
        """What became of the demo; the portal stays up either way."""
        if walk.popen and walk.popen.returncode:
            say(f"The demo stopped before its end ({walk.bury()}). `make demo` again continues where it stopped.")

    def look_after(self) -> None:
        """Start again whatever has died: servers at once, processes after a growing pause."""
        if self.services:
            for name in self.services.restart_dead():
                say(f"The {name} had died and was started again.")
        for process in self.processes:
            if process.popen and not process.is_running:
                how = process.bury()
                if process.deaths <= 3:
                    say(f"The process {process.name} {how} and is started again. Its log: {process.log}")
            elif not process.popen and time.monotonic() >= process.next_start_at:
                process.start()

    def stop(self) -> None:
        """End every process, then the servers; a second Ctrl-C no longer interrupts it."""
        for sign in ENDINGS:
            signal.signal(sign, signal.SIG_IGN)
        say("Stopping.")
        stop_together([*self.processes, *([self.walk] if self.walk else [])])
        clear_leftovers(self.data)
        if self.services:
            self.services.stop()
        self.lock.release()


def interrupt(_sign: int, _frame: FrameType | None) -> None:
    """End like Ctrl-C does."""
    raise KeyboardInterrupt


def read_port() -> int:
    """`$PORT`, or 8000; the prediction server takes the next one."""
    text = os.environ.get("PORT") or "8000"
    if not text.isdigit() or not 1 <= int(text) < 65535:
        raise StackError(f"PORT is {text!r}; it must be a number between 1 and 65534.")
    return int(text)


def check_port(host: str, port: int) -> None:
    """Refuse a port that somebody else listens on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StackError(
                f"Port {port} cannot be used on {host}: {error.strerror}. Tenure needs PORT and the one after it; "
                "choose another with `make up PORT=8100`."
            ) from error


def answers(port: int, path: str) -> bool:
    """Whether a page is answered with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status == 200
    return False


def stop_running() -> int:
    """Stop the portal of the data folder from another terminal, and whatever a killed one left behind."""
    data = private(data_folder())
    lock = RunLock(data)
    if not lock.try_take():
        with contextlib.suppress(ProcessLookupError, TypeError):
            os.kill(lock.holder().get("pid"), signal.SIGTERM)  # type: ignore[arg-type]
        deadline = time.monotonic() + 40
        while not lock.try_take():
            if time.monotonic() > deadline:
                raise StackError(
                    f"The portal did not stop within 40 seconds; its process is {lock.holder().get('pid')}."
                )
            time.sleep(0.1)
    clear_leftovers(data)
    for folder, suffix in ((data, ""), (data / "test", "_test")):
        if (folder / "secrets.json").exists():
            Services(folder, suffix=suffix).stop()
    say("Stopped.")
    return 0
