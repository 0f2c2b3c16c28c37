"""The few kernel calls that the walls need, through ctypes. Linux; elsewhere each says that it is missing."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys

IS_LINUX = sys.platform.startswith("linux")

PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
CAPABILITY_VERSION_3 = 0x20080522
LAST_CAPABILITY = 63

_libc = ctypes.CDLL(None, use_errno=True) if IS_LINUX else None


class Unavailable(Exception):
    """A wall that this machine cannot give; the text says which and why."""


def machine() -> str:
    """The processor family as the kernel names it."""
    return platform.machine()


def syscall(number: int, *arguments: object) -> int:
    """Call the kernel; raises OSError with its error number."""
    if _libc is None:
        raise Unavailable("This system is not Linux.")
    answer = _libc.syscall(ctypes.c_long(number), *arguments)
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(answer)


def prctl(option: int, argument: int = 0, second: int = 0) -> None:
    """Set a property of this process; raises OSError where the kernel refuses."""
    if _libc is None:
        raise Unavailable("This system is not Linux.")
    if _libc.prctl(option, ctypes.c_ulong(argument), ctypes.c_ulong(second), ctypes.c_ulong(0), ctypes.c_ulong(0)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def die_with_parent() -> None:
    """Be killed when the parent ends, however it ends."""
    if IS_LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ended, so that they can be found and killed."""
    if IS_LINUX:
        prctl(PR_SET_CHILD_SUBREAPER, 1)


def no_new_privileges() -> None:
    """No program started from here can gain rights."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapabilitySet(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def drop_capabilities() -> None:
    """Give up every special right of the superuser for good; harmless for an ordinary user."""
    if _libc is None:
        raise Unavailable("This system is not Linux.")
    for number in range(LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, number)
        except OSError:
            break
    try:
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    except OSError:
        pass
    header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
    empty = (_CapabilitySet * 2)()
    if _libc.capset(ctypes.byref(header), ctypes.byref(empty)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
