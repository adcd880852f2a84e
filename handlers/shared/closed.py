"""What a person is offered whose command is refused because the target is closed now: to start later, and the emergency."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.access import arguments, policy, urgency
from bot.access.rights import INNER, LATER_KIND, Need
from bot.errors import ClosedError, UserError
from bot.operations import requests
from bot.operations.registry import Invocation
from bot.operations.requests import OperationRequest
from bot.slack.blocks import kit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bot.config import Environment
    from bot.operations.registry import Click, Command, Registry
    from bot.services import Services
    from bot.slack.blocks.kit import Block, Message

START_LATER, DECLARE = "start-later", "declare-emergency"  # actions; the value is the command as it was typed
APPROVE_LATER = "approve-later"  # an action; the value is the approval's id
LONGEST_VALUE = 2_000  # characters of a button's value
TITLE = "title"  # an argument of an operation that begins another one later: the title of that
LANE = "start"


async def offering(
    services: Services, invocation: Invocation, command: str, work: Callable[[], Awaitable[Message | None]]
) -> Message | None:
    """What `work` answers; where the target is closed, why, with buttons for what this person may do about it."""
    try:
        return await work()
    except ClosedError as closed:
        text = f"{command} {invocation.text}"
        named = services.config.find(invocation.text.split(" ")[0])
        person = await services.directory.person(invocation.user)
        urgent = named is not None and policy.may(services.config, person, Need("emergency", command), named)
        # An emergency that a lock stops starts neither later nor as another emergency.
        declared = urgency.take(invocation.text, "")[1]
        return _refusal(str(closed), text, None if declared else closed.opens_at, urgent=urgent and not declared)


def _refusal(problem: str, text: str, opens_at: float | None, *, urgent: bool) -> Message:
    buttons = []
    if len(text) > LONGEST_VALUE:
        opens_at, urgent = None, False
    if opens_at is not None:
        buttons.append(kit.button(f"Start {_opening(opens_at)}", START_LATER, f"{text} {urgency.LATER}"))
    if urgent:
        buttons.append(kit.button("Emergency…", DECLARE, text, style="danger"))
    return _with_buttons(problem, buttons)


def refused_approval(problem: str, approval_id: str, opens_at: float) -> Message:
    """Why an approval does not count now, with a button that approves when the target is open."""
    return _with_buttons(problem, [kit.button(f"Approve {_opening(opens_at)}", APPROVE_LATER, approval_id)])


def _opening(opens_at: float) -> str:
    return f"{datetime.fromtimestamp(opens_at, UTC):%a %H:%M} UTC"


def _with_buttons(problem: str, buttons: Sequence[Block]) -> Message:
    escaped = kit.escape(problem)
    row = [kit.actions("closed", *buttons)] if buttons else []
    return kit.message(escaped, [kit.section(f":no_entry_sign: {escaped}"), *row])


async def start_later(services: Services, request: OperationRequest) -> None:
    """Begin an operation that waits until the target is open, and then begins what is requested."""
    stored = {f"{INNER}{name}": value for name, value in request.arguments.items()}
    outer = OperationRequest(
        LATER_KIND,
        f"{request.title}, when the window opens",
        request.user,
        request.key,
        request.target,
        {"kind": request.kind, TITLE: request.title, **stored},
        lane=f"{LANE} {request.key[-12:]}",
    )
    await requests.start(services, outer)


async def as_typed(services: Services, click: Click, name: str, words: str) -> Message | None:
    """Answer a click as if its person had typed this command: everything is read and checked again, and begins once."""
    pressed = hashlib.sha256(f"{click.user} {click.channel} {click.message_ts} {click.value}".encode()).hexdigest()
    key = f"pressed-{pressed[:32]}"
    if begun := await services.operations.started_by(key):
        raise UserError(f"You pressed this already: it is #{begun.number}.")
    services.command_answers.expect(key, click.response_url)
    typed = Invocation(click.user, click.channel, words, click.trigger_id, click.response_url, key, click.registry)
    return await registered(click.registry, name).handle(services, typed)


def registered(registry: Registry, name: str) -> Command:
    """The command of this name. Raises UserError without one."""
    for command in registry.commands:
        if command.name == name:
            return command
    raise UserError("I do not know this command (any more); nothing was done.")


def command_of(text: str) -> tuple[str, str]:
    """The name of a command and its words, from the value of a button."""
    name, _, words = text.partition(" ")
    return name, words


def environment_of(services: Services, words: str) -> Environment:
    """The environment that a command's words begin with. Raises UserError for an unknown one."""
    return arguments.environment(services.config, words.split(" ", maxsplit=1)[0], "/deploy")
