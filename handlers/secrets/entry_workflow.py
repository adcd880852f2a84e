"""The workflow of a value that a person sets: check the place, approval, wait until the page has stored it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.engine.watch import Watch
from bot.errors import Cancelled
from bot.operations.approval import required_approvals
from bot.operations.registry import Kind
from bot.slack.blocks import kit
from bot.slack.blocks.common import FailureContext
from bot.store.approvals import Outcome
from bot.store.operations import Status
from handlers.secrets import entry_views as views, places
from handlers.secrets.entry import KIND, NAME, REFUSED, STORED, WAITS, binding_of, place_of

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView

POLL_INTERVAL = 30.0  # seconds
WAIT = 3_600.0  # seconds for which a value is waited for


async def set_secret(operation: Operation) -> None:
    """Durable: until the value is stored, or nobody enters it within an hour."""
    name, environment = operation.record.arguments[NAME], operation.environment.name
    command = f"/infra secret set {name} in {environment}"
    operation.failure_context = FailureContext("no value was set", next_command=command)
    place = await operation.step("place", lambda: _place(operation))
    approval: ApprovalView | None = None
    if required := required_approvals(operation, at_least=0):
        binding = binding_of(operation.record, environment, place)
        approval = await operation.approved(binding, required, lambda view: views.ask(operation.head, place, view))
        if approval.outcome != Outcome.APPROVED:
            await operation.end(Status(approval.outcome), views.not_approved(operation.head, place, approval))
            return
    person, problem, until = "", "", await operation.step("until", lambda: _until(operation))
    while not person:
        message = views.waiting(operation.head, place, approval, problem)
        await operation.show("waiting", message, Status.RUNNING, WAITS)
        person, newest, over = await _entered(operation, problem, until)
        problem = newest
        if over and not person:
            await operation.end(Status.EXPIRED, views.expired(operation.head, place, approval))
            return
    await operation.end(Status.SUCCEEDED, views.stored(operation.head, place, approval, person))


async def _place(operation: Operation) -> str:
    services, environment = operation.services, operation.environment
    place = place_of(services.config, environment, operation.record.arguments[NAME])
    await places.check(services, environment, place)
    return places.name_of(services.config, place)


async def _until(operation: Operation) -> float:
    return operation.services.clock() + WAIT


async def _entered(operation: Operation, problem: str, until: float) -> tuple[str, str, bool]:
    """Durable: who stored the value, the newest problem of its place, and whether the time is over; once one is new."""

    async def read() -> tuple[str, str, bool]:
        return await _state(operation, until)

    async def changed() -> bool:
        person, newest, over = await read()
        cancelled = await operation.services.operations.cancel_requested(operation.number)
        return bool(person or over or cancelled) or newest != problem

    while True:
        person, newest, over = await operation.step("poll", read)
        if person or over or newest != problem:
            return person, newest, over
        await operation.services.engine.wait(POLL_INTERVAL * 120, Watch(changed, POLL_INTERVAL))


async def _state(operation: Operation, until: float) -> tuple[str, str, bool]:
    services, number = operation.services, operation.number
    stored = await services.annotations.values_of(number, STORED)
    if not stored and (person := await services.operations.cancel_requested(number)):
        raise Cancelled(f"cancelled by {kit.user(person)}")
    refused = await services.annotations.values_of(number, REFUSED)
    return (stored[0] if stored else ""), (refused[-1] if refused else ""), services.clock() >= until


KINDS = (Kind(KIND, set_secret),)
