"""The message of a stuck builder: follows it until it is gone, reminds, and terminates it when somebody says so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.operations.periodic import REQUESTER
from bot.operations.registry import Kind
from bot.store.operations import Status
from handlers.builders import views
from handlers.builders.views import AlertView, Hold
from handlers.shared.builders import ALERT, join_jobs, recognition, settings
from runners.aws.builders import finding, terminating
from runners.aws.builders.remains import remains
from runners.errors import RunnerError
from runners.results import JoinedBy, Verdict
from runners.stored import stored

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from runners.results import Builder, Cost, Joined, Step, Termination

# Notes on the operation, each "<user> <Unix seconds>": who pressed what, and when or until when.
TERMINATE, SNOOZE, MINE = "terminate", "snooze", "mine"
# A reminder after so many seconds, each since the one before; the last goes on.
REMIND = (3_600.0, 2 * 3_600.0, 4 * 3_600.0, 8 * 3_600.0, 24 * 3_600.0)
TRIES = 5  # at what is left of a builder that is gone; AWS frees a security group minutes later


@stored("builder-observation")
@dataclass(frozen=True, slots=True)
class Observation:
    """One look at a builder. `at` in Unix seconds; `trouble` says why it could not be seen.

    Without `joined` and without trouble it is gone, `how` in EC2's words. `left` is what it left behind.
    """

    at: float
    joined: Joined | None = None
    trouble: str = ""
    how: str = ""
    left: tuple[str, ...] = ()
    cost: Cost | None = None
    hold: Hold | None = None
    asked: tuple[str, ...] = ()

    @property
    def gone(self) -> bool:
        """Whether the instance is no more."""
        return self.joined is None and not self.trouble


@dataclass(slots=True)
class _Course:
    """What has happened so far; rebuilt from the steps' results after a restart."""

    told_at: float = 0.0
    remind_at: float = 0.0
    reminders: int = 0
    answered: int = 0  # of those who pressed Terminate
    by_itself: bool = False
    by: str = ""  # who had it terminated
    was_there: bool = False  # when that was begun; after a crash in the middle it may be gone already
    known: Joined | None = None
    last: Termination | None = None
    refusal: str = ""
    tries: int = 0


async def alert(operation: Operation) -> None:
    """Durable: look, show, act, wait, until the builder and what belongs to it is gone."""
    course, shown = _Course(), None
    while True:
        known = course.known.builder if course.known else None
        sight = await operation.step("look", lambda known=known: _look(operation, known))  # type: ignore[misc]
        _take_note(course, sight)
        if wanted := _wanted(operation, course, sight):
            await _terminate(operation, course, sight, wanted)
        if await _over(operation, course, sight):
            return
        message = views.alert(_view(operation, course, sight))
        if message != shown:
            await operation.show("show", message, Status.RUNNING, "is left running")
            shown = message
        await _remind(operation, course, sight)
        await operation.services.engine.wait(_pause(operation, course, sight))


def _take_note(course: _Course, sight: Observation) -> None:
    if sight.joined:
        course.known = sight.joined
    if not course.told_at:
        course.told_at, course.remind_at = sight.at, sight.at + REMIND[0]


async def _look(operation: Operation, known: Builder | None) -> Observation:
    services, arguments = operation.services, operation.record.arguments
    marks, now = recognition(services.config), services.clock()
    hold, asked = await _said(operation)
    sight = Observation(at=now, hold=hold, asked=asked)
    try:
        builder = await finding.look_again(services.account, arguments["region"], arguments["instance"], marks)
        if builder is None or not builder.live:
            how = builder.state_reason if builder else ""
            last = known or builder
            return replace(sight, how=how, left=await remains(services.account, last) if last else ())
        (joined,), _ = await join_jobs(services, [builder])
        cost = await services.prices.so_far(builder, datetime.fromtimestamp(now, UTC))
        return replace(sight, joined=joined, cost=cost)
    except RunnerError as error:
        return replace(sight, trouble=services.redact(str(error)))


async def _said(operation: Operation) -> tuple[Hold | None, tuple[str, ...]]:
    annotations, number = operation.services.annotations, operation.number
    asked = tuple(note.partition(" ")[0] for note in await annotations.values_of(number, TERMINATE))
    holds = []
    for kind in (SNOOZE, MINE):
        for note in await annotations.values_of(number, kind):
            user, until, said_at = note.split(" ")
            holds.append((float(said_at), Hold(user, float(until), mine=kind == MINE)))
    newest = max(holds, key=lambda one: one[0])[1] if holds else None
    return (newest if newest and newest.until > operation.services.clock() else None), asked


