"""The workflow of a builder alert: checks a stuck builder until it is terminated, reminds people, terminates it on request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.access.rights import needed_for
from bot.errors import Denied
from bot.operations import authority
from bot.operations.approval import approvers_of
from bot.operations.periodic import REQUESTER
from bot.operations.registry import Kind
from bot.store.operations import Status
from handlers.builders import alert_views
from handlers.builders.alert_views import AlertView, Hold
from handlers.shared.builders import ALERT, join_jobs, recognition, settings
from runners.aws.builders import discovery, termination
from runners.aws.builders.orphaned_resources import orphans_of
from runners.errors import RunnerError
from runners.results import JoinedBy, Verdict
from runners.stored import stored

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from runners.results import Builder, Cost, Joined, Step, Termination

# Annotations: TERMINATE "<user> <Unix seconds>", the others "<user> <until> <Unix seconds>".
TERMINATE, SNOOZE, MINE = "terminate", "snooze", "mine"
# Seconds from one reminder to the next; the last interval repeats.
REMINDER_INTERVALS = (3_600.0, 2 * 3_600.0, 4 * 3_600.0, 8 * 3_600.0, 24 * 3_600.0)
MOST_ATTEMPTS = 5  # to delete a builder's orphaned resources; AWS frees a security group minutes later
SHORTEST_WAIT = 0.05  # seconds


@stored("builder-observation")
@dataclass(frozen=True, slots=True)
class Observation:
    """The state of a builder at `at` (Unix seconds); `problem` says why it could not be read.

    `joined` is None when the builder is terminated (with EC2's `state_reason` and its `orphans`) or could not be read.
    `requests` are the users who pressed Terminate, oldest first.
    """

    at: float
    joined: Joined | None = None
    problem: str = ""
    state_reason: str = ""
    orphans: tuple[str, ...] = ()
    cost: Cost | None = None
    hold: Hold | None = None
    requests: tuple[str, ...] = ()

    @property
    def terminated(self) -> bool:
        """Whether the instance no longer exists."""
        return self.joined is None and not self.problem


@dataclass(slots=True)
class _AlertState:
    """The course of the alert so far; rebuilt from the steps' results after a restart."""

    began_at: float = 0.0
    remind_at: float = 0.0
    reminders: int = 0
    answered: int = 0  # of the requests to terminate
    automatic_tried: bool = False
    terminated_by: str = ""  # the user, or Signalbox, whose request terminates it
    existed: bool = False  # when that began; after a crash in the middle it may be terminated already
    last_joined: Joined | None = None
    termination: Termination | None = None
    refusal: str = ""
    attempts: int = 0


async def alert(operation: Operation) -> None:
    """Durable: check, display, act and wait, until the builder and its resources are deleted."""
    state, displayed = _AlertState(), None
    while True:
        last = state.last_joined.builder if state.last_joined else None
        observation = await operation.step("observe", lambda last=last: _observe(operation, last))  # type: ignore[misc]
        _update(state, observation)
        if not operation.at.ts and (observation.orphans or not observation.terminated):
            await operation.announce(alert_views.alert(_view(operation, state, observation)))
        if user := _termination_due(operation, state, observation):
            await _terminate(operation, state, observation, user)
        if await _end_if_over(operation, state, observation):
            return
        message = alert_views.alert(_view(operation, state, observation))
        if message != displayed:
            await operation.show("show", message, Status.RUNNING, "is left running")
            displayed = message
        await _remind(operation, state, observation)
        await operation.services.engine.wait(_wait(operation, state, observation))


def _update(state: _AlertState, observation: Observation) -> None:
    if observation.joined:
        state.last_joined = observation.joined
    if not state.began_at:
        state.began_at, state.remind_at = observation.at, observation.at + REMINDER_INTERVALS[0]


async def _observe(operation: Operation, last: Builder | None) -> Observation:
    services, arguments = operation.services, operation.record.arguments
    tags, now = recognition(services.config), services.clock()
    hold, requests = await _clicks(operation)
    observation = Observation(at=now, hold=hold, requests=requests)
    try:
        builder = await discovery.read_instance(services.account, arguments["region"], arguments["instance"], tags)
        if builder is None or not builder.live:
            reason = builder.state_reason if builder else ""
            earlier = last or builder
            orphans = await orphans_of(services.account, earlier) if earlier else ()
            return replace(observation, state_reason=reason, orphans=orphans)
        (joined,), _ = await join_jobs(services, [builder])
        cost = await services.prices.so_far(builder, datetime.fromtimestamp(now, UTC))
        return replace(observation, joined=joined, cost=cost)
    except RunnerError as error:
        return replace(observation, problem=services.redact(str(error)))


async def _clicks(operation: Operation) -> tuple[Hold | None, tuple[str, ...]]:
    """The newest hold, unless it is over, and the users who pressed Terminate."""
    annotations, number = operation.services.annotations, operation.number
    requests = tuple(value.partition(" ")[0] for value in await annotations.values_of(number, TERMINATE))
    holds = []
    for kind in (SNOOZE, MINE):
        for value in await annotations.values_of(number, kind):
            user, until, clicked_at = value.split(" ")
            holds.append((float(clicked_at), Hold(user, float(until), mine=kind == MINE)))
    newest = max(holds, key=lambda hold: hold[0])[1] if holds else None
    return (newest if newest and newest.until > operation.services.clock() else None), requests


def _termination_due(operation: Operation, state: _AlertState, observation: Observation) -> str:
    """Who has the builder terminated now: the user who pressed the button, or Signalbox by its configuration, or empty."""
    if observation.problem:
        return ""
    if state.answered < len(observation.requests):
        user = observation.requests[state.answered]
        state.answered = len(observation.requests)
        return user
    if state.terminated_by and observation.terminated and observation.orphans and state.attempts < MOST_ATTEMPTS:
        return state.terminated_by  # AWS had not freed all resources yet
    after = settings(operation.services.config).terminate
    due_at = state.began_at + after.total_seconds() if after else float("inf")
    if state.automatic_tried or observation.hold or observation.at < due_at:
        return ""
    joined = observation.joined
    if not joined or not joined.stuck or not _unused(operation, joined, observation.at):
        return ""
    state.automatic_tried = True
    return REQUESTER


def _unused(operation: Operation, joined: Joined, at: float) -> bool:
    """Whether no job can still need the builder. While GitHub cannot be read, only its age decides."""
    longest = settings(operation.services.config).longest_build
    age = joined.builder.age(datetime.fromtimestamp(at, UTC))
    return joined.joined_by is not JoinedBy.UNREADABLE or age > longest


async def _terminate(operation: Operation, state: _AlertState, observation: Observation, user: str) -> None:
    joined = observation.joined or state.last_joined
    if joined is None:
        return
    if observation.joined and observation.joined.verdict is Verdict.BUSY:
        state.refusal = f"not terminated: {observation.joined.reason}"
        return
    state.attempts += 1
    state.existed = state.existed or observation.joined is not None
    await operation.audit("terminates builder", what=joined.builder.instance_id, by=user)
    state.termination, state.refusal = await operation.step("terminate", lambda: _attempt(operation, joined, user))
    if state.termination is None:
        state.terminated_by = user  # AWS may have done part of it; the next attempts belong to the same request
    else:
        state.terminated_by = user if state.termination.terminated else ""
        steps = ", ".join(f"{step.what} {step.resource} {step.outcome.value}" for step in state.termination.steps)
        await operation.audit("builder", what=joined.builder.instance_id, outcome=steps[:400], by=user)


async def _attempt(operation: Operation, joined: Joined, user: str) -> tuple[Termination | None, str]:
    services, lines = operation.services, list[str]()
    try:
        await operation.check_authorized(f"terminate for {user}")
        if user != REQUESTER:
            await authority.check_still_may(services, operation.target, user, needed_for(operation.record))
    except Denied as denied:
        await operation.annotate("terminate refused", by=user, why=str(denied))
        return None, f"not terminated: {denied}"

    async def add_line(step: Step) -> None:
        lines.append(alert_views.step_line(step))
        live.show(lambda: alert_views.terminating(operation.head, joined, user, lines))

    try:
        async with operation.live() as live:
            live.show(lambda: alert_views.terminating(operation.head, joined, user, lines))
            tags = recognition(services.config)
            return await termination.terminate(services.account, joined.builder, tags, on_step=add_line), ""
    except RunnerError as error:
        return None, services.redact(str(error))


async def _end_if_over(operation: Operation, state: _AlertState, observation: Observation) -> bool:
    termination = state.termination
    by_us = bool(termination and termination.terminated and state.terminated_by)
    all_deleted = observation.terminated and not observation.orphans
    complete = termination is not None and termination.complete
    finished_by_us = by_us and (complete or all_deleted or state.attempts >= MOST_ATTEMPTS)
    finished_by_others = all_deleted and not by_us
    if not finished_by_us and not finished_by_others:
        return False
    status = Status.FAILED if by_us and not complete and not all_deleted else Status.SUCCEEDED
    message = alert_views.over(_view(operation, state, observation))
    await operation.end(status, message, outcome="terminated" if by_us else "gone by itself", timed=False)
    return True


async def _remind(operation: Operation, state: _AlertState, observation: Observation) -> None:
    if observation.hold:
        state.remind_at = min(state.remind_at, observation.hold.until)
        return
    stuck = observation.joined is not None and observation.joined.stuck
    if not stuck or observation.at < state.remind_at:
        return
    state.reminders += 1
    interval = REMINDER_INTERVALS[min(state.reminders, len(REMINDER_INTERVALS) - 1)]
    state.remind_at = observation.at + interval
    message = alert_views.reminder(_view(operation, state, observation))
    await operation.details(f"reminder {state.reminders}", message)


def _wait(operation: Operation, state: _AlertState, observation: Observation) -> float:
    """Seconds until the next check: the configured interval, or less where something is due before."""
    watch = settings(operation.services.config)
    due_at = [state.remind_at, *([observation.hold.until] if observation.hold else [])]
    if watch.terminate and not state.automatic_tried:
        due_at.append(state.began_at + watch.terminate.total_seconds())
    waits = [at - observation.at for at in due_at if at > observation.at]
    return max(SHORTEST_WAIT, min([watch.every.total_seconds(), *waits]))


def _view(operation: Operation, state: _AlertState, observation: Observation) -> AlertView:
    return AlertView(
        head=operation.head,
        joined=observation.joined or state.last_joined,
        at=observation.at,
        began_at=state.began_at,
        terminated=observation.terminated,
        problem=observation.problem,
        state_reason=observation.state_reason,
        orphans=observation.orphans,
        cost=observation.cost,
        hold=observation.hold,
        termination=state.termination,
        refusal=state.refusal,
        terminated_by=state.terminated_by,
        existed=state.existed,
        approvers=approvers_of(operation),
    )


KINDS = (Kind(ALERT, alert, silent=True),)
