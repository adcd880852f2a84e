"""The small parent of a long program: `python -I -S supervise.py DIR -- argv` (or `--walled argv`), leaves `pid` and `exit` in DIR.

Imports next to nothing, so that it is there within milliseconds. It returns once the program runs and goes on in
its own session, where the bot's end does not reach it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOT_STARTED = 127  # a shell's exit code for a program that it cannot run
_SIGNALLED = 128
_SIGNALS = range(_SIGNALLED + 1, _SIGNALLED + 65)
WALLED = "--walled"  # in place of `--`: argv is bwrap's, which reports a signal as 128 and its number


def started_at(pid: int) -> str | None:
    """When the process began, as text that no later process of the same number shares; None once it ended.

    From /proc/PID/stat, see proc_pid_stat(5): field 22 counts clock ticks since the machine's start.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except ProcessLookupError:
        return None
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _started_at_by_ps(pid)
    state, *fields = stat[stat.rindex(")") + 2 :].split()  # the name before it may hold anything
    return None if state in "ZX" else f"{boot}/{fields[18]}"


def _started_at_by_ps(pid: int) -> str | None:
    import subprocess  # noqa: PLC0415 - costs more than all the rest, and Linux has no need of it

    argv = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    environment = {"PATH": "/bin:/usr/bin", "LC_ALL": "C", "TZ": "UTC"}
    answer = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False).stdout.strip()
    return None if not answer or answer.startswith("Z") else answer.split(maxsplit=1)[1]


def write_whole(path: Path, text: str) -> None:
    """Write a file so that readers see all of it or none, also after the machine lost power."""
    temporary = path.with_name(f".{path.name}.new")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(file, text.encode("ascii"))
    os.fsync(file)
    os.close(file)
    temporary.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def claim(directory: Path) -> bool:
    """Claim the directory for a program; a second claim fails."""
    try:
        os.close(os.open(directory / "claim", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except (FileExistsError, FileNotFoundError):
        return False
    return True


def end_group(group: int) -> bool:
    """Kill every process of the group; false when there was none (macOS: EPERM when all are zombies)."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def without_shell(code: int) -> int:
    """The exit code with a signal as a negative number, from one with a signal as 128 and its number."""
    return _SIGNALLED - code if code in _SIGNALS else code


def _main(directory: Path, argv: list[str], *, walled: bool) -> int:
    if not claim(directory):
        return 1
    listening, telling = os.pipe()
    if os.fork():
        os.close(telling)
        return 0 if os.read(listening, 1) else 1
    os.setsid()
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    _use_output(directory / "output")
    _supervise(directory, argv, telling, walled=walled)
    return 0


def _use_output(path: Path) -> None:
    output = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _supervise(directory: Path, argv: list[str], telling: int, *, walled: bool) -> None:
    # The program waits until its pid is on disk: it never runs without somebody able to find it.
    waiting, going = os.pipe()
    program = os.fork()
    if not program:
        os.close(going)
        _become(argv, waiting)
    os.close(waiting)
    os.setpgid(program, program)
    write_whole(directory / "pid", f"{os.getpid()} {started_at(os.getpid())}\n{program} {started_at(program)}\n")
    os.write(going, b"!")
    os.write(telling, b"!")
    os.close(telling)
    _, status = os.waitpid(program, 0)
    end_group(program)  # what it left running ends with it
    code = os.waitstatus_to_exitcode(status)
    write_whole(directory / "exit", f"{without_shell(code) if walled else code}\n")


def _become(argv: list[str], waiting: int) -> None:
    try:
        if os.read(waiting, 1):
            for number in (*IGNORED, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.execvp(argv[0], argv)  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        sys.stderr.flush()
    finally:
        os._exit(NOT_STARTED)


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1]), sys.argv[3:], walled=sys.argv[2] == WALLED))
