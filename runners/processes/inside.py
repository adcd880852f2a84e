"""The first program inside the wall: gives up what it does not need and becomes the program.

`python -I -S inside.py UID DIRECTORY NAME=LIMIT ... -- argv`. UID is `-` where the user is final already.
Imports next to nothing, so that the program is there within milliseconds: `signal` alone would take a third of the time.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

NOT_STARTED = 127  # a shell's exit code for a program that it cannot run
KILLED_FIRST = 800  # of 1000: when memory runs out, the kernel kills a child before it kills the bot
_NEW_USER_NAMESPACE = 0x10000000  # CLONE_NEWUSER of sched.h
_SET_DUMPABLE = 4  # PR_SET_DUMPABLE of prctl.h
_DROP_FROM_BOUNDS, _CAPABILITIES = 24, 64  # PR_CAPBSET_DROP of prctl.h; capabilities that there may ever be
_SET_NO_NEW_PRIVS = 38  # PR_SET_NO_NEW_PRIVS of prctl.h
_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # system calls of Landlock, the same on all machines
_SCOPE_ABSTRACT_SOCKETS = 1  # LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET of landlock.h
_SIGNALS = (2, 15, 1, 13)  # SIGINT, SIGTERM, SIGHUP, SIGPIPE of signal(7)
_SYSTEM = ctypes.CDLL(None, use_errno=True)


def _become_user(uid: int) -> None:
    """Leave root irrevocably; then enter a user namespace, in which the limit of processes counts only this program's."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    _SYSTEM.prctl(_SET_DUMPABLE, 1, 0, 0, 0)  # else /proc/self belongs to root, and the maps cannot be written
    if _SYSTEM.unshare(_NEW_USER_NAMESPACE):
        return  # the machine forbids it to plain users: the user alone separates
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{uid} {uid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib costs milliseconds
            file.write(text)
    for capability in range(_CAPABILITIES):
        _SYSTEM.prctl(_DROP_FROM_BOUNDS, capability, 0, 0, 0)
    with open("/proc/sys/user/max_user_namespaces", "w", encoding="ascii") as file:  # noqa: PTH123 - as above
        file.write("0")


def _leave_abstract_sockets() -> None:
    """Close the abstract Unix sockets of the machine, which are in no directory but in the network, to this program.

    By Landlock of Linux 6.12 (landlock(7)): an older kernel refuses, and they stay reachable.
    """
    attributes = b"".join(number.to_bytes(8, sys.byteorder) for number in (0, 0, _SCOPE_ABSTRACT_SOCKETS))
    rules = _SYSTEM.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_long(0))
    if rules >= 0:
        _SYSTEM.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _SYSTEM.syscall(_RESTRICT_SELF, ctypes.c_long(rules), ctypes.c_long(0))
        os.close(rules)


def _limit(name: str, value: int) -> None:
    number = getattr(resource, f"RLIMIT_{name}")
    _, most = resource.getrlimit(number)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(number, (value, value))


def _main(uid: str, directory: str, rest: list[str]) -> None:
    end = rest.index("--")
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123 - as above
            file.write(str(KILLED_FIRST))
        if uid != "-":
            _become_user(int(uid))
        _leave_abstract_sockets()
        for entry in rest[:end]:
            name, _, value = entry.partition("=")
            _limit(name, int(value))
        os.umask(0o077)
        os.chdir(directory)
        for number in _SIGNALS:
            _SYSTEM.signal(number, None)  # SIG_DFL
        os.execvp(rest[end + 1], rest[end + 1 :])  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        sys.stderr.write(f"{rest[end + 1]}: {error}\n")
        sys.stderr.flush()
    os._exit(NOT_STARTED)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], sys.argv[3:])
