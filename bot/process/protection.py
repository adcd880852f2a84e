"""Protects this process and what it creates from other programs of the same user."""

from __future__ import annotations

import ctypes
import os
import resource
import sys

PRIVATE_UMASK = 0o077
_PR_SET_DUMPABLE = 4  # linux/prctl.h


def apply() -> None:
    """Create files for this user only, write no core dumps, and refuse ptrace and /proc to all but root.

    The files in /proc/PID of a process that is not dumpable belong to root, and nobody else may attach to it:
    PR_SET_DUMPABLE in prctl(2), ptrace(2) on access modes. An exec makes a process dumpable again, so each calls this.
    Raises OSError when the kernel refuses.
    """
    os.umask(PRIVATE_UMASK)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE) failed")
