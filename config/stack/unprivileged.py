"""Run a command as somebody other than root, because PostgreSQL refuses to be started by root.

    python -I unprivileged.py namespace COMMAND...   in a user namespace: the files stay root's, nobody else is involved
    python -I unprivileged.py UID COMMAND...         as that user, where namespaces are forbidden

A script of its own, and not a `preexec_fn`, because a user namespace can only be entered by a process with one thread.
"""

import os
import sys
from pathlib import Path

NOBODY = 65534


def enter_namespace() -> None:
    """Become uid 65534 in a new user namespace in which that uid stands for the caller."""
    uid, gid = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1")


def become(uid: int) -> None:
    """Drop root's identity for good."""
    import pwd

    gid = pwd.getpwuid(uid).pw_gid
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def main(identity: str, command: list[str]) -> None:
    """Take the identity and become the command."""
    if identity == "namespace":
        enter_namespace()
    else:
        become(int(identity))
    os.execv(command[0], command)  # noqa: S606 - a shell would only stand in between


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
