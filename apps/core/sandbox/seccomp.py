"""A system call filter for a process that only computes: no sockets, no new processes, no reaching out.

The filter is a short program in the kernel's classic BPF, written here instruction by instruction: what is named
below is refused with "operation not permitted", everything else stays allowed (Landlock decides about files).
"""

from __future__ import annotations

import ctypes
import errno
import os

from . import kernel

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SECCOMP_CALL = {"x86_64": 317, "aarch64": 277}
X32_BIT = 0x40000000
SET_MODE_FILTER = 1
FILTER_ALL_THREADS = 1
CLONE_THREAD = 0x00010000

# name: (x86_64, aarch64); None where the family does not have the call.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kcmp": (312, 272),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "personality": (135, 92),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "setpgid": (109, 154),
    "setsid": (112, 157),
}
# Only towards oneself: the first argument has to be our own process number.
ONLY_SELF: dict[str, tuple[int, int]] = {"kill": (62, 129), "tgkill": (234, 131)}
CLONE = (56, 220)
CLONE3 = 435

LOAD, JUMP_EQUAL, JUMP_SET, JUMP_AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
OFFSET_NUMBER, OFFSET_ARCH, OFFSET_FIRST_ARGUMENT = 0, 4, 16

Instruction = tuple[int, int, int, int]


class _Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Filter))]


def _refuse(error: int = errno.EPERM) -> Instruction:
    return (RETURN, 0, 0, REFUSE | error)


def _when(number: int, body: list[Instruction]) -> list[Instruction]:
    """The body for one call number, stepped over for every other; each body ends with a return."""
    return [(JUMP_EQUAL, 0, len(body), number), *body]


def instructions(family: str, own_pid: int) -> list[Instruction]:
    """The filter program for a processor family as (code, jump if true, jump if false, value)."""
    column = 0 if family == "x86_64" else 1
    program: list[Instruction] = [
        (LOAD, 0, 0, OFFSET_ARCH),
        (JUMP_EQUAL, 1, 0, AUDIT_ARCH[family]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, OFFSET_NUMBER),
    ]
    if family == "x86_64":
        program += [(JUMP_AT_LEAST, 0, 1, X32_BIT), _refuse()]
    for numbers in REFUSED.values():
        if (number := numbers[column]) is not None:
            program += _when(number, [_refuse()])
    first_argument = (LOAD, 0, 0, OFFSET_FIRST_ARGUMENT)
    allow = (RETURN, 0, 0, ALLOW)
    for pair in ONLY_SELF.values():
        program += _when(pair[column], [first_argument, (JUMP_EQUAL, 0, 1, own_pid), allow, _refuse()])
    # Threads are welcome, processes are not; clone3 hides its flags, so the C library is sent back to clone.
    program += _when(CLONE[column], [first_argument, (JUMP_SET, 0, 1, CLONE_THREAD), allow, _refuse()])
    program += _when(CLONE3, [_refuse(errno.ENOSYS)])
    return [*program, allow]


def restrict() -> None:
    """Put the filter on every thread of this process, for good; raises Unavailable with the reason."""
    family = kernel.machine()
    if family not in AUDIT_ARCH:
        raise kernel.Unavailable(f"There is no system call filter for the processor family {family}.")
    rows = instructions(family, os.getpid())
    filters = (_Filter * len(rows))(*(_Filter(*row) for row in rows))
    program = _Program(len(rows), filters)
    try:
        kernel.syscall(
            SECCOMP_CALL[family],
            ctypes.c_uint(SET_MODE_FILTER),
            ctypes.c_uint(FILTER_ALL_THREADS),
            ctypes.byref(program),
        )
    except OSError as error:
        raise kernel.Unavailable(f"System call filters are not allowed here ({error.strerror}).") from error
