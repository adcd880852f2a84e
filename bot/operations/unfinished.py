"""Operations that nobody continues: found in the engine, and ended in words. Nothing here is a step of a workflow.

The status is the last thing that changes: an end that a crash interrupts is made again by the next look.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bot.errors import DatabaseAwayError
from bot.operations import notices
from bot.operations.authority import ENDED
from bot.operations.leftovers import discard
from bot.operations.posting import deliver
from bot.operations.queue import head_of
from bot.slack.blocks import common, kit
from bot.slack.web_api import ChatError
from bot.store.audit import Entry
from bot.store.operations import Status
from runners.concurrency import run_blocking
from runners.processes.stragglers import marked

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.services import Services
    from bot.store.operations import Record, Request

log = logging.getLogger(__name__)
INTERVAL = 10.0  # seconds between two looks
# What is on record for every operation, and changes nothing but its own message.
_OF_MESSAGES = ("message", "thread ", "file ")


async def end(services: Services, number: int, why: str) -> None:
    """End an operation that nobody continues: in the audit log, its message, and its queue. An ended one stays as it is.

    `why` is a sentence for people. Repeating this changes nothing.
    """
    record = await services.operations.get(number)
    if record.status.ended:
        return
    begun = tuple(
        name for name in await services.operations.side_effects_of(number) if not name.startswith(_OF_MESSAGES)
    )
    status = Status.INTERRUPTED if begun else Status.FAILED
    detail = {"status": status.value, "outcome": "not continued", "why": why, "begun": ", ".join(begun)}
    if await services.audit.record_once(Entry("signalbox", ENDED, record.environment, number, detail)):
        log.error("operation %s is ended, since nobody continues it: %s", number, why)
    await services.approvals.close_undecided(number)
    scratch = services.workplace / "operations" / str(number)
    runs_on = bool(await run_blocking(marked, str(scratch), timeout=30, doing="looking for what still runs"))
    message = not_continued(record, status, why, begun, runs_on=runs_on)
    await deliver(services, number, message, until_displayed=True)
    await notices.report_end(services, record, status, message)
    if not runs_on:
        await discard(services, number)
    await services.operations.set_status(number, status)
    services.queue_display.changed(services, record.environment)


def not_continued(
    record: Record, status: Status, why: str, begun: Collection[str], *, runs_on: bool = False
) -> kit.Message:
    """The message of an operation that nobody continues: why, what it had begun, what still runs, what to do now."""
    names = ", ".join(kit.code(name) for name in begun)
    done = f"It had begun: {names}." if begun else "No side effect is on record."
    running = "Processes that it started still run on this machine." if runs_on else ""
    check = "What it began may have ended or may still run. Check that before you run the command again."
    then = check if begun or runs_on else "Run the command again."
    parts = [part for part in (done, running, then) if part]
    return common.short_message(
        head_of(record), status.value, "stopped: Signalbox cannot continue it", kit.escape(why), " ".join(parts)
    )


async def refuse_request(services: Services, request: Request, why: str) -> None:
    """Report a request that cannot begin: in its operation's message if it has a number, else in its channel."""
    if record := await services.operations.started_by(request.key):
        await end(services, record.number, why)
        return
    log.error("a request of %s cannot begin (%s): %s", request.requester, request.kind, why)
    detail = {"what": request.title, "why": why}
    await services.audit.record(Entry("signalbox", "not begun", request.environment, detail=detail))
    title, person = kit.escape(request.title), kit.user(request.requester)
    text = f":x: {title} did not begin. {kit.escape(why)} Run the command again. Requested by {person}."
    try:
        await services.chat.post(request.channel, kit.message(text, [kit.section(text)]))
    except ChatError:
        log.exception("the requester of %r could not be notified", request.title)


class UnfinishedWatch:
    """Checks what is open, at the start and then at an interval, and ends what nobody continues."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._ending = dict[int, asyncio.Task[None]]()
        self._watching = asyncio.create_task(self._watch(), name="unfinished operations")

    async def close(self) -> None:
        """Stop; an end under way is made again by the next process."""
        tasks = {self._watching, *self._ending.values()}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _watch(self) -> None:
        while True:
            try:
                await self.look()
            except DatabaseAwayError as error:
                log.warning("whether an operation is left unfinished: %s", error)
            except Exception:
                log.exception("open operations cannot be checked now")
            await asyncio.sleep(INTERVAL)

    async def look(self) -> None:
        """Begin the end of each open operation that nobody continues."""
        services = self._services
        keys = await services.operations.open_keys()
        living = {each.incarnation for each in await services.lease.workers.all() if not each.ended}
        for number, why in (await services.engine.not_continued(keys, living)).items():
            if number not in self._ending:
                self._ending[number] = asyncio.create_task(self._end(number, why), name=f"end of {number}")

    async def _end(self, number: int, why: str) -> None:
        try:
            await self._services.engine.abandon(number)
            await end(self._services, number, why)
        except Exception:
            log.exception("operation %s is not continued, and cannot be ended now", number)
        finally:
            del self._ending[number]  # where it is still open, the next look tries again
