"""The wall around what the bot starts: bubblewrap's namespaces, a file system by allow-list, limits.

Sources: bwrap(1), namespaces(7), user_namespaces(7), getrlimit(2).
"""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runners.errors import ProgramMissingError, RunnerError
from runners.processes import inside, interpreter, supervise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

PROGRAM = "bwrap"
DOING = "isolating what it starts"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin"
# The users of children of a bot that runs as root, beyond all ranges that systemd lists in its UIDS-GIDS document: one
# range for environments without the metadata service, and one for those with it.
FIRST_USER, USERS = 2_000_000_000, 100_000
_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
# What programs read of /etc to resolve names, check certificates and load libraries. No passwords, no host keys.
_SETTINGS = (
    "alternatives ca-certificates crypto-policies gai.conf gitconfig host.conf hosts ld.so.cache ld.so.conf ld.so.conf.d"
    " localtime mime.types nsswitch.conf os-release pki/ca-trust pki/tls/certs pki/tls/cert.pem pki/tls/openssl.cnf"
    " protocols resolv.conf services ssh/ssh_config ssh/ssh_config.d ssl/cert.pem ssl/certs ssl/openssl.cnf timezone"
)
# `sh` ignores the signals for bwrap, which would die of them: the process group gets them, and the program inside
# takes them as usual. The two files have names for the users inside.
_START = """trap '' INT TERM HUP
exec "$@" 8<<'USERS' 9<<'GROUPS'
{users}
USERS
{groups}
GROUPS
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use. Sizes are in megabytes; `memory` and `file_size` count for each process and file."""

    memory: int = 8192
    processes: int = 2048
    open_files: int = 8192
    file_size: int = 20_480
    temporary: int = 2048

    @property
    def resources(self) -> dict[str, int]:
        """The limits by their names in setrlimit(2); RLIMIT_AS would stop Go programs, which reserve much and use little."""
        return {
            "CORE": 0,
            "DATA": self.memory << 20,
            "FSIZE": self.file_size << 20,
            "NOFILE": self.open_files,
            "NPROC": self.processes,
        }


@dataclass(frozen=True, slots=True)
class Isolation:
    """How children are separated from the bot: behind a `wall` or not at all.

    `readable` and `writable` are paths of the machine that the configuration grants. `hidden` are the bot's own
    directories: nothing in them is visible, also where they lie in a directory that is. `number` is the environment's,
    from 0: children of a bot that runs as root have a user of their own for each, which limits and signals count by.
    """

    wall: bool = True
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    metadata_service: bool = False
    limits: Limits = field(default_factory=Limits)
    number: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.number < USERS:
            raise ValueError(f"the number of an environment is from 0 to {USERS - 1}, not {self.number}")

    def room(self, *, writable: Iterable[Path] = (), given: Iterable[Path] = (), shared: Iterable[Path] = ()) -> Room:
        """What one child sees: see Room."""
        return Room(self, tuple(writable), tuple(given), tuple(shared))


@dataclass(frozen=True, slots=True)
class Room:
    """What a child sees beside programs and libraries.

    It may change `writable`, and read `given`: both belong to its operation. `shared` is what other operations read too.
    What lies in a writable directory is visible by that alone, and never mounted: a child may have put a link there,
    which would lead into the machine's own files.
    """

    isolation: Isolation
    writable: tuple[Path, ...] = ()
    given: tuple[Path, ...] = ()
    shared: tuple[Path, ...] = ()

    @property
    def walled(self) -> bool:
        """Whether the child runs behind the wall."""
        return self.isolation.wall


WALL: Final = Isolation()  # the usual wall, with no path of the machine granted
OUTSIDE: Final = Room(Isolation(wall=False))  # for programs that run no foreign code, such as ssh


