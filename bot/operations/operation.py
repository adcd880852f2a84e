"""An operation while it runs: its durable steps, its one message, its approval, its end."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from bot.access import policy
from bot.config.targets import without_lane
from bot.errors import Cancelled, DatabaseAwayError
from bot.operations import authority, entries, notices, thread
from bot.operations.approval import OpenApproval
from bot.operations.leftovers import discard
from bot.operations.outgoing import TextFile
from bot.operations.posting import LOST, current, deliver, deliver_once, post_announcement, until_taken
from bot.operations.queue import head_of
from bot.slack.blocks import common, kit
from bot.slack.blocks.common import ApprovalView, Failure, FailureContext
from bot.slack.client import Posted
from bot.slack.live import LiveMessage
from bot.slack.pacing import Lane
from bot.slack.web_api import ChatError
from bot.store.audit import Entry
from bot.store.operations import Record, Status
from runners.errors import RunnerError, UncertainError
from runners.explain import remedy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from bot.config import Environment
    from bot.config.targets import Target
    from bot.operations.approval import DecidedOutside, Updates
    from bot.services import Services
    from bot.slack.blocks.kit import Message

log = logging.getLogger(__name__)
T = TypeVar("T")

CANCEL_CHECK_INTERVAL = 1.0  # seconds


class Operation:
    """What a durable workflow works with. Create it anew from the record whenever the workflow starts."""

    def __init__(self, services: Services, record: Record, success: str = Status.SUCCEEDED.value) -> None:
        self.services = services
        self.success = success  # the outcome that the audit log records when it succeeds
        self.record = record
        self.number = record.number
        self.target: Target = policy.target_of(services.config, record.environment)
        self.head = head_of(record)
        # Its message when the workflow began; a lost message has another address by now (see posting.py).
        self.at = Posted(record.channel, record.message_ts or "")
        self._shown: Message | None = None
        self._binding = ""  # of what its workflow last asked approval for
        self._authorized = set[tuple[str, str]]()
        # What a failure reports; the workflow replaces it whenever it gets to know more.
        self.failure_context = FailureContext()

    @property
    def environment(self) -> Environment:
        """The environment that it changes. Raises Denied for an operation without environment (see bot/config/targets.py)."""
        return policy.environment_of(self.services.config, self.record.environment)

    @property
    def repository(self) -> str:
        """The repository (owner/name) of the code that it is about: its environment's, else that of the infrastructure."""
        config = self.services.config
        environment = config.environments.get(without_lane(self.record.environment))
        return config.repository_of(environment) if environment else config.github.repository

    @property
    def scratch(self) -> Path:
        """This operation's own directory; deleted when it ends."""
        return self.services.workplace / "operations" / str(self.number)

    async def step(self, name: str, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run once and store the result. An interrupted step runs again: only for what may happen twice.

        What a runner raises is redacted before it is stored.
        """

        async def redacted() -> T:
            try:
                return await function()
            except RunnerError as error:
                raise error.redacted(self.services.redact) from None

        return await self.services.engine.step(name, redacted)

    async def once(
        self,
        name: str,
        do: Callable[[], Coroutine[Any, Any, T]],
        recover: Callable[[], Coroutine[Any, Any, T]],
    ) -> T:
        """A step with a side effect that must not happen twice.

        The attempt is recorded before it is made. After an interruption `recover` runs instead of `do`: it determines
        the outcome of the first attempt.
        """

        async def attempt() -> T:
            first = await self.services.operations.begin_side_effect(self.number, name)
            log.info("operation %s: %s %s", self.number, "begins" if first else "was interrupted, recovers", name)
            return await (do() if first else recover())

        return await self.step(name, attempt)

    async def check_authorized(self, what: str, *, reads: bool = False) -> None:
        """Within a step, directly before `what` starts: decide again whether it may (see authority.py); once for each."""
        if (what, self._binding) not in self._authorized:
            await authority.check(self.services, self.record, self._binding, what, reads=reads)
            self._authorized.add((what, self._binding))

    async def show(
        self,
        name: str,
        message: Message,
        status: Status,
        doing: str = "",
        *,
        timed: bool = True,
        alarming: bool = False,
        notify: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """Durably set message and status, then `notify`. An end adds its duration if `timed`, and notifies; see notices.py."""
        self._shown = message

        async def change() -> None:
            await self.services.operations.set_status(self.number, status, doing)
            # Progress may be missed. How it ended, and what waits for people, is displayed in any case.
            final = status.ended or status is Status.APPROVAL
            timed_message = self._with_times(message) if status.ended and timed else message
            await deliver(self.services, self.number, timed_message, until_displayed=final)
            if status.ended:
                await notices.report_end(self.services, self.record, status, message, alarming=alarming)
            if notify:
                await notify()
            if doing and status is Status.RUNNING:
                await self.update_waiting()

        await self.step(name, change)

    async def set_activity(self, doing: str) -> None:
        """Within a step: record its activity ("is deploying"), which the message of the next in the queue displays."""
        await self.services.operations.set_status(self.number, Status.RUNNING, doing)
        await self.update_waiting()

    async def update_ended(self, message: Message) -> None:
        """Change the message of an operation that has ended, where it reports on others. Not durable."""
        await deliver(self.services, self.number, self._with_times(message))

    async def update_waiting(self) -> None:
        """Have the messages of the operations that are queued behind this one updated. Returns at once."""
        self.services.queue_display.changed(self.services, self.record.environment)

    async def restore_message(self) -> None:
        """Within a step: post the message again if somebody has deleted it, or the bot cannot see its channel any more."""
        at = await current(self.services, self.number)
        try:
            if at.ts:
                await self.services.chat.permalink(at)
        except ChatError as error:
            log.warning("operation %s: its message: %s", self.number, error)
            if error.verdict in LOST and self._shown:
                await deliver(self.services, self.number, self._shown)

    def _with_times(self, message: Message) -> Message:
        ended = common.ended_words(self.record.created_at, self.record.ended_at or self.services.clock())
        return kit.with_small_print(message, ended)

    async def announce(self, message: Message) -> None:
        """Post the message of an operation that was silent until now."""
        self._shown = message
        await self.step("announce", lambda: self._announce(message))
        record = await self.step("record again", lambda: self.services.operations.get(self.number))
        self.record, self.at = record, Posted(record.channel, record.message_ts or "")

    async def _announce(self, message: Message) -> None:
        if refused := await until_taken(self.number, lambda: post_announcement(self.services, self.record, message)):
            raise refused

    async def details(self, name: str, message: Message) -> None:
        """Post into the message's thread, once."""

        async def post() -> None:
            await thread.post_message(self.services, self.record, name, message, self._shown)

        await self.step(name, post)

    async def attach(
        self, name: str, *, filename: str, title: str, read: Callable[[], Coroutine[Any, Any, str]]
    ) -> None:
        """Upload a text file into the message's thread, once."""

        async def upload() -> None:
            file = TextFile(filename, title, await read())
            await thread.post_file(self.services, self.record, file, self._shown)

        await self.step(name, upload)

    def live(self) -> LiveMessage:
        """For progress within a step: displayed at Slack's pace, not durable."""
        send, turn = partial(deliver_once, self.services, self.number), partial(self.services.chat.turn, Lane.PROGRESS)
        return LiveMessage(send, turn)

    async def unless_cancelled(
        self, work: Coroutine[Any, Any, T], stop: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> T:
        """Within a step: do `work`, and stop after a click on Cancel.

        With `stop` the work is asked to end and its own result is returned; without it, it is cancelled and Cancelled
        is raised.
        """
        task = asyncio.create_task(work)
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=CANCEL_CHECK_INTERVAL)
                person = None if task.done() else await self._cancelled_by()
                if person and stop:
                    await stop()
                    break
                if person:
                    raise Cancelled(f"cancelled by {kit.user(person)}")
            return await task
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    async def _cancelled_by(self) -> str | None:
        try:
            return await self.services.operations.cancel_requested(self.number)
        except DatabaseAwayError as error:
            log.warning("operation %s: whether it is to be cancelled: %s", self.number, error)
            return None  # the work continues meanwhile

    async def audit(self, action: str, **detail: str) -> None:
        """Durably record in the audit log what this operation does."""
        await self.step(f"audit {action}", lambda: self.annotate(action, **detail))

    async def annotate(self, action: str, **detail: str) -> None:
        """The same within a step; a step that is interrupted right after it records it again (see entries.py)."""
        await self.services.audit.record(Entry("signalbox", action, self.target.name, self.number, detail))

    async def approved(
        self,
        binding: str,
        required: int,
        render: Callable[[ApprovalView], Message],
        *,
        typed_confirmation: str = "",
        decided_outside: DecidedOutside | None = None,
        updates: Updates | None = None,
    ) -> ApprovalView:
        """Durable: request approval of exactly what `binding` is the digest of, and wait until that is closed.

        `render` draws the message meanwhile. An approver types `typed_confirmation` unless it is empty. Each check calls
        `decided_outside`, within a step: true closes it with the outcome OUTSIDE_SLACK. Then it asks `updates` for changes.
        """
        self._binding = binding
        waiting = OpenApproval(self, render, decided_outside, updates)
        return await waiting.outcome(binding, required, typed_confirmation)

    async def end(
        self, status: Status, message: Message, *, outcome: str = "", timed: bool = True, alarming: bool = False
    ) -> None:
        """Display the end (see `show`), delete the files, leave the queue. The audit log records `outcome`, or the usual one."""
        await self.show(f"end: {status.value}", message, status, timed=timed, alarming=alarming)
        await self.step("clean up", self._clean_up)
        usual = self.success if status is Status.SUCCEEDED else status.value
        await self.audit("ended", **entries.end_detail(self.record, status, outcome or usual, message))
        log.info("operation %s: ended, %s", self.number, status.value)

    async def finish_silently(self, status: Status) -> None:
        """End without changing the message, if there is a message."""
        await self.step("finish", lambda: entries.finish(self, status))
        await self.step("clean up", self._clean_up)
        log.info("operation %s: ended, %s", self.number, status.value)

    async def fail(self, error: RunnerError) -> None:
        """End because work failed: what went wrong, what did not happen, what to do, what it was doing."""
        log.warning("operation %s: %s", self.number, self.services.redact(str(error)))
        context = self.failure_context
        if isinstance(error, UncertainError):  # it may have happened: no promise, and no command to repeat it
            context = replace(context, not_done="", next_command="")
        failure = Failure(error.doing, error.problem, remedy_of(error), error.log_tail)
        await self.end(Status.FAILED, common.failed(self.head, failure, context))

    async def _clean_up(self) -> None:
        await discard(self.services, self.number)
