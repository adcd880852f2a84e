"""A container without privileges, built by hand as Docker builds one: own users, processes and mounts, no capabilities, a seccomp filter.

Sources: seccomp(2), <linux/bpf_common.h>; Docker's default profile (moby, profiles/seccomp/default.json), which answers
EPERM to these system calls, and ENOSYS to clone3, in a container without CAP_SYS_ADMIN.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# unshare, setns, mount, umount2, pivot_root; clone, clone3. From <asm/unistd.h>.
_CALLS = {"x86_64": ((272, 308, 165, 166, 155), 56, 435), "aarch64": ((97, 268, 40, 39, 41), 220, 435)}
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NUMBER, _FIRST_ARGUMENT = 0, 16  # offsets in struct seccomp_data
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_USER = "1000"
# Docker covers a part of /proc, so that no new one can be mounted beside it.
_MASK = "mount --bind -o ro /proc/irq /proc/irq && mount -o remount,bind,ro /proc/irq && "


@dataclass(frozen=True)
class Container:
    """How the container is set up. `root`: its user is root, without capabilities."""

    namespaces: bool = True  # whether its programs may make some
    whole_proc: bool = True
    root: bool = False

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs this in the container."""
        outer = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
        outer += ["--ipc", "--uts", "sh", "-c", f'{"" if self.whole_proc else _MASK}exec "$@"', "sh"]
        user = [] if self.root else ["unshare", "--user", f"--map-user={_USER}", f"--map-group={_USER}"]
        bare = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        filtered = [] if self.namespaces else [sys.executable, "-I", "-S", __file__]
        # Bounds can be dropped as root only, and an exec with a mapping of its own gives all capabilities again.
        return [
            *outer,
            *(bare if self.root else user),
            *([] if self.root else ["setpriv", "--no-new-privs"]),
            *filtered,
            *argv,
        ]


def missing() -> str | None:
    """What keeps this machine from such a container; None where it can be built."""
    if platform.machine() not in _CALLS:
        return f"the seccomp filter has no system calls of {platform.machine()}"
    if not (shutil.which("unshare") and shutil.which("setpriv")):
        return "there is no unshare or setpriv (Debian: apt-get install util-linux)"
    for container in (Container(), Container(whole_proc=False)):
        tried = subprocess.run(container.command(["true"]), capture_output=True, text=True, check=False)
        if tried.returncode:
            return f"no container can be built here: {tried.stderr.strip()}"
    return None


def _operation(code: int, value: int, equal: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("HBBI", code, equal, otherwise, value)


def _filter() -> bytes:
    refused, clone, clone3 = _CALLS[platform.machine()]
    program = [_operation(_LOAD, _NUMBER)]
    for number, error in (*((each, errno.EPERM) for each in refused), (clone3, errno.ENOSYS)):
        program += [_operation(_EQUAL, number, 0, 1), _operation(_RETURN, _ERROR | error)]
    program += [_operation(_EQUAL, clone, 0, 3), _operation(_LOAD, _FIRST_ARGUMENT)]
    program += [_operation(_ANY_BIT, _NEW_NAMESPACES, 0, 1), _operation(_RETURN, _ERROR | errno.EPERM)]
    return b"".join([*program, _operation(_RETURN, _ALLOW)])


def _deny_namespaces() -> None:
    program = ctypes.create_string_buffer(_filter())
    described = struct.pack("HxxxxxxP", len(program.raw) // 8, ctypes.addressof(program))
    system = ctypes.CDLL(None, use_errno=True)
    for call in ((_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_SET_SECCOMP, _FILTER, described, 0, 0)):
        if system.prctl(*call):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    _deny_namespaces()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell is what is wanted
