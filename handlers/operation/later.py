"""Start later: an operation that waits until its target's window opens, and then begins, or approves, what was requested."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.access.rights import APPROVAL, LATER_KIND, inner_arguments
from bot.engine.watch import Watch
from bot.errors import Cancelled, ClosedError
from bot.operations import closed, follow_ups, requests
from bot.operations.registry import Button, Kind
from bot.operations.requests import OperationRequest
from bot.slack.blocks import common, kit
from bot.store.operations import Status
from handlers.operation import approve_later
from handlers.shared import permissions
from handlers.shared.closed import START_LATER, TITLE, as_typed, command_of, environment_of

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.operations.registry import Click
    from bot.services import Services
    from bot.slack.blocks.kit import Message

LONGEST_WAIT, CHECK_INTERVAL = 6 * 3_600.0, 5.0  # seconds
NUMBERED_WITHIN, NUMBERED_INTERVAL = 20.0, 0.2  # seconds
OPEN, UNKNOWN = 0.0, -1.0  # in place of the time at which the target opens


async def start_later(operation: Operation) -> None:
    """Durable: wait until the target is open, check everything again, and begin what was requested."""
    displayed = OPEN
    while opens_at := await operation.step("opens", lambda: _opens_at(operation)):
        if opens_at != displayed:
            await operation.show("waits", _waiting(operation, opens_at), Status.RUNNING, "waits for its window")
            displayed = opens_at
        remaining = opens_at - await operation.step("now", lambda: _now(operation))
        pause = LONGEST_WAIT if opens_at == UNKNOWN else max(min(remaining, LONGEST_WAIT), 1.0)
        await operation.services.engine.wait(pause, Watch(lambda: _is_due(operation), CHECK_INTERVAL))
        if person := await operation.step("cancelled", lambda: _cancelled_by(operation)):
            raise Cancelled(f"cancelled by {kit.user(person)}; nothing was started")
    if operation.record.arguments["kind"] == APPROVAL:
        await approve_later.end(operation)
        return
    request = _request(operation)
    channel = await operation.step("admit", lambda: requests.admit(operation.services, request))
    await operation.services.engine.begin(requests.request_of(request, channel))
    await operation.end(Status.SUCCEEDED, await operation.step("begun", lambda: _begun(operation, request.key)))


def _request(operation: Operation) -> OperationRequest:
    arguments = operation.record.arguments
    return OperationRequest(
        arguments["kind"],
        arguments[TITLE],
        operation.record.requester,
        f"later-{operation.number}",
        operation.target,
        inner_arguments(arguments),
    )


async def _now(operation: Operation) -> float:
    return operation.services.clock()


async def _opens_at(operation: Operation) -> float:
    """When the target opens, in Unix seconds; OPEN while it is open, UNKNOWN during a freeze or lock without an end.

    What is decided already is not waited for.
    """
    person = await approve_later.whose_change(operation)
    if not person:
        return OPEN
    try:
        await closed.check_open(operation.services, operation.target, person)
    except ClosedError as error:
        return UNKNOWN if error.opens_at is None else error.opens_at
    return OPEN


async def _cancelled_by(operation: Operation) -> str:
    return await operation.services.operations.cancel_requested(operation.number) or ""


async def _is_due(operation: Operation) -> bool:
    return bool(await _cancelled_by(operation)) or await _opens_at(operation) == OPEN


def _waiting(operation: Operation, opens_at: float) -> Message:
    at = f"starts {kit.moment(opens_at)}, when changes are allowed"
    news = "starts when changes are allowed again" if opens_at == UNKNOWN else at
    head = operation.head
    cancel = common.cancel_button(head, "Nothing is started then.")
    blocks = [common.first_line(head, "waiting", news), cancel, common.requester_block(head)]
    return kit.message(common.plain(head, news), blocks)


async def _begun(operation: Operation, key: str) -> Message:
    services, head = operation.services, operation.head
    newer = await services.operations.started_by(key)
    end = services.clock() + NUMBERED_WITHIN  # after a restart its number comes later than this step
    while newer is None and services.clock() < end:
        await asyncio.sleep(NUMBERED_INTERVAL)
        newer = await services.operations.started_by(key)
    if newer is None:
        return common.short_message(head, "succeeded", "the window is open, it begins")
    other = await follow_ups.linked(services, await follow_ups.wait_for_message(services, newer.number))
    blocks = [common.first_line(head, "succeeded", f"the window is open, #{newer.number} began")]
    line = common.linked_line("Began", other)
    return kit.message(common.plain(head, f"#{newer.number} began"), [*blocks, line, common.requester_block(head)])


async def press(services: Services, click: Click) -> Message | None:
    """Begin the operation that starts later, for the command in the button's value."""
    command, words = command_of(click.value)
    environment = environment_of(services, words)
    attempt = permissions.attempt(click.user, f"start later: {click.value}"[:200], environment.name)
    await permissions.check_may_use(services, attempt, command)
    return await as_typed(services, click, command, words)


KINDS = (Kind(LATER_KIND, start_later),)
BUTTONS = (Button(START_LATER, press),)
