"""The workflow of a rotation: approval, a new key in every place, proof, the old key deactivated, and deleted after a grace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from bot.engine.watch import Watch
from bot.operations.approval import required_approvals
from bot.operations.registry import Kind
from bot.slack.blocks.common import FailureContext
from bot.store.approvals import Outcome
from bot.store.operations import Status
from handlers.secrets import rotate_views as views, rotation as effects
from handlers.secrets.rotate_command import KIND
from runners.errors import RunnerError
from runners.github.runs import listing
from runners.results import State
from runners.results.secrets import key_name
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from runners.results.secrets import Replaced, Rotation

POLL_INTERVAL = 60.0  # seconds between checks outside of the workflow
LONGEST_WAIT = 6 * 3_600.0  # seconds
SHORTEST_WAIT = 0.05  # seconds
DECIDED_WITHIN = 7 * 86_400.0  # seconds in which a person or a run has to prove the new key


@stored("rotation-answer")
@dataclass(frozen=True, slots=True)
class Answer:
    """What a rotation that waits was answered: `what` is empty while nobody has; `by` is a person, or the run's address."""

    what: str
    by: str
    at: float


async def rotate(operation: Operation) -> None:
    """Durable: from the request to the deletion of the old key."""
    name = operation.record.arguments[effects.KEY]
    command = f"/infra rotate {name}"
    operation.failure_context = FailureContext("no key was changed", next_command=command)
    await operation.show("reading", views.working(operation.head, "reading the keys"), Status.RUNNING)
    rotation = await operation.step("keys", lambda: effects.prepared(operation))
    required = required_approvals(operation, at_least=1)
    approval = await operation.approved(rotation.binding, required, partial(views.ask, operation.head, rotation))
    if approval.outcome != Outcome.APPROVED:
        await operation.end(Status(approval.outcome), views.not_approved(operation.head, rotation, approval))
        return
    operation.failure_context = FailureContext("the old key was not changed", approval=approval, next_command=command)
    replaced = await _replaced(operation, rotation, approval)
    if replaced is None:
        return
    if not rotation.old:
        await operation.end(Status.SUCCEEDED, views.first(operation.head, rotation, approval, replaced))
        return
    if await _proven(operation, rotation, approval, replaced):
        await _retire(operation, rotation, approval, replaced)


async def _replaced(operation: Operation, rotation: Rotation, approval: ApprovalView) -> Replaced | None:
    """A new key that is in every place; None where that did not come about, and the operation has ended."""
    phase = 0
    while True:
        phase += 1
        message = views.working(operation.head, "making a key and writing it to its places", rotation)
        await operation.show("making", message, Status.RUNNING, "makes a key")
        replaced = await operation.step(f"replace {phase}", lambda: effects.replace(operation, rotation))
        if not replaced.failed:
            return replaced
        if not replaced.key_id:
            await operation.end(Status.FAILED, views.nothing_written(operation.head, rotation, approval, replaced))
            return None
        message = views.partly_written(operation.head, rotation, approval, replaced, phase)
        await operation.show("partly written", message, Status.RUNNING, "waits for a decision", alarming=True)
        answer = await _answer(operation, (views.AGAIN, views.STOP), phase, replaced.at + DECIDED_WITHIN)
        if answer.what != views.AGAIN:
            message = views.stopped(operation.head, rotation, approval, replaced, answer.by)
            await operation.end(Status.FAILED, message, outcome="some places have the new key")
            return None


async def _proven(operation: Operation, rotation: Rotation, approval: ApprovalView, replaced: Replaced) -> bool:
    """Whether a person or a run of the workflow proves the new key; if not, the operation has ended."""
    message = views.written(operation.head, rotation, approval, replaced)
    await operation.show("written", message, Status.RUNNING, "waits for proof of the new key")
    until = replaced.at + DECIDED_WITHIN
    answer = await _answer(operation, (views.PROVEN,), 0, until, workflow=rotation.workflow, since=replaced.at)
    if not answer.what:
        message = views.unproven(operation.head, rotation, approval, replaced)
        await operation.end(Status.FAILED, message, outcome="nobody has confirmed the new key")
        return False
    await operation.audit("proved key", key=key_name(replaced.key_id), by=answer.by)
    return True


async def _retire(operation: Operation, rotation: Rotation, approval: ApprovalView, replaced: Replaced) -> None:
    """Deactivate the old key, delete it after the grace, unless a person takes it back."""
    done = f"both keys of {rotation.user} are active"
    operation.failure_context = FailureContext(done, approval=approval)
    await operation.step("deactivate", lambda: effects.deactivate(operation, rotation, replaced))
    operation.failure_context = FailureContext("the old key is deactivated, and was not deleted", approval=approval)
    until = await operation.step("deactivated until", lambda: _now(operation)) + rotation.grace
    message = views.deactivated(operation.head, rotation, approval, replaced, until)
    await operation.show("deactivated", message, Status.RUNNING, "has the old key deactivated")
    answer = await _answer(operation, (views.BACK,), 0, until)
    if answer.what:
        await operation.step("activate", lambda: effects.activate(operation, rotation))
        message = views.taken_back(operation.head, rotation, approval, replaced, answer.by)
        await operation.end(Status.CANCELLED, message, outcome=f"the old key is active again, by {answer.by}")
        return
    await operation.step("delete", lambda: effects.delete_old(operation, rotation, replaced))
    await operation.end(Status.SUCCEEDED, views.rotated(operation.head, rotation, approval, replaced))


async def _now(operation: Operation) -> float:
    return operation.services.clock()


async def _answer(
    operation: Operation, answers: Sequence[str], phase: int, until: float, *, workflow: str = "", since: float = 0.0
) -> Answer:
    """Durable: the first of these answers that somebody gives; an empty one once the time is over."""

    async def read() -> Answer:
        return await _given(operation, answers, phase, workflow, since)

    async def changed() -> bool:
        answer = await read()
        return bool(answer.what) or answer.at >= until

    while True:
        answer = await operation.step("poll", read)
        if answer.what or answer.at >= until:
            return answer
        pause = max(min(until - answer.at, LONGEST_WAIT), SHORTEST_WAIT)
        await operation.services.engine.wait(pause, Watch(changed, POLL_INTERVAL))


async def _given(operation: Operation, answers: Sequence[str], phase: int, workflow: str, since: float) -> Answer:
    now = operation.services.clock()
    for what in answers:
        people = await operation.services.annotations.values_of(operation.number, f"{what} {phase or ''}".rstrip())
        if people:
            return Answer(what, people[0], now)
    if workflow and (url := await _successful_run(operation, workflow, since)):
        return Answer(answers[0], url, now)
    return Answer("", "", now)


async def _successful_run(operation: Operation, workflow: str, since: float) -> str:
    """The address of a run that began after the key was written, and succeeded; empty without one, or while GitHub is away."""
    services = operation.services
    runs = listing.RunList(services.github, services.config.github.repository, workflow, most=listing.PER_PAGE)
    try:
        listed = await runs.created_since(datetime.fromtimestamp(since, UTC))
    except RunnerError:
        return ""  # a person can confirm meanwhile
    return next((run.url for run in listed or () if run.state is State.SUCCEEDED), "")


KINDS = (Kind(KIND, rotate),)
