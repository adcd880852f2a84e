"""/infra help: what the person may do here, by task and with an example each; and the button that gives a command."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bot.access import policy
from bot.access.rights import Need
from bot.config.targets import find_target
from bot.errors import UserError
from bot.operations.registry import Button, Invocation, Topic
from bot.slack.blocks import replies
from handlers.infra import help_views
from handlers.infra.help_views import Entry, example
from handlers.shared.here import environment_of_channel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.access.policy import Person
    from bot.operations.registry import Click, Command, Registry
    from bot.services import Services
    from bot.slack.blocks.kit import Message

NAME = "/infra"


async def page(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """What the person may do; with a word, all words of that command. Everybody may ask."""
    if words:
        return _usage(invocation.registry, words[0])
    person = await services.directory.person(invocation.user)
    visible = policy.visible_to(services.config, person).environments.values()
    here = await environment_of_channel(services, visible, invocation.channel)
    named = here or next((each.name for each in visible), "")
    entries = _entries(services, person, invocation.registry, named)
    if not entries:
        return help_views.nothing(policy.in_words(services.config.access.operators))
    return help_views.page(entries, here, services.config.slack.manual or "")


def _entries(services: Services, person: Person, registry: Registry, environment: str) -> list[Entry]:
    """The commands and topics that the person may use, with examples about this environment."""
    config = services.config
    commands = [each for each in registry.commands if policy.may(config, person, Need(each.right, each.name), None)]
    entries = [
        Entry(each.task, example(each.usage, environment), each.summary) for each in commands if each.name != NAME
    ]
    topics = [each for each in registry.topics if _may_read(services, person, each)]
    return [*entries, *(Entry(each.task, example(each.usage, environment), each.summary) for each in topics)]


def _may_read(services: Services, person: Person, topic: Topic) -> bool:
    target = find_target(services.config, topic.target) if topic.target else None
    return policy.may(services.config, person, Need("see", f"{NAME} {topic.name}"), target)


def _usage(registry: Registry, word: str) -> Message:
    """All words of a command or topic."""
    named: dict[str, Command | Topic] = {each.name: each for each in registry.topics}
    named |= {each.name.removeprefix("/"): each for each in registry.commands}
    item = named.get(word.removeprefix("/"))
    if item is None:
        raise UserError(f"There is no help about that. {NAME} help lists what there is.")
    return help_views.usage(item.usage, item.summary)


async def give(services: Services, click: Click) -> Message | None:
    """Give the command of the button, as if the person had typed it in this channel."""
    name, _, text = click.value.partition(" ")
    command = next((each for each in click.registry.commands if each.name == name), None)
    if command is None:
        raise UserError("I do not know this command any more; nothing was done.")
    key = hashlib.sha256(f"given\0{click.trigger_id}\0{click.value}".encode()).hexdigest()[:40]
    invocation = Invocation(click.user, click.channel, text, click.trigger_id, click.response_url, key, click.registry)
    services.command_answers.expect(key, click.response_url)
    return await command.handle(services, invocation)


TOPICS = (Topic("help", "[command]", "What you may do here.", page, task="Signalbox itself"),)
BUTTONS = (Button(replies.GIVE_COMMAND, give),)
