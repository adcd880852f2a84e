"""Room for runs: an operation waits until its machine has room for another terraform or ansible (operations.at_once).

One task for each process asks for all its operations, so that 200 waiting ones cost one transaction a second.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import socket
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.errors import DatabaseAwayError
from bot.process.capacity import default_runs
from bot.slack.blocks import kit
from bot.store.run_slots import Claim, Place, Precedence, RunSlots, Standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    import sqlalchemy as sa

    from bot.config import Config
    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from bot.store.database import Store
    from bot.store.workers import Lease

__all__ = ["Precedence", "Room", "in_room", "room_of", "wait_for_room"]
log = logging.getLogger(__name__)
POLL = 1.0  # seconds between polls of what other processes freed
NAMED = 5  # running operations in a message
EXPECTED = 60.0  # seconds for which an operation that was taken counts before it asks for room


class Room:
    """The claims of this process. Those who have a slot keep it until `leave`, or the end of the process."""

    def __init__(self, slots: RunSlots, host: str) -> None:
        self._slots = slots
        self._host = host
        self._claims: dict[int, Claim] = {}
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._notes: dict[int, Callable[[str], None]] = {}
        self._expected: dict[int, float] = {}  # taken, and not asking yet: until when (monotonic) each counts
        self.freed: Callable[[], None] = lambda: None  # called when there may be more room on this machine
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> Mapping[int, Claim]:
        """The claims with a slot, by operation."""
        return {number: claim for number, claim in self._claims.items() if claim.granted}

    def expect(self, number: int) -> None:
        """Count an operation that was taken and will ask for room. In any thread."""
        self._expected[number] = time.monotonic() + EXPECTED

    def free(self, connection: sa.Connection) -> int:
        """How many more programs fit on this machine beside what runs and what waits there; never below 0. In any thread."""
        at = time.monotonic()
        for number, until in tuple(self._expected.items()):
            if until < at:
                self._expected.pop(number, None)
        own = sum(claim.runs for claim in tuple(self._claims.values())) + len(self._expected)
        return max(0, self._slots.place.at_most - own - self._slots.claimed_by_others(connection))

    async def full_machines(self) -> frozenset[str]:
        """The machines that run, or have taken, as much as they take. Raises DatabaseAwayError."""
        return await self._slots.full_machines()

    async def enter(self, number: int, precedence: Precedence, runs: int, note: Callable[[str], None]) -> None:
        """Wait for room; `note` gets the words (mrkdwn) while it waits. At once for one that has room.

        A wait that is cancelled gives up its place.
        """
        held = self._claims.get(number)
        if held is not None and held.granted:
            return
        self._claim(Claim(number, precedence, runs))
        self._waiting[number], self._notes[number] = asyncio.get_running_loop().create_future(), note
        self._ask()
        try:
            await self._waiting[number]
        except BaseException:
            self.leave(number)
            raise
        finally:
            self._waiting.pop(number, None)
            self._notes.pop(number, None)

    def occupy(self, number: int, precedence: Precedence, runs: int = 1) -> None:
        """Count an operation whose program runs already, whether there is room or not."""
        self._claim(Claim(number, precedence, runs, granted=True))
        self._ask()

    def _claim(self, claim: Claim) -> None:
        self._claims[claim.operation] = claim
        self._expected.pop(claim.operation, None)

    def leave(self, number: int) -> None:
        """Give the slot, or the place in the queue for one, to the next. Does nothing for an operation without."""
        expected = self._expected.pop(number, None)
        if self._claims.pop(number, None) is not None:
            self._ask()
        elif expected is None:
            return
        self.freed()

    async def close(self) -> None:
        """Stop asking. The slots are free when the process gives back its lease."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _ask(self) -> None:
        self._changed.set()
        if self._task is None or self._task.done():
            # In a context of its own, this is no part of the workflow that asks.
            self._task = asyncio.create_task(self._keep_asking(), name="room", context=contextvars.Context())

    async def _keep_asking(self) -> None:
        reported = False
        while self._changed.is_set() or self._waiting:
            self._changed.clear()
            try:
                self._grant(await self._slots.state(tuple(self._claims.values())))
                reported = False
            except DatabaseAwayError as error:
                if not reported:
                    log.warning("whether there is room for runs: %s", error)
                reported = True
                await asyncio.sleep(POLL)
                self._changed.set()
            except Exception:
                log.exception("whether there is room for runs is not known now")
                await asyncio.sleep(POLL)
                self._changed.set()
            if self._waiting:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL):
                await self._changed.wait()
        except TimeoutError:
            return

    def _grant(self, standing: Standing) -> None:
        for number, waiter in tuple(self._waiting.items()):
            claim = self._claims.get(number)
            if claim is None or waiter.done():
                continue
            if number in standing.granted:
                self._claims[number] = Claim(number, claim.precedence, claim.runs, granted=True)
                waiter.set_result(None)
            else:
                self._notes[number](self._words(standing))

    def _words(self, standing: Standing) -> str:
        place = self._slots.place
        where, present, limit = f"on {kit.escape(self._host)}", standing.runs_here, place.at_most
        if place.total is not None and standing.runs_here < place.at_most:
            where, present, limit = "on all machines together", standing.runs_in_all, place.total
        named = ", ".join(f"#{number}" for number in standing.here[:NAMED])
        more = " and more" if len(standing.here) > NAMED else ""
        now = f" Now on this machine: {named}{more}." if named else ""
        return f":hourglass: Waits for room {where}: {present} of {limit} runs ({kit.code('operations.at_once')}).{now}"


def room_of(config: Config, store: Store, lease: Lease, machine: str) -> Room:
    """The room on this machine for the process that holds this lease."""
    at_once = config.operations.at_once
    place = Place(machine, at_once.machine or default_runs(), at_once.total)
    return Room(RunSlots(store, lease, place), socket.gethostname())


async def wait_for_room(
    operation: Operation, precedence: Precedence, runs: int = 1, render: Callable[[], Message] | None = None
) -> bool:
    """Within a step: wait for room, or for a click on Cancel (raises Cancelled); whether `render` drew the message meanwhile.

    An operation without a message has nothing to cancel it by.
    """
    room, number = operation.services.room, operation.number
    if render is None:
        entering = room.enter(number, precedence, runs, _unseen)
        await (operation.unless_cancelled(entering) if operation.record.message_ts else entering)
        return False
    displayed = list[str]()
    async with operation.live() as live:

        def note(words: str) -> None:
            if words not in displayed[-1:]:
                displayed.append(words)
                live.note(words)
                live.show(render)

        await operation.unless_cancelled(room.enter(number, precedence, runs, note))
    return bool(displayed)


@asynccontextmanager
async def in_room(
    operation: Operation, precedence: Precedence, render: Callable[[], Message] | None = None
) -> AsyncIterator[bool]:
    """Within a step: room for one run during the block. Gives whether `render` drew the message, and another has to."""
    waited = await wait_for_room(operation, precedence, render=render)
    try:
        yield waited
    finally:
        operation.services.room.leave(operation.number)


def _unseen(_: str) -> None:
    """For an operation without a message."""
