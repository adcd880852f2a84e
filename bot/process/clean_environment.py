"""Moves the variables out of the initial environment of this process, which other programs of its user can read.

/proc/PID/environ is the memory that the kernel filled at the last exec (proc_pid_environ(5)). Whatever a process does to
its variables later, that memory stays. So the program executes itself again, and gets its variables in another way.
This module is imported before all others and imports little, so that this costs milliseconds.
"""

from __future__ import annotations

import fcntl
import os
import sys

# The number of the descriptor that holds the variables of the process that was executed before.
HANDED_OVER = b"SIGNALBOX_ENVIRONMENT_FD"
# What the interpreter, its libraries and the loader read before any code of ours runs. None of it is a secret.
PUBLIC = frozenset({b"PATH", b"HOME", b"USER", b"LOGNAME", b"SHELL", b"TERM", b"TMPDIR", b"TZ", b"LANG", b"LANGUAGE"})
PUBLIC_PREFIXES = (b"LC_", b"PYTHON", b"LD_", b"MALLOC_", b"GLIBC_")
_SEALS = (
    fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE if sys.platform == "linux" else 0
)


def establish() -> None:
    """Execute this program again with public variables only, or take over what the first execution handed on.

    Does nothing without variables to move, and on systems other than Linux, which have no such file.
    """
    if sys.platform != "linux":
        return
    descriptor = os.environb.pop(HANDED_OVER, None)
    if descriptor is not None:
        os.environb.update(_read(int(descriptor)))
        return
    variables = dict(os.environb)
    public = {name: value for name, value in variables.items() if is_public(name)}
    private = {name: value for name, value in variables.items() if name not in public}
    if private:
        public[HANDED_OVER] = str(_written(private)).encode()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], public)  # noqa: S606  -- itself


def is_public(name: bytes) -> bool:
    """Whether this variable stays in the initial environment."""
    return name in PUBLIC or name.startswith(PUBLIC_PREFIXES)


def _written(variables: dict[bytes, bytes]) -> int:
    """An inheritable descriptor of a sealed file in memory with these variables, in the form of /proc/PID/environ."""
    descriptor = os.memfd_create("environment", os.MFD_ALLOW_SEALING)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(b"".join(b"%b=%b\0" % pair for pair in variables.items()))
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    os.set_inheritable(descriptor, True)  # noqa: FBT003  -- its only argument
    return descriptor


def _read(descriptor: int) -> dict[bytes, bytes]:
    """The variables of such a file, which is closed and so freed. Raises OSError for a descriptor of another kind."""
    with os.fdopen(descriptor, "rb") as file:
        if fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) != _SEALS:
            raise OSError(f"{HANDED_OVER.decode()} names no sealed file; unset it")
        file.seek(0)
        pairs = (entry.partition(b"=") for entry in file.read().split(b"\0") if entry)
        return {name: value for name, _, value in pairs}