def enter(argv: Sequence[str], room: Room, *, cwd: Path, env: Mapping[str, str]) -> list[str]:
    """The argv that runs this one in its room; hands the operation's files to the child's user where the bot is root.

    Raises:
        FileNotFoundError: there is no such program.
        ProgramMissingError: there is no bwrap.
        RunnerError: the bot is root, and the system refuses to give files to the children's user.
    """
    if not room.walled:
        return list(argv)
    bwrap = shutil.which(PROGRAM, path=SYSTEM_PATH)
    if bwrap is None:
        raise missing()
    program = shutil.which(argv[0], path=env.get("PATH", os.defpath))
    if program is None:
        raise FileNotFoundError(argv[0])
    user = _user(room.isolation)
    if user is not None:
        cached = [path for path in room.shared if _is_of_child(path)]  # its user may be one of before an update
        _hand_all_over((*room.isolation.writable, *room.writable, *room.given, *cached), user)
    options = [*_namespaces(user), *_file_system(room, Path(program))]
    options += [] if room.isolation.metadata_service else ["--setenv", "AWS_EC2_METADATA_DISABLED", "true"]
    limits = [f"{name}={value}" for name, value in room.isolation.limits.resources.items()]
    shim = [sys.executable, "-I", "-S", inside.__file__, "-" if user is None else str(user), str(cwd), *limits, "--"]
    return ["/bin/sh", "-c", _start(user, env.get("HOME", "/")), "sh", bwrap, *options, "--", *shim, program, *argv[1:]]


def missing() -> ProgramMissingError:
    """The error for a machine without bubblewrap."""
    return ProgramMissingError(
        DOING,
        "there is no program bwrap on this machine",
        remedy="Install bubblewrap, or decide for operations.isolation: none (docs/isolation.md).",
    )


def exit_code(code: int) -> int:
    """The program's exit code from bwrap's, a signal as a negative number."""
    return supervise.without_shell(code)


def _user(isolation: Isolation) -> int | None:
    """The child's user outside of the wall where the bot is root; None where it is the bot's own."""
    return None if os.geteuid() else FIRST_USER + USERS * isolation.metadata_service + isolation.number


