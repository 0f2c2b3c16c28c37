"""Where the prediction server keeps its files and what it allows: written by `serve`, read by every process."""

import fcntl
import json
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

MIB = 1024**2
VARIABLE = "TENURE_SERVING"
PARENT = "TENURE_SERVING_PARENT"


@dataclass(frozen=True)
class Config:
    """One host's prediction server. `run` is the folder of its files; sizes are bytes, times are seconds."""

    run: Path
    host: str = "127.0.0.1"
    port: int = 8001
    workers: int = 1
    # A thread waits where a caller sends its request slowly. There are more of them than one organization may hold, so
    # that one organization's slow callers do not keep the others waiting.
    threads: int = 64
    at_once: int = 32
    body_limit: int = 8 * MIB
    row_limit: int = 10_000
    spool_limit: int = 2048 * MIB
    segment_size: int = 16 * MIB
    sync_every: float = 1.0
    metrics_token: str = field(default="", repr=False)

    @property
    def routes(self) -> Path:
        """The routing table as the router last wrote it."""
        return self.run / "routes.json"

    @property
    def models(self) -> Path:
        """Checked artifacts, each named by its SHA-256."""
        return self.run / "models"

    @property
    def spool(self) -> Path:
        """Records that wait for the recorder."""
        return self.run / "spool"

    @property
    def counts(self) -> Path:
        """Counts that outlive the processes."""
        return self.run / "counts"

    @property
    def unrecorded(self) -> Path:
        """Records that could not be stored, kept for a person to look at."""
        return self.run / "unrecorded"

    @property
    def metrics(self) -> Path:
        """What the processes' metrics are added up from."""
        return self.run / "metrics"

    @property
    def file(self) -> Path:
        """This configuration, as the other processes find it."""
        return self.run / "config.json"

    @property
    def server_id(self) -> str:
        """The name of this host's server in counters; made once, kept with its files."""
        return (self.run / "server-id").read_text().strip()

    def prepare(self) -> None:
        """Make the folders, closed to others, and write the configuration where the other processes look."""
        for folder in (self.run, self.models, self.spool, self.counts, self.unrecorded, self.metrics):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = self.run / "server-id"
        if not name.exists():
            name.write_text(uuid.uuid4().hex)
        content = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}
        replace(self.file, json.dumps(content).encode())

    def lock(self, name: str) -> IO[bytes] | None:
        """Hold this server's files for one process of a kind; None while another holds them. Close it to let go."""
        file = (self.run / f"{name}.lock").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file

    @classmethod
    def load(cls, path: str | Path) -> "Config":
        """The configuration another process wrote."""
        content = json.loads(Path(path).read_text())
        return cls(**{**content, "run": Path(content["run"])})


def replace(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old content or the new one, never a part; closed to others."""
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(path)
