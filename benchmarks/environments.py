"""Environments of the peers: one each, made once in the data folder and used again."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

PEERS = Path(__file__).parent / "peers"
# Floors and ceilings as they had to be found: hardly one of them imports with what pip takes by itself.
PACKAGES = {
    "evidently": ["evidently==0.7.23", "pandas<3", "onnxruntime"],
    "nannyml": ["nannyml==0.13.1", "statsmodels", "pandas<3"],
    "whylogs": ["whylogs[viz]==1.6.4", "pandas<3", "numpy<2", "pyarrow<22", "setuptools<80"],
    "polars": ["polars"],
    "pyarrow": ["pyarrow"],
    "duckdb": ["duckdb"],
    "spark": ["pyspark>=4.3"],
    "spark-3": ["pyspark==3.5.7", "setuptools"],
    "deepchecks": [
        "deepchecks==0.19.1",
        "setuptools<80",
        "pandas<3",
        "numpy<2",
        "scikit-learn<1.6",
        "onnxruntime",
        "pyarrow<22",
    ],
    "giskard": ["giskard==2.19.1", "setuptools<80", "pandas<3", "onnxruntime", "pyarrow<22"],
}
# Their last releases do not install on a newer Python.
PYTHONS = {"deepchecks": "python3.11", "giskard": "python3.11", "whylogs": "python3.11"}

# No usage data leaves the machine, and one core for all.
QUIET = {
    "DO_NOT_TRACK": "1",
    "NML_DISABLE_USAGE_LOGGING": "1",
    "WHYLOGS_NO_ANALYTICS": "1",
    "POLARS_MAX_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
}


class NotHere(Exception):
    """The Python that a peer needs is not on this machine."""


def run(peer: str, script: str, *arguments: Any) -> dict[str, Any]:
    """What a peer's script prints, run with the peer's own Python."""
    command = [str(_python(peer)), str(PEERS / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **QUIET})
    if done.returncode:
        raise SystemExit(f"{peer} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _python(peer: str) -> Path:
    folder = Path(settings.TENURE_DATA) / "peers" / peer
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"Installing {peer} into an environment of its own ...", flush=True)
        subprocess.run([_base(peer), "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES[peer]], check=True)
        (folder / "ready").touch()
    return python


def _base(peer: str) -> str:
    """The Python that a peer's environment is made with."""
    wanted = PYTHONS.get(peer)
    found = shutil.which(wanted) if wanted else sys.executable
    if found is None or subprocess.run([found, "--version"], capture_output=True, check=False).returncode:
        raise NotHere(f"it needs {wanted}.")
    return found
