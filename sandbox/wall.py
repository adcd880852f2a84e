"""Whether this machine lets the bot build a wall around what it starts; where not, the sandbox's bot does without."""

from __future__ import annotations

import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cache

_METADATA_SERVICES = ("169.254.169.254", "fd00:ec2::254", "169.254.170.2", "169.254.170.23", "fd00:ec2::23")
_TRY = ("--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true")


@cache
def missing() -> str:
    """What is missing, for people; empty where there is a wall."""
    program = shutil.which("bwrap")
    if program is None:
        return "bubblewrap is not installed"
    tried = subprocess.run([program, *_TRY], capture_output=True, text=True, check=False)
    return (tried.stderr.strip().splitlines() or ["bubblewrap does not work here"])[-1] if tried.returncode else ""


@cache
def metadata_service_answers() -> bool:
    """Whether this machine has an instance metadata service, as machines of clouds and their test runners have."""
    with ThreadPoolExecutor() as threads:
        return any(threads.map(_answers, _METADATA_SERVICES))


def _answers(address: str) -> bool:
    try:
        socket.create_connection((address, 80), timeout=1.0).close()
    except OSError:
        return False
    return True
