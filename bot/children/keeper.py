"""The keeper of one long child: a small process that outlives the bot.

It holds the child's lease in the database before it starts the program, renews it while the program runs, and stores what
the program prints, and how it ends. Without the database it ends the program before the lease runs out: the supervisor
(runners/processes/supervise.py) does so, also when the keeper itself is stopped or dies.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from bot.children import traces
from bot.children.record import LostError, Record
from bot.children.spec import HARD, RENEWALS, SOFT, Answer, Spec
from bot.process import protection
from runners.errors import RunnerError
from runners.processes import supervise
from runners.processes.detached import Detached, reserve, supervisor_argv
from runners.processes.foreign_files import read_regular
from runners.processes.stragglers import end_marked

POLL = 0.1  # seconds between checks of the program
PACE = 1.0  # seconds between uses of the database, at least
CHUNK = 256 << 10
LARGEST_LEFT = 256 << 20  # bytes of the file that the program leaves
GIVE_UP = 24 * 3600.0  # seconds of trying to record an end
LONGEST_PAUSE = 60.0  # seconds between two of these attempts
ENDING = 10.0  # seconds of trying after SIGTERM: who stops a machine waits for longer
OUTPUT, LEFT = "output", "left"  # as in bot/store/children.py


class Keeper:
    """Keeps one child, from the claim of its name to the record of its end."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._record = Record(spec)
        self._directory = Path(spec.directory)
        self._child = Detached(self._directory)
        self._leash = -1
        self._lock: int | None = None
        self._renewed = self._tried = self._stored = 0.0  # times of supervise.now
        self._position: int | None = None  # bytes of output that are stored; None: to be asked for
        self._stopping = False
        self._ending = False
        signal.signal(signal.SIGTERM, self._end)

    def launch(self) -> Answer:
        """Record that the program starts, then start it. Of one to rescue: renew its lease."""
        if self._spec.trace:
            self._lock = traces.lock(Path(self._spec.trace), wait=not self._spec.rescues)  # until this process ends
            if self._lock is None:
                return Answer(problem="another keeper holds it")
        return self._take_over() if self._spec.rescues else self._launch()

    def _take_over(self) -> Answer:
        try:
            asked = supervise.now()
            self._record.renew()
        except (psycopg.Error, LostError) as error:
            return Answer(problem=f"its lease cannot be renewed ({type(error).__name__})")
        self._renewed = asked
        return Answer(started=True)

    def _launch(self) -> Answer:
        try:
            reserve(self._directory, f"starting {self._spec.name}")
            asked = supervise.now()
            self._record.mark_started()
            self._start_supervisor(asked)
        except (RunnerError, OSError, psycopg.Error, LostError) as error:
            return self._not_started(error)
        return Answer(started=True)

    def keep(self) -> None:
        """Hold the lease and store the output until the program ended; then record the end."""
        while self._child.running:
            if self._child.unsupervised:
                self._child.kill_group()
            if self._ending:
                self._stop(self._spec.grace)
            if self._due() and not self._attempt():
                return
            time.sleep(POLL)
        if self._spec.mark:
            asyncio.run(end_marked(self._spec.mark))
        if self._record_end() and self._spec.trace:
            Path(self._spec.trace).unlink(missing_ok=True)

    def _record_end(self) -> bool:
        """Store the rest and the end, with growing pauses while the database is away; false when it was given up.

        The bot of this machine then finds the trace, and another keeper goes on.
        """
        pause, deadline = PACE, supervise.now() + GIVE_UP
        while not self._finish():
            until = supervise.now() + random.uniform(0.5, 1) * pause  # noqa: S311  -- no secret
            while (at := supervise.now()) < until:
                deadline = min(deadline, at + ENDING) if self._ending else deadline
                if at >= deadline:
                    say("the end of the program is not recorded in the database")
                    return False
                time.sleep(min(POLL, until - at))
            pause = min(2 * pause, LONGEST_PAUSE)
        return True

    def _end(self, *_: object) -> None:
        """On SIGTERM, as when the machine stops: end the program as Cancel does, and record its end if that is possible."""
        self._ending = True

    def _start_supervisor(self, asked: float) -> None:
        reading, self._leash = os.pipe()
        os.set_blocking(self._leash, False)
        self._allow(asked)
        mode = supervise.WALLED_LEASHED if self._spec.walled else supervise.LEASHED
        argv = supervisor_argv(self._directory, mode, self._spec.command)
        try:
            done = subprocess.run(
                argv, cwd=self._spec.cwd, env=self._spec.env, stdin=reading, capture_output=True, check=False
            )
        finally:
            os.close(reading)
        if done.returncode:
            raise RunnerError(
                "starting", f"its supervisor did not start. {done.stderr[-2000:].decode(errors='replace')}"
            )

    def _not_started(self, error: Exception) -> Answer:
        if (
            self._directory / "pid"
        ).exists():  # what the supervisor says is not certain: it ends the program, if there is one
            os.close(self._leash)
            return Answer(started=True)
        with suppress(psycopg.Error):
            self._record.forget()
        if isinstance(error, RunnerError):
            return Answer(problem=error.problem)
        return Answer(problem=f"its keeper could not start it ({type(error).__name__})")

    def _due(self) -> bool:
        """Whether to use the database now: each second, or at once for the first output after a second without."""
        at = supervise.now()
        printed = self._position is not None and self._child.output.stat().st_size > self._position
        return at - self._tried >= PACE or (printed and at - self._stored >= PACE)

    def _attempt(self) -> bool:
        """Renew the lease if it is time, and store what is new. False once the child belongs to nobody any more."""
        self._tried = at = supervise.now()
        try:
            if at - self._renewed >= self._spec.lease / RENEWALS:
                self._record.renew()
                self._allow(at)
            self._stop_if_asked()
            self._store_output()
        except psycopg.Error as error:
            say(f"the database: {type(error).__name__}")
            self._record.drop()
            self._position = None
        except LostError:
            say("the lease was lost; what still runs is killed")
            self._notify("stop 0")
            return False
        return True

    def _allow(self, confirmed: float) -> None:
        """Let the program run by a lease that was confirmed, at the latest, at this time."""
        self._renewed = confirmed
        lease = self._spec.lease
        self._notify(f"until {confirmed + SOFT * lease} {confirmed + HARD * lease} {self._spec.grace}")

    def _stop_if_asked(self) -> None:
        if not self._stopping and (grace := self._record.cancel_requested()) is not None:
            self._stop(grace)

    def _stop(self, grace: float) -> None:
        """Let the supervisor end the program; without a leash, of a child to rescue, it does so already."""
        if not self._stopping:
            self._stopping = True
            self._notify(f"stop {grace}")

    def _notify(self, line: str) -> None:
        if self._spec.rescues:
            return
        with suppress(BlockingIOError, BrokenPipeError):  # a supervisor that is stopped, or gone: seen elsewhere
            os.write(self._leash, f"{line}\n".encode())

    def _store_output(self) -> None:
        if self._position is None:
            self._position = self._record.stored(OUTPUT)
        with self._child.output.open("rb") as file:
            file.seek(self._position)
            while chunk := file.read(CHUNK):
                self._record.store(OUTPUT, self._position, chunk)
                self._stored = supervise.now()
                self._position += len(chunk)
                if supervise.now() - self._renewed >= self._spec.lease / RENEWALS:
                    return  # much output must not cost the lease

    def _finish(self) -> bool:
        """Store the rest and the end; false when the database is away."""
        try:
            self._record.renew()
        except LostError:
            say("the lease is lost; the end is recorded all the same")
        except psycopg.Error:
            self._record.drop()
            return False
        self._renewed = supervise.now()
        try:
            self._store_output()
            size = self._child.output.stat().st_size
            if self._position != size:
                return False
            self._record.end(self._child.exit_code, size, self._store_left())
        except psycopg.Error as error:
            say(f"the database: {type(error).__name__}")
            self._record.drop()
            self._position = None
            return False
        return True

    def _store_left(self) -> int:
        if not self._spec.leaves:
            return 0
        try:
            content = read_regular(Path(self._spec.leaves), most=LARGEST_LEFT)
        except OSError:
            return 0
        for position in range(self._record.stored(LEFT), len(content), CHUNK):
            self._record.store(LEFT, position, content[position : position + CHUNK])
        return len(content)


def say(what: str) -> None:
    """Leave a line in the keeper's log."""
    with suppress(OSError):  # a full disk ends no child
        os.write(2, f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {what}\n".encode())


def main() -> None:
    """Read a spec from stdin, start the child, print the answer, and stay with the child in a session of our own."""
    protection.apply()
    spec = Spec.from_json(sys.stdin.read())
    os.environ.update(spec.variables)
    if os.fork():
        return  # stdout stays open in the other one until it answers
    os.setsid()
    for number in supervise.IGNORED:
        signal.signal(number, signal.SIG_IGN)
    keeper = Keeper(spec)  # from here on SIGTERM is heard
    answer = keeper.launch()
    _give(answer)
    _leave_streams(Path(spec.directory), answer)
    if answer.started:
        keeper.keep()


def _give(answer: Answer) -> None:
    """Write the answer to the bot. One that died meanwhile reads none, and the child is kept all the same."""
    with suppress(BrokenPipeError):
        os.write(1, answer.to_json().encode())


def _leave_streams(directory: Path, answer: Answer) -> None:
    target = directory / "keeper.log" if answer.started else Path(os.devnull)
    log = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
