"""Where things lie: the checkout, the data folder, and short folders for sockets."""

import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path

from config.stack.errors import StackError

ROOT = Path(__file__).resolve().parent.parent.parent
# A socket's address has 104 bytes on macOS and 108 on Linux; PostgreSQL adds ".s.PGSQL.5432.lock" to the folder.
LONGEST_SOCKET_FOLDER = 80


def data_folder() -> Path:
    """`$TENURE_DATA`, or `var/` in the checkout."""
    return Path(os.environ.get("TENURE_DATA") or ROOT / "var").expanduser().absolute()


def private(folder: Path, mode: int = 0o700) -> Path:
    """The folder, made if missing, that nobody else may enter."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if stat.S_IMODE(folder.stat().st_mode) != mode and folder.stat().st_uid == os.geteuid():
            folder.chmod(mode)
    except OSError as error:
        raise StackError(
            f"Cannot use the folder {folder}: {error.strerror}. Set TENURE_DATA to a folder you may write in."
        ) from error
    return folder


def socket_folder(folder: Path) -> Path:
    """The folder itself, or a short stand-in for it when its path is too long or too odd for a socket's address.

    Nothing is made yet: `own` does that when the server starts, and the server removes it when it stops.
    """
    if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER and re.fullmatch(r"[\w./-]+", str(folder), re.ASCII):
        return folder
    name = f"tenure-{os.geteuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:10]}"
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "")
    parent = runtime if runtime.is_absolute() and os.access(runtime, os.W_OK) else Path(short_temporary())
    return parent / name


def short_temporary() -> str:
    """The system's temporary folder, but never one whose own path is long (macOS has those per user)."""
    return found if len(found := tempfile.gettempdir()) <= 30 else "/tmp"  # noqa: S108 - own() refuses a stranger's folder


def own(folder: Path) -> Path:
    """A private folder in a shared place; refuses one that somebody else laid there."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise StackError(
            f"{folder} belongs to somebody else. Remove it, or set XDG_RUNTIME_DIR to a folder of your own."
        )
    folder.chmod(0o700)
    return folder
