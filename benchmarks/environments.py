"""Environments of the peers: one each, made once in the data folder and used again."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from django.conf import settings

PEERS = Path(__file__).parent / "peers"
# Floors and ceilings as they had to be found: neither Evidently nor NannyML imports with what pip takes by itself.
PACKAGES = {
    "evidently": ["evidently==0.7.23", "pandas<3"],
    "nannyml": ["nannyml==0.13.1", "statsmodels", "pandas<3"],
    "polars": ["polars"],
}


# No usage data leaves the machine, and one core for all.
QUIET = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "POLARS_MAX_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def run(peer: str, script: str, *arguments: Any) -> dict[str, list[float]]:
    """What a peer's script prints, run with the peer's own Python."""
    command = [str(_python(peer)), str(PEERS / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **QUIET})
    if done.returncode:
        raise SystemExit(f"{peer} failed:\n{done.stderr[-2000:]}")
    found: dict[str, list[float]] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _python(peer: str) -> Path:
    folder = Path(settings.TENURE_DATA) / "peers" / peer
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"Installing {peer} into an environment of its own ...", flush=True)
        venv.create(folder, with_pip=True, clear=True, symlinks=sys.platform != "win32")
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES[peer]], check=True)
        (folder / "ready").touch()
    return python
