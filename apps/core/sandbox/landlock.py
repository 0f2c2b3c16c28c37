"""Landlock: which files this process may still reach, decided by the process itself and never taken back."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from . import kernel

# The same numbers on every processor family.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
REMOVE_FILE, MAKE_REG = 32, 256
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV

READ = READ_FILE | READ_DIR
# Regular files only: no folders, links, sockets or devices can be made.
WRITE = READ | WRITE_FILE | TRUNCATE | MAKE_REG | REMOVE_FILE

TCP_BIND_AND_CONNECT = 3
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 3


class _Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("access", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def version() -> int:
    """The Landlock version of this kernel; raises Unavailable where there is none."""
    try:
        return kernel.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(CREATE_RULESET_VERSION))
    except OSError as error:
        raise kernel.Unavailable(f"Landlock is not available on this kernel ({error.strerror}).") from error


def _ruleset(abi: int) -> tuple[int, int]:
    """Descriptor of a new rule set that handles everything this version knows, and the file rights it handles."""
    rights = RIGHTS_BY_ABI[min(abi, 5)]
    attributes = _Ruleset(
        fs=rights,
        net=TCP_BIND_AND_CONNECT if abi >= 4 else 0,
        scoped=SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if abi >= 6 else 0,
    )
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    descriptor = kernel.syscall(CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))
    return descriptor, rights


def _allow(ruleset: int, rights: int, path: Path) -> None:
    """Allow these rights beneath the path; a path that does not exist needs no rule."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            rights &= OF_FILES
        rule = _PathBeneath(access=rights, parent=descriptor)
        kernel.syscall(
            ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(RULE_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0)
        )
    finally:
        os.close(descriptor)


def restrict(*, readable: Iterable[Path], writable: Iterable[Path]) -> int:
    """Close everything but these paths to this thread and its descendants; gives the version that holds."""
    abi = version()
    ruleset, handled = _ruleset(abi)
    try:
        for path in readable:
            _allow(ruleset, READ & handled, path)
        for path in writable:
            _allow(ruleset, WRITE & handled, path)
        kernel.syscall(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return abi
