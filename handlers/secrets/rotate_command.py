"""/infra rotate: begins the rotation of a configured key; and the buttons by which people continue one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bot.access import arguments, policy
from bot.access.rights import needed_for
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Button, Topic
from bot.operations.requests import OperationRequest
from bot.store.audit import Entry
from bot.store.operations import Status
from handlers.secrets import rotate_views as views
from handlers.secrets.rotation import KEY
from handlers.shared import permissions
from handlers.shared.clicks import clicked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.operations.registry import Click, Invocation
    from bot.services import Services
    from bot.slack.blocks.kit import Message

KIND = "rotate key"
HINT = "<key>"
USAGE = f"/infra rotate {HINT}"


async def topic(services: Services, invocation: Invocation, words: Sequence[str]) -> Message | None:
    """Begin a rotation; its message in the environment's channel is the answer."""
    config, person = services.config, await services.directory.person(invocation.user)
    visible = {name: key for name, key in config.secrets.rotate.items() if policy.sees(config, person, key.environment)}
    if not words or words[0] not in visible:
        names = ", ".join(visible) or "none; add one under secrets.rotate in signalbox.yaml"
        asked = f"I know no key {arguments.quoted(words[0])}{arguments.nearest(words[0], visible)} " if words else ""
        raise UserError(f"{asked}Which key? There are: {names}. Usage: {USAGE}")
    name = words[0]
    target = policy.target_of(config, visible[name].environment)
    request = OperationRequest(
        KIND, f"Rotate {name}", invocation.user, invocation.key, target, {KEY: name}, lane=f"key {name}"
    )
    await requests.start(services, request)
    return None


async def press(answer: str, services: Services, click: Click) -> None:
    """Note what a person decides about a rotation that waits for it; only for people who may approve."""
    number, _, phase = click.value.partition(" ")
    record = await clicked(services, click, number)
    tried = permissions.attempt_on(record, click.user, answer)
    await permissions.check_may_approve(services, tried, needed_for(record))
    if record.status is not Status.RUNNING:
        raise UserError(f"It is too late for that: #{record.number} is {record.activity or record.status.value} now.")
    await services.annotations.add(record.number, f"{answer} {phase}".rstrip(), click.user)
    await services.audit.record(Entry(click.user, answer, record.environment, record.number))
    await services.engine.wake(record.number)


TOPICS = (Topic("rotate", HINT, "Replace an access key in all of its places.", topic),)
BUTTONS = tuple(Button(action, partial(press, answer)) for action, answer in views.ANSWERS.items())
