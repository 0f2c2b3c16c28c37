"""bubblewrap as the outermost wall, where it is installed and allowed: own network, processes and read-only files."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

OPTIONS = (
    "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
    "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--new-session",
)  # fmt: skip


@functools.cache
def _probe(path: str) -> str:
    """Empty when bubblewrap works here, else a sentence with its own reason."""
    try:
        tried = subprocess.run(  # noqa: S603 - the program that PATH names
            [path, *OPTIONS, "/bin/true"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap is installed but did not start ({error})."
    if tried.returncode == 0:
        return ""
    reason = (tried.stderr.strip().splitlines() or ["no reason given"])[-1]
    return f"bubblewrap is installed but not allowed here ({reason})."


def prefix(writable: str) -> tuple[list[str], str]:
    """Command to put in front so that only this folder can be written, and why not where the command is empty."""
    if os.environ.get("TENURE_SANDBOX", "") == "without-bubblewrap":
        return [], "bubblewrap is switched off by TENURE_SANDBOX."
    path = shutil.which("bwrap")
    if not path:
        return [], "bubblewrap is not installed."
    reason = _probe(path)
    return ([], reason) if reason else ([path, *OPTIONS, "--bind", writable, writable], "")