def _namespaces(user: int | None) -> list[str]:
    own = ["--die-with-parent", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
    if user is not None:  # the mounts are root's, who then leaves for the user in `inside`
        return [*own, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    inner = str(FIRST_USER)
    return [*own, "--unshare-user", "--disable-userns", "--uid", inner, "--gid", inner, "--cap-drop", "ALL"]


def _start(user: int | None, home: str) -> str:
    number = FIRST_USER if user is None else user
    home = "/" if "\n" in home or ":" in home else home
    users, groups = "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin", "nogroup:x:65534:"
    with suppress(KeyError):  # a container's user without a name, who has none inside either
        # The bot's own name: Terraform writes it into a state lock, where the bot recognises it.
        name = pwd.getpwuid(os.geteuid()).pw_name
        users = f"{name}:x:{number}:{number}:Signalbox:{home}:/bin/sh\n{users}"
        groups = f"{name}:x:{number}:\n{groups}"
    return _START.format(users=users, groups=groups)


def _file_system(room: Room, program: Path) -> list[str]:
    isolation = room.isolation
    size = str(isolation.limits.temporary << 20)
    arguments = [*_system()]
    arguments += ["--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--size", size, "--tmpfs", "/tmp"]  # noqa: S108
    arguments += ["--perms", "1777", "--size", size, "--tmpfs", "/dev/shm", "--symlink", "/tmp", "/var/tmp"]  # noqa: S108
    arguments += ["--perms", "0644", "--ro-bind-data", "8", "/etc/passwd"]
    arguments += ["--perms", "0644", "--ro-bind-data", "9", "/etc/group"]
    trees = [Path("/usr"), *interpreter.directories()]
    changeable = (*isolation.writable, *room.writable)
    beyond = _not_within((*_beyond(program, trees), *isolation.readable), changeable)
    readable = [*interpreter.directories(), Path(inside.__file__), *beyond]
    granted = _not_within(isolation.writable, changeable)
    writable = _not_within(room.writable, changeable)
    read_only = _not_within((*room.shared, *room.given), changeable)
    arguments += _parents([*readable, *granted, *read_only, *writable])
    arguments += [*_binds("--ro-bind", readable), *_links_to_python(readable), *_binds("--bind", granted)]
    for path in isolation.hidden:
        if any(path.is_relative_to(tree) for tree in (*trees, *readable, *granted)):
            arguments += ["--tmpfs", str(path), *_parents([*read_only, *writable])]
    arguments += [*_binds("--bind", writable), *_binds("--ro-bind", read_only)]
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/"]


@cache
def _system() -> tuple[str, ...]:
    arguments: list[str] = []
    for name in _SYSTEM:
        path = Path("/") / name
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += _binds("--ro-bind", [path])
    settings = [path for name in _SETTINGS.split() if (path := Path("/etc") / name).exists()]
    arguments += _parents([*settings, Path("/var/tmp")])  # noqa: S108 - a link to the private /tmp
    return (*arguments, *_binds("--ro-bind", settings))


def _binds(kind: str, paths: Iterable[Path]) -> list[str]:
    return [word for path in paths for word in (kind, str(path), str(path))]


def _not_within(paths: Iterable[Path], directories: Iterable[Path]) -> list[Path]:
    """The paths that lie in none of the directories that a child may change."""
    changeable = tuple(directories)
    return [path for path in paths if not any(each in path.parents for each in changeable)]


def _parents(paths: Iterable[Path]) -> list[str]:
    """What makes the directories above these paths: bwrap's own choice of mode for them is 0700."""
    parents = dict.fromkeys(parent for path in paths for parent in reversed(path.parents))
    return [word for parent in parents for word in ("--perms", "0755", "--dir", str(parent))]


def _links_to_python(readable: Collection[Path]) -> list[str]:
    """Makes the links to this Python that no visible directory has. Nothing beside them is shown."""
    system = [Path("/") / name for name in _SYSTEM]
    bare = [link for link in interpreter.links() if not any(link.is_relative_to(path) for path in (*system, *readable))]
    return _parents(bare) + [word for link in bare for word in ("--symlink", str(link.readlink()), str(link))]


def _beyond(program: Path, trees: Sequence[Path]) -> Iterator[Path]:
    """The program's own file where no visible directory has it, by its path and its real path."""
    for path in dict.fromkeys((program.absolute(), program.resolve())):
        if not any(path.is_relative_to(tree) for tree in (*trees, Path("/bin"), Path("/sbin"))):
            yield path


def _is_of_child(path: Path) -> bool:
    """Whether a child made this: caches belong to one environment, and what the bot made itself stays the bot's."""
    try:
        return FIRST_USER <= path.lstat().st_uid < FIRST_USER + 2 * USERS
    except FileNotFoundError:
        return False


def _hand_all_over(paths: Iterable[Path], user: int) -> None:
    try:
        for path in paths:
            _hand_over(path, user)
    except OSError as error:
        if error.errno not in (
            errno.EINVAL,
            errno.EPERM,
        ):  # a container's root: the user is not mapped, or no capability
            raise
        raise RunnerError(
            DOING,
            f"no wall can be built around children here: the bot is root, and the system refuses to give files to the children's user {user} ({error.strerror})",
            remedy="Run the bot as a user other than root (Docker: --user 1000; Kubernetes: runAsUser: 1000)."
            " Or decide for operations.isolation: none (docs/isolation.md).",
        ) from error


def _hand_over(path: Path, user: int) -> None:
    """Make this the user's, with all that is in it; follows no link."""
    os.chown(path, user, user, follow_symlinks=False)
    if path.is_symlink() or not path.is_dir():
        return
    for _, directories, files, handle in os.fwalk(path):
        for name in (*directories, *files):
            os.chown(name, user, user, dir_fd=handle, follow_symlinks=False)
