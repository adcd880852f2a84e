"""/infra access: what somebody may do, where, and by which rule of signalbox.yaml."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

from bot.access import policy, rights
from bot.access.rights import Need
from bot.config.models.access import Right
from bot.config.targets import find_target, shared_targets
from bot.errors import UserError
from bot.operations.registry import Topic
from bot.slack.blocks import kit
from handlers.infra.help_views import ITSELF

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.access.policy import Person
    from bot.config import Config
    from bot.config.targets import Target
    from bot.operations.registry import Invocation
    from bot.services import Services
    from bot.slack.blocks.kit import Message

HINT = "[@person]"
RIGHTS: tuple[Right, ...] = get_args(Right)
_PERSON = re.compile(r"[UW][A-Z0-9]{2,20}")
NAMES = ("/deploy", "/plan", "/build", "/run", "/infra")


async def topic(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """The rights of the named person, or of the one who asks, on what the one who asks may see."""
    user = words[0].removeprefix("@") if words else invocation.user
    if not _PERSON.fullmatch(user):
        raise UserError(f"Mention a person: /infra access {HINT}.")
    asking, person = await services.directory.person(invocation.user), await services.directory.person(user)
    config = services.config
    visible = [target for target in _targets(config) if policy.sees(config, asking, target.name)]
    return kit.message(f"What {kit.user(user)} may do", _blocks(config, person, visible))


def _targets(config: Config) -> Iterator[Target]:
    names = [*config.environments, *(shared_targets(config) if config.aws else ())]
    for name in names:
        if target := find_target(config, name):
            yield target


def _blocks(config: Config, person: Person, targets: Sequence[Target]) -> list[kit.Block]:
    title = f"*What {kit.user(person.id)} may do*"
    if person.account:
        why = kit.escape(person.account.replace("your account", "the account"))
        return [kit.section(f"{title}\nNothing: {why}.")]
    by_lines = dict[str, list[str]]()
    for target in targets:
        by_lines.setdefault(_rights_on(config, person, target), []).append(target.name)
    nothing = by_lines.pop("", [])
    lines = [f"*{kit.escape(', '.join(names))}*\n{text}" for text, names in by_lines.items()]
    if nothing:
        lines.append(f"*{kit.escape(', '.join(nothing))}*: nothing; no rule names this person there")
    foot = [kit.context(_unreadable(person))] if person.unreadable else []
    return [kit.section(title), *kit.sections(lines), *foot]


def _rights_on(config: Config, person: Person, target: Target) -> str:
    """The rights on a target with their rules, in mrkdwn; empty without any."""
    by_rule = dict[tuple[str, str], list[str]]()
    for right in RIGHTS:
        for key, by in _given(config, person, right, target):
            by_rule.setdefault((key, by), []).append(right)
    return "\n".join(
        f"• {', '.join(names)}{f' by {by}' if by else ''}: {kit.code(key)}" for (key, by), names in by_rule.items()
    )


def _given(config: Config, person: Person, right: Right, target: Target) -> Iterator[tuple[str, str]]:
    """The rules that give this person the right, each with the commands to which it is limited."""
    by_rule = dict[str, list[str]]()
    for command in _commands(config):
        for rule in rights.rules_for(config, Need(right, command), target):
            if policy.allowed(person, rule.people):
                by_rule.setdefault(rule.key, []).append(command)
    for key, commands in by_rule.items():
        everything = set(NAMES) <= set(commands)
        shortest = [each for each in commands if not any(each.startswith(f"{other} ") for other in commands)]
        yield key, "" if everything else ", ".join(shortest)


def _commands(config: Config) -> list[str]:
    """The commands that roles can name; of those with a further word only what some role names."""
    named = (command for role in config.access.roles.values() for command in role.commands or ())
    return list(dict.fromkeys((*NAMES, *named)))


def _unreadable(person: Person) -> str:
    groups = ", ".join(f"{kit.group(group)} ({kit.escape(code)})" for group, code in person.unreadable.items())
    return f"Slack does not say who is in {groups}: what depends on these groups is refused meanwhile."


TOPICS = (Topic("access", HINT, "What somebody may do, where, and by which rule.", topic, task=ITSELF),)
