"""Run one function of our own in an isolated child: limits, no network, no foreign files, JSON and flat files back."""

from .child import classify
from .client import Profile, close_idle, run
from .errors import Cancelled, Crashed, Failed, OutOfMemory, Refused, SandboxError, TimedOut
from .job import GIB, KIB, MIB, Job, Limits, Progress, Result, sandboxed

__all__ = [
    "GIB",
    "KIB",
    "MIB",
    "Cancelled",
    "Crashed",
    "Failed",
    "Job",
    "Limits",
    "OutOfMemory",
    "Profile",
    "Progress",
    "Refused",
    "Result",
    "SandboxError",
    "TimedOut",
    "classify",
    "close_idle",
    "run",
    "sandboxed",
]
