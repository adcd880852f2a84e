"""One operation while it runs: its durable steps, its one message, its approval, its ending."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from bot.access import policy
from bot.errors import Cancelled, DatabaseAwayError
from bot.operations.posting import announce, into_thread
from bot.operations.queue import head_of, tell_next, tell_waiting
from bot.slack.blocks import common, kit
from bot.slack.blocks.common import ApprovalView, Failure, FailureContext
from bot.slack.client import Live, Posted
from bot.slack.retry import patiently
from bot.store.approvals import Approval, ApprovalRequest, Outcome
from bot.store.audit import Entry
from bot.store.operations import Record, Status
from runners.errors import RunnerError, UncertainError
from runners.processes.scratch import wipe

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from bot.config import Environment
    from bot.config.targets import Target
    from bot.services import Services
    from bot.slack.blocks.kit import Message

    Drawn = Callable[[], Coroutine[Any, Any, None]]

log = logging.getLogger(__name__)
T = TypeVar("T")

# A waiting operation looks at its approval this often even if nobody woke it, so that no decision is ever lost.
LOOK_EVERY = 60.0
LOOK_ELSEWHERE_EVERY = 15.0  # where somebody may decide outside of Slack, without a notification
LOOK_FOR_CANCEL_EVERY = 1.0


class Operation:
    """What a durable function works with. Create it anew from the record whenever the function starts."""

    def __init__(self, services: Services, record: Record, success: str = Status.SUCCEEDED.value) -> None:
        self.services = services
        self.success = success  # the outcome that the audit log records when it succeeds
        self.record = record
        self.number = record.number
        self.target: Target = policy.target_of(services.config, record.environment)
        self.head = head_of(record)
        self.at = Posted(record.channel, record.message_ts or "")
        self.known = (
            FailureContext()
        )  # set anew as the durable function comes to know more: what to say should it fail now

    @property
    def environment(self) -> Environment:
        """The environment that it changes. Raises Denied for an operation that belongs to none (see bot/config/targets.py)."""
        return policy.environment_of(self.services.config, self.record.environment)

    @property
    def scratch(self) -> Path:
        """This operation's own directory; removed when it ends."""
        return scratch_of(self.services, self.number)

    async def step(self, name: str, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run once and keep the result. An interrupted step runs again: only for what may be done twice.

        What a runner raises is redacted before it is kept.
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
        """A step with an outside effect that must not happen twice.

        That it is about to be tried is recorded first. After an interruption `recover` runs instead of `do`:
        it finds out what became of the first try.
        """

        async def attempt() -> T:
            first = await self.services.operations.begin_side_effect(self.number, name)
            log.info("operation %s: %s %s", self.number, "begins" if first else "was interrupted, looks after", name)
            return await (do() if first else recover())

        return await self.step(name, attempt)

    async def show(self, name: str, message: Message, status: Status, doing: str = "", *, timed: bool = True) -> None:
        """Durably bring the operation's message and record to this state; one that has ended says how long it took if `timed`."""

        async def change() -> None:
            await self.services.operations.set_status(self.number, status, doing)
            if self.at.ts:  # a silent operation has no message
                shown = self._with_times(message) if status.ended and timed else message
                await patiently(lambda: self.services.chat.update(self.at, shown))
            if doing and status is Status.RUNNING:
                await self._tell_next()

        await self.step(name, change)

    async def does(self, doing: str) -> None:
        """Within a step: note what it is doing ("is deploying"), and say so in the message of the next in line."""
        await self.services.operations.set_status(self.number, Status.RUNNING, doing)
        await self._tell_next()

    async def _tell_next(self) -> None:
        await tell_next(self.services.operations, self.services.chat, self.record)

    async def redraw(self, message: Message) -> None:
        """Change the message of an operation that is over: what it says of others has changed since. Not durable."""
        shown = self._with_times(message)
        await patiently(lambda: self.services.chat.update(self.at, shown))

    def _with_times(self, message: Message) -> Message:
        ended = common.ended_words(self.record.created_at, self.record.ended_at or self.services.clock())
        return kit.with_small_print(message, ended)

    async def speak(self, message: Message) -> None:
        """Post the message of an operation that was silent until now."""
        await self.step("speak", lambda: announce(self.services, self.record, message))
        record = await self.step("record again", lambda: self.services.operations.get(self.number))
        self.record, self.at = record, Posted(record.channel, record.message_ts or "")

    async def details(self, name: str, message: Message) -> None:
        """Post into the message's thread, once."""

        async def post() -> None:
            await patiently(lambda: into_thread(self.services, self.record, self.at, name, message))

        await self.step(name, post)

    async def attach(
        self, name: str, *, filename: str, title: str, read: Callable[[], Coroutine[Any, Any, str]]
    ) -> None:
        """Put a text file into the message's thread, once."""

        async def upload() -> None:
            content = await read()

            async def once() -> None:
                first = await self.services.operations.begin_side_effect(self.number, f"file {filename}"[:80])
                if first or not await self.services.chat.has_file(self.at, filename):
                    await self.services.chat.upload(self.at, filename=filename, title=title, content=content)

            await patiently(once)

        await self.step(name, upload)

    def live(self) -> Live:
        """For progress within a step: shown when there is time, not durable."""
        return self.services.chat.live(self.at)

    async def unless_cancelled(
        self, work: Coroutine[Any, Any, T], stop: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> T:
        """Within a step: do `work`, and stop when somebody presses Cancel.

        With `stop` the work is asked to end and its own result is given; without it, it is cancelled and Cancelled
        is raised.
        """
        task = asyncio.create_task(work)
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=LOOK_FOR_CANCEL_EVERY)
                person = None if task.done() else await self._cancelled_by()
                if person and stop:
                    await stop()
                    break
                if person:
                    raise Cancelled(f"cancelled by <@{person}>")
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
            return None  # the work goes on meanwhile

    async def audit(self, action: str, **detail: str) -> None:
        """Durably note in the trail what this operation does."""
        await self.step(f"audit {action}", lambda: self.annotate(action, **detail))

    async def annotate(self, action: str, **detail: str) -> None:
        """The same within a step; a step that is interrupted right after it notes it again."""
        entry = Entry("signalbox", action, self.target.name, self.number, detail)
        await self.services.audit.record(entry)

    async def approved(
        self,
        binding: str,
        required: int,
        render: Callable[[ApprovalView], Message],
        *,
        typed_confirmation: str = "",
        elsewhere: Callable[[], Coroutine[Any, Any, bool]] | None = None,
        look: Callable[[], Coroutine[Any, Any, Drawn | None]] | None = None,
    ) -> ApprovalView:
        """Ask for approval of exactly what `binding` is the digest of, and wait until that is settled.

        `render` draws the message while it is open; the caller shows the outcome. An approver must type
        `typed_confirmation` when it is not empty. `elsewhere` is asked at each look whether the matter was decided outside of
        Slack; the outcome is ELSEWHERE then. `look` is asked at each look, outside of a step, whether there is news for
        the message; if so it gives what to do once that is shown.
        """
        every = LOOK_ELSEWHERE_EVERY if elsewhere else LOOK_EVERY
        request = ApprovalRequest(
            operation=self.number,
            environment=self.target.name,
            binding=binding,
            requester=self.record.requester,
            channel=self.at.channel,
            message_ts=self.at.ts,
            required=required,
            expires_after=self.target.approval.expires_after.total_seconds(),
            typed_confirmation=typed_confirmation,
        )
        approval = await self.step("ask for approval", lambda: self.services.approvals.create(request))
        await self._show_open(approval, render)
        while approval.outcome is Outcome.PENDING:
            left = approval.expires_at - await self._now()
            await self.services.engine.wait(min(every, max(left, 0.05)))
            seen, approval = approval, await self._look(approval.id, elsewhere)
            if approval.outcome is Outcome.PENDING:
                drawn = await look() if look else None
                if drawn or approval.votes != seen.votes:
                    await self._show_open(approval, render)
                if drawn:
                    await drawn()
        await self._note_expiry(approval)
        return self.view(approval)

    def view(self, approval: Approval) -> ApprovalView:
        """An approval as it is shown."""
        votes = tuple((vote.person, vote.decision, vote.at) for vote in approval.votes)
        outcome, expires_at = approval.outcome.value, approval.expires_at
        return ApprovalView(approval.id, approval.required, outcome, votes, expires_at, self.approvers())

    def approvers(self) -> str:
        """Who may approve it, in Slack's mentions."""
        return policy.approvers_in_words(self.services.config, self.target, self.record.requester)

    async def end(self, status: Status, message: Message, *, outcome: str = "", timed: bool = True) -> None:
        """Show how it ended and remove its files; its turn is over. The trail keeps `outcome`, or the usual words.

        The message says how long it took, unless it is not `timed`: not of what only followed something else's life.
        """
        await self.show(f"end: {status.value}", message, status, timed=timed)
        await self.step("clean up", self._clean_up)
        usual = self.success if status is Status.SUCCEEDED else status.value
        await self.audit("ended", status=status.value, outcome=outcome or usual)
        log.info("operation %s: ended, %s", self.number, status.value)

    async def finish_silently(self, status: Status) -> None:
        """End without changing the message, if there is one."""
        await self.step("finish", lambda: self.services.operations.set_status(self.number, status))
        await self.step("clean up", self._clean_up)
        log.info("operation %s: ended, %s", self.number, status.value)

    async def fail(self, error: RunnerError) -> None:
        """End because work failed: what went wrong, what did not happen, what to do, what was being done."""
        log.warning("operation %s: %s", self.number, self.services.redact(str(error)))
        # Of what was asked for without an answer nobody knows that it did not happen, nor what to do but to look.
        known = replace(self.known, untouched="", then="") if isinstance(error, UncertainError) else self.known
        trouble = Failure(error.doing, error.problem, error.remedy, error.log_tail)
        await self.end(Status.FAILED, common.failed(self.head, trouble, known))

    async def _show_open(self, approval: Approval, render: Callable[[ApprovalView], Message]) -> None:
        await self.show("show approval", render(self.view(approval)), Status.APPROVAL, "waits for approval")
        await self.step("tell those who wait", self.tell_waiting)

    async def tell_waiting(self) -> None:
        """Bring the messages of those in line behind this operation up to date."""
        await tell_waiting(self.services.operations, self.services.chat, self.record.environment)

    async def _look(self, approval_id: str, elsewhere: Callable[[], Coroutine[Any, Any, bool]] | None) -> Approval:
        async def look() -> Approval:
            if elsewhere and await elsewhere():
                return await self.services.approvals.close_outside_slack(approval_id)
            return await self.services.approvals.get(approval_id)

        return await self.step("look at approval", look)

    async def _now(self) -> float:
        async def now() -> float:
            return self.services.clock()

        return await self.step("now", now)

    async def _note_expiry(self, approval: Approval) -> None:
        if approval.outcome is Outcome.EXPIRED:
            await self.audit("expired", approval=approval.binding[:12])

    async def _clean_up(self) -> None:
        await remove(self.scratch)


def scratch_of(services: Services, number: int) -> Path:
    """The directory of an operation's files."""
    return services.workplace / "operations" / str(number)


async def remove(directory: Path) -> None:
    """Delete an operation's directory. What cannot be (what it started still runs) waits for the bot's next start."""
    try:
        await wipe(directory)
    except RunnerError as error:
        log.warning("%s", error)