def _wanted(operation: Operation, course: _Course, sight: Observation) -> str:
    """Who wants it terminated now: a person who pressed the button, or the configuration; empty when nobody."""
    if sight.trouble:
        return ""
    if course.answered < len(sight.asked):
        user = sight.asked[course.answered]
        course.answered = len(sight.asked)
        return user
    if course.by and sight.gone and sight.left and course.tries < TRIES:
        return course.by  # what AWS had not freed yet
    after = settings(operation.services.config).terminate
    if not after or course.by_itself or sight.hold or sight.at < course.told_at + after.total_seconds():
        return ""
    if not sight.joined or not sight.joined.stuck or not _surely_over(operation, sight.joined, sight.at):
        return ""
    course.by_itself = True
    return REQUESTER


def _surely_over(operation: Operation, joined: Joined, at: float) -> bool:
    """Whether no job can still need it. While GitHub does not tell, only its age can say that."""
    longest = settings(operation.services.config).longest_build
    age = joined.builder.age(datetime.fromtimestamp(at, UTC))
    return joined.joined_by is not JoinedBy.UNREAD or age > longest


async def _terminate(operation: Operation, course: _Course, sight: Observation, by: str) -> None:
    joined = sight.joined or course.known
    if joined is None:
        return
    if sight.joined and sight.joined.verdict is Verdict.BUSY:
        course.refusal = f"not terminated: {sight.joined.reason}"
        return
    course.tries += 1
    course.was_there = course.was_there or sight.joined is not None
    await operation.audit("terminates builder", what=joined.builder.instance_id, by=by)
    course.last, course.refusal = await operation.step("terminate", lambda: _end_it(operation, joined, by))
    if course.last is None:
        course.by = by  # whatever was done before AWS failed: what is left of it goes on the same word
    else:
        course.by = by if course.last.terminated else ""
        done = ", ".join(f"{step.what} {step.resource} {step.outcome.value}" for step in course.last.steps)
        await operation.audit("builder", what=joined.builder.instance_id, outcome=done[:400], by=by)


async def _end_it(operation: Operation, joined: Joined, by: str) -> tuple[Termination | None, str]:
    services, steps = operation.services, list[str]()

    async def told(step: Step) -> None:
        steps.append(views.step_line(step))
        live.show(lambda: views.terminating(operation.head, joined, by, steps))

    try:
        async with operation.live() as live:
            live.show(lambda: views.terminating(operation.head, joined, by, steps))
            marks = recognition(services.config)
            return await terminating.terminate(services.account, joined.builder, marks, on_step=told), ""
    except RunnerError as error:
        return None, services.redact(str(error))


async def _over(operation: Operation, course: _Course, sight: Observation) -> bool:
    last = course.last
    by_us = bool(last and last.terminated and course.by)
    nothing_left = sight.gone and not sight.left
    settled = by_us and last is not None and (last.complete or nothing_left or course.tries >= TRIES)
    elsewhere = nothing_left and not by_us
    if not settled and not elsewhere:
        return False
    status = Status.FAILED if by_us and last and not last.complete and not nothing_left else Status.SUCCEEDED
    message = views.over(_view(operation, course, sight))
    await operation.end(status, message, outcome="terminated" if by_us else "gone by itself", timed=False)
    return True


async def _remind(operation: Operation, course: _Course, sight: Observation) -> None:
    if sight.hold:
        course.remind_at = min(course.remind_at, sight.hold.until)
        return
    stuck = sight.joined is not None and sight.joined.stuck
    if not stuck or sight.at < course.remind_at:
        return
    course.reminders += 1
    course.remind_at = sight.at + REMIND[min(course.reminders, len(REMIND) - 1)]
    await operation.details(f"reminder {course.reminders}", views.reminder(_view(operation, course, sight)))


def _pause(operation: Operation, course: _Course, sight: Observation) -> float:
    every = settings(operation.services.config).every.total_seconds()
    events = [course.remind_at, *([sight.hold.until] if sight.hold else [])]
    after = settings(operation.services.config).terminate
    if after and not course.by_itself:
        events.append(course.told_at + after.total_seconds())
    soon = [event - sight.at for event in events if event > sight.at]
    return max(0.05, min([every, *soon]))


def _view(operation: Operation, course: _Course, sight: Observation) -> AlertView:
    return AlertView(
        head=operation.head,
        joined=sight.joined or course.known,
        at=sight.at,
        told_at=course.told_at,
        gone=sight.gone,
        trouble=sight.trouble,
        how=sight.how,
        left=sight.left,
        cost=sight.cost,
        hold=sight.hold,
        last=course.last,
        refusal=course.refusal,
        by=course.by,
        was_there=course.was_there,
        who=operation.approvers(),
    )


KINDS = (Kind(ALERT, alert),)
