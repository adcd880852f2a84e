"""Whether this machine lets the bot build a wall around what it starts; where not, the sandbox's bot does without."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

_TRY = ("--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true")


@cache
def missing() -> str:
    """What is missing, for people; empty where there is a wall."""
    program = shutil.which("bwrap")
    if program is None:
        return "bubblewrap is not installed"
    tried = subprocess.run([program, *_TRY], capture_output=True, text=True, check=False)
    return (tried.stderr.strip().splitlines() or ["bubblewrap does not work here"])[-1] if tried.returncode else ""
