"""Children that a keeper holds: started on this machine, followed on any."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from bot.children import traces
from bot.children.spec import Answer, Spec
from bot.children.traces import Trace
from bot.store import children as stored_children
from bot.store.children import ChildRow
from bot.store.database_outage import retry_while_away
from runners.errors import RunnerError, TimedOutError, UncertainError
from runners.processes import child
from runners.processes.detached import START_TIMEOUT, Detached, entering
from runners.processes.line_cutter import LineCutter
from runners.processes.stragglers import MARK

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from bot.store.children import ChildRows
    from runners.processes.children import Child
    from runners.processes.wall import Room

POLL = 0.25  # seconds between reads of the rows
CANCELLED_WAIT = 5.0  # seconds for a keeper that starts while the bot stops: usually it takes half of one
_ROOT = Path(__file__).parents[2]
_START = f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from bot.children.keeper import main; main()"
_FOLLOWING = "following a program"
_PUBLIC = ("HOME", "PATH")  # libpq looks for its files in HOME


@dataclass(frozen=True, slots=True)
class Holder:
    """Who starts children: the machine, its host name, the executor; `lease` in seconds.

    In `traces` each keeper leaves a trace; without such a directory nobody replaces one that dies.
    """

    machine: str
    host: str
    executor: str
    lease: float
    traces: Path | None = None


@dataclass(frozen=True, slots=True)
class _Program:
    command: list[str]
    cwd: Path
    env: dict[str, str]
    leaves: Path | None
    walled: bool


@dataclass(frozen=True, slots=True)
class SharedChildren:
    """The long children of an operation, each with a keeper."""

    rows: ChildRows
    holder: Holder
    operation: int
    grace: float = child.GRACE  # seconds between SIGINT and SIGKILL where the keeper cannot be asked

    async def start(
        self,
        name: str,
        directory: Path,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        room: Room,
        leaves: Path | None = None,
    ) -> Child:
        """See Children; where another machine has started one of this name meanwhile, that one is returned."""
        doing = f"starting {Path(argv[0]).name}"
        command = await entering(argv, doing, cwd=cwd, env=env, room=room)
        claim = self._claim(name)
        if not await self.rows.claim(claim, self.holder.lease):
            if earlier := await self.attach(name, directory):
                return earlier
            raise RunnerError(doing, "another process was about to start it, and did not", remedy="Try again.")
        program = _Program(command, cwd, dict(env), leaves, walled=room.walled)
        answer = await start_keeper(self._spec(claim, directory, program))
        if not answer.started and await self.rows.revoke(claim):
            raise RunnerError(doing, answer.problem)
        return SharedChild(self.rows, claim)

    def _claim(self, name: str) -> ChildRow:
        holder = self.holder
        return ChildRow(self.operation, name, uuid4().hex, holder.machine, holder.host, holder.executor)

    def _spec(self, claim: ChildRow, directory: Path, program: _Program) -> Spec:
        mark, leaves, place = program.env.get(MARK, ""), str(program.leaves or ""), str(directory.absolute())
        trace = Trace(claim.operation, claim.name, claim.keeper, place, leaves, mark)
        path = traces.leave(self.holder.traces, trace) if self.holder.traces else ""
        spec = self.rescuing_spec(claim, trace, str(path))
        return replace(
            spec, command=program.command, walled=program.walled, cwd=str(program.cwd), env=program.env, rescues=False
        )

    def rescuing_spec(self, row: ChildRow, trace: Trace, path: str) -> Spec:
        """The spec of a keeper for a child that another one has started; `path` is of its trace."""
        store = self.rows.store
        url = store.engine.url.set(drivername="postgresql")
        keys = {each: store.keyring.key(each).hex() for each in (stored_children.TABLE, stored_children.PURPOSE)}
        libpq = {each: value for each, value in os.environ.items() if each.startswith("PG") or each in _PUBLIC}
        return Spec(
            operation=row.operation,
            name=row.name,
            keeper=row.keeper,
            machine=row.machine,
            host=row.host,
            executor=row.executor,
            lease=self.holder.lease,
            grace=self.grace,
            directory=trace.directory,
            command=[],
            walled=False,
            cwd="/",
            env={},
            leaves=trace.leaves,
            mark=trace.mark,
            conninfo=url.render_as_string(hide_password=False),
            variables=libpq,
            keys=keys,
            trace=path,
            rescues=True,
        )

    async def attach(self, name: str, directory: Path) -> Child | None:
        """See Children; waits while the child is about to start, and finds those of files as well."""
        while row := await retry_while_away(lambda: self.rows.find_started(self.operation, name)):
            if row.started:
                return SharedChild(self.rows, row)
            await asyncio.sleep(POLL)
        return Detached.attach(directory)  # started by a version without keepers


@dataclass(slots=True)
class SharedChild:
    """A child that is followed through its rows, on whatever machine it runs."""

    rows: ChildRows
    row: ChildRow
    _rest: bytes = field(default=b"", init=False)

    async def is_running(self) -> bool:
        """See Child: until it ended, or its lease ran out."""
        return not (await self._look()).over

    async def was_cancelled(self) -> bool:
        """See Child."""
        return (await self._look()).cancel_requested

    async def lines(self) -> AsyncGenerator[str, None]:
        """See Child."""
        cutter, position = LineCutter(), 0
        while True:
            over = (await self._look()).over  # before the output is read, so that nothing is missed
            while content := await self._output(stored_children.OUTPUT, position):
                position += len(content)
                for line in cutter.take(content):
                    yield line
            if over:
                break
            await asyncio.sleep(POLL)
        self._check_size(position, self.row.output_bytes)
        for line in cutter.rest():
            yield line

    async def wait(self, timeout: float) -> int | None:
        """See Child; None as well when its lease ran out."""
        end = time.monotonic() + timeout
        while not (await self._look()).over:
            if time.monotonic() >= end:
                raise TimedOutError("waiting for a program to end", f"it still runs after {timeout:g} seconds")
            await asyncio.sleep(POLL)
        return self.row.exit_code if self.row.ended else None

    async def cancel(self, grace: float) -> None:
        """See Child; returns at the latest when the lease of a keeper that does not answer ran out."""
        await retry_while_away(lambda: self.rows.request_cancel(self.row, grace))
        await self.wait(math.inf)

    async def written_file(self, path: Path, *, most: int) -> bytes:
        """See Child."""
        content = b""
        while len(content) <= most and (more := await self._output(stored_children.LEFT, len(content))):
            content += more
        if not content:
            raise FileNotFoundError(errno.ENOENT, "the child left no such file", str(path))
        if len(content) > most:
            raise OSError(errno.EFBIG, f"it has more than {most} bytes")
        self._check_size(len(content), self.row.left_bytes)
        return content

    async def _look(self) -> ChildRow:
        current = await retry_while_away(lambda: self.rows.find(self.row.operation, self.row.name))
        if current is None or current.keeper != self.row.keeper:
            raise UncertainError(_FOLLOWING, "its record is gone from the database")
        self.row = current
        return current

    async def _output(self, stream: str, position: int) -> bytes:
        return await retry_while_away(lambda: self.rows.output(self.row, stream, position))

    def _check_size(self, stored: int, recorded: int | None) -> None:
        if self.row.ended and stored != recorded:
            raise UncertainError(_FOLLOWING, "what it printed is not complete in the database")


async def start_keeper(spec: Spec) -> Answer:
    """Start a keeper; its answer. A caller that is cancelled still waits for it a little, so that no pipe stays open."""
    starting = asyncio.create_task(_start_keeper(spec))
    try:
        return await asyncio.shield(starting)
    finally:
        await asyncio.wait({starting}, timeout=CANCELLED_WAIT)


async def _start_keeper(spec: Spec) -> Answer:
    argv = [sys.executable, "-I", "-c", _START]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *argv, cwd="/", env={"PATH": os.defpath}, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    try:
        async with asyncio.timeout(2 * START_TIMEOUT):
            out, err = await process.communicate(spec.to_json().encode())
    except TimeoutError:
        return Answer(problem=f"its keeper did not answer within {2 * START_TIMEOUT:g} seconds")
    try:
        return Answer.from_json(out.decode())
    except ValueError:
        return Answer(problem=f"its keeper did not start. {err[-2000:].decode(errors='replace')}".strip())
