"""The small parent of a long program: `python -I -S supervise.py DIR MODE argv`, leaves `pid` and `exit` in DIR.

Imports next to nothing, so that it is there within milliseconds. It returns once the program runs and goes on in
its own session, where the bot's end does not reach it. MODE is one of MODES. With a leash, a pipe on the descriptor
LEASH, the program runs only as long as the keeper at the other end of the pipe allows: see Leash.
"""

from __future__ import annotations

import math
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOT_STARTED = 127  # a shell's exit code for a program that it cannot run
_SIGNALLED = 128
_SIGNALS = range(_SIGNALLED + 1, _SIGNALLED + 65)
WALLED = "--walled"  # in place of `--`: argv is bwrap's, which reports a signal as 128 and its number
LEASHED = "--leashed"
WALLED_LEASHED = "--walled-leashed"
MODES = ("--", WALLED, LEASHED, WALLED_LEASHED)
LEASH = 0  # stdin
RESERVED = 64  # bytes of `exit`, which are on disk before the program starts: a full disk then hides no end
_ENDED = "ended"
_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of linux/prctl.h


def now() -> float:
    """Seconds since the machine's start, with the time that it slept (clock_gettime(2), CLOCK_BOOTTIME)."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Leash:
    """How long a program may run, as lines say: `until SOFT HARD GRACE` (times of `now`, seconds) and `stop GRACE`.

    At SOFT, after `stop`, and when the lines end because their writer is gone, the program is interrupted. GRACE seconds
    later it is killed, and at HARD in any case. A later `until` moves the times, but undoes no interruption.
    """

    def __init__(self) -> None:
        self.soft = self.hard = math.inf
        self._grace = 0.0
        self._stop = False
        self._interrupted: float | None = None
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Read more of the lines; no data is their end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            word, *numbers = line.split()
            if word == b"until":
                self.soft, self.hard, self._grace = map(float, numbers)
            elif word == b"stop":
                self._stop, self._grace = True, float(numbers[0])
        self._stop = self._stop or not data

    @property
    def _kill_at(self) -> float:
        return self.hard if self._interrupted is None else min(self.hard, self._interrupted + self._grace)

    def expired(self, at: float) -> bool:
        """Whether no program may start any more."""
        return self._stop or at >= self.soft

    def due(self, at: float) -> signal.Signals | None:
        """What to send to the program now: SIGINT, once, or SIGKILL."""
        if at >= self._kill_at:
            return signal.SIGKILL
        if self._interrupted is None and self.expired(at):
            self._interrupted = at
            return signal.SIGKILL if at >= self._kill_at else signal.SIGINT
        return None

    def pause(self, at: float) -> float | None:
        """Seconds until something is due; None as long as nothing is."""
        times = [self._kill_at] if self._interrupted is not None else [at if self._stop else self.soft, self.hard]
        return None if min(times) == math.inf else max(0.0, min(times) - at)


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


def exit_record(code: int) -> bytes:
    """The content of `exit` for this exit code."""
    return f"{code} {_ENDED}".ljust(RESERVED - 1).encode("ascii") + b"\n"


def recorded_exit(content: bytes) -> int | None:
    """The exit code in the content of `exit`; None while only its room is reserved."""
    words = content.decode("ascii", "replace").split()
    if len(content) < RESERVED:  # of a supervisor of an older version, which wrote the file at the end
        return int(words[0]) if words else None
    return int(words[0]) if words[1:] == [_ENDED] else None


def _reserve_exit(directory: Path) -> int:
    """Write `exit` in its full size; a descriptor of it."""
    file = os.open(directory / "exit", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.write(file, b" " * (RESERVED - 1) + b"\n")
    os.fsync(file)
    return file


def _main(directory: Path, argv: list[str], mode: str) -> int:
    if mode not in MODES or not claim(directory):
        return 1
    listening, telling = os.pipe()
    if os.fork():
        os.close(telling)
        return 0 if os.read(listening, 1) else 1
    os.setsid()
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    _use_output(directory / "output")
    leash = _Holder(LEASH) if mode in (LEASHED, WALLED_LEASHED) else None
    _supervise(directory, argv, telling, leash, walled=mode in (WALLED, WALLED_LEASHED))
    return 0


def _use_output(path: Path) -> None:
    output = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _supervise(directory: Path, argv: list[str], telling: int, leash: _Holder | None, *, walled: bool) -> None:
    exit_file = _reserve_exit(directory)
    if leash and leash.expired():
        return
    # The program waits until its pid is on disk: it never runs without somebody able to find it.
    waiting, going = os.pipe()
    program = os.fork()
    if not program:
        os.close(going)
        _become(argv, waiting, bound=leash is not None and not walled)
    os.close(waiting)
    os.setpgid(program, program)
    write_whole(directory / "pid", f"{os.getpid()} {started_at(os.getpid())}\n{program} {started_at(program)}\n")
    os.write(going, b"!")
    os.write(telling, b"!")
    os.close(telling)
    status = leash.wait(program) if leash else os.waitpid(program, 0)[1]
    end_group(program)  # what it left running ends with it
    code = os.waitstatus_to_exitcode(status)
    os.pwrite(exit_file, exit_record(without_shell(code) if walled else code), 0)
    os.fsync(exit_file)


class _Holder:
    """Holds a program by its leash, until it ends."""

    def __init__(self, descriptor: int) -> None:
        self._leash = Leash()
        # The program and its children have none of it: else the pipe would never end.
        self._pipe = os.dup(descriptor)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, descriptor)
        os.set_blocking(self._pipe, False)
        self._open = True
        self._wake, telling = os.pipe()
        for end in (self._wake, telling):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(telling, warn_on_full_buffer=False)

    def expired(self) -> bool:
        self._read()
        return self._leash.expired(now())

    def wait(self, program: int) -> int:
        """The program's wait status."""
        while True:
            ended, status = os.waitpid(program, os.WNOHANG)
            if ended:
                return status
            match self._leash.due(now()):
                case signal.SIGKILL:
                    end_group(program)
                    return os.waitpid(program, 0)[1]
                case signal.SIGINT:
                    os.killpg(program, signal.SIGINT)  # it is not waited for, so that its number is its own
            watched = [self._wake, *([self._pipe] if self._open else [])]
            select.select(watched, [], [], self._leash.pause(now()))
            self._read()

    def _read(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._wake, 1 << 10)
        while self._open:
            try:
                data = os.read(self._pipe, 1 << 12)
            except BlockingIOError:
                return
            self._leash.take(data)
            self._open = bool(data)


def _become(argv: list[str], waiting: int, *, bound: bool) -> None:
    """Become the program; a `bound` one dies with its supervisor, as bwrap does behind the wall."""
    try:
        if os.read(waiting, 1):
            for number in (*IGNORED, signal.SIGPIPE, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            if bound and sys.platform == "linux":
                _die_with_parent()
            os.execvp(argv[0], argv)  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        sys.stderr.flush()
    finally:
        os._exit(NOT_STARTED)


def _die_with_parent() -> None:
    import ctypes  # noqa: PLC0415 - costs more than all the rest, and few programs run without the wall

    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1]), sys.argv[3:], sys.argv[2]))
