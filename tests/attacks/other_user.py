"""Runs programs as a plain user, also where the tests run as root; root's interpreter may be in a closed directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs")
# In a mount namespace of its own: the closed directories get a mode that lets everybody pass, and hold nothing but these.
OPEN_UP = """set -e
closed=$1; shift
mount --make-rprivate /
staging=$(mktemp -d)
trap 'rmdir "$staging"' EXIT
mount --bind "$1" "$staging"
mount -t tmpfs -o mode=755 none "$closed"
mkdir -p "$1"
mount --move "$staging" "$1"
trap - EXIT
rmdir "$staging"
shift
exec "$@"
"""


def plain_user() -> int:
    """The user id of programs that `as_plain_user` starts."""
    return NOBODY if os.geteuid() == 0 else os.geteuid()


def as_plain_user(argv: Sequence[str]) -> list[str]:
    """The command line that runs this as a user without privileges: this one, or nobody where this one is root."""
    if os.geteuid() != 0:
        return list(argv)
    prefix = Path(sys.base_prefix)
    closed = next((path for path in (*reversed(prefix.parents), prefix) if not path.stat().st_mode & 0o001), None)
    if closed is None:
        return [*AS_NOBODY, *argv]
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip(f"{closed} is closed for nobody, and mount namespaces are not allowed here")
    return ["unshare", "--mount", "sh", "-c", OPEN_UP, "sh", str(closed), str(prefix), *AS_NOBODY, *argv]


def give_to_plain_user(directory: Path) -> None:
    """Make the user of `as_plain_user` the owner of the directory and of what is in it."""
    if os.geteuid() == 0:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
