"""Which part of an environment a command means: a stack to plan, or a service to deploy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.access import arguments
from bot.config.models.config import Config
from bot.errors import UserError
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.config import Environment


@dataclass(frozen=True, slots=True)
class PartKind:
    """A kind of parts: its names for people, what an environment without any lacks, and those of an environment."""

    singular: str
    plural: str
    lacks: str
    of: Callable[[Config, str], tuple[Environment, ...]]


STACKS = PartKind("stack", "stacks", "Terraform", Config.planned)
SERVICES = PartKind("service", "services", "deploy", Config.deployed)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a command names: one or several environments or parts, and the words that follow.

    `environment` is the whole one. Of several it is for the command to say what it does.
    """

    environment: Environment
    parts: tuple[Environment, ...]
    rest: Sequence[str]


def choose(config: Config, words: Sequence[str], kind: PartKind, usage: str) -> Chosen:
    """The parts that the words name: an environment alone (prod), or one part of it ("prod dns" or prod/dns).

    Raises UserError for an unknown environment, and for one that has nothing of this kind; it names those that have.
    """
    named, rest = arguments.environment(config, words[0], usage), words[1:]
    whole = config.environments[named.whole]
    parts = kind.of(config, whole.name)
    if not parts:
        raise UserError(_lacking(config, named, kind, usage))
    if named.part:
        if named not in parts:
            raise no_such_part(config, named.whole, named.part, kind, usage)
        return Chosen(whole, (named,), rest)
    word = rest[0] if rest and not isinstance(rest[0], arguments.QuotedRef) else ""
    chosen = [part for part in parts if part.part and part.part == word]
    return Chosen(whole, tuple(chosen), rest[1:]) if chosen else Chosen(whole, parts, rest)


def choose_one(config: Config, name: str, kind: PartKind, usage: str) -> Environment:
    """The one environment or part of this name. Raises UserError where that is none, or several."""
    parts = choose(config, [name], kind, usage).parts
    if len(parts) > 1:
        names = ", ".join(part.name for part in parts)
        raise UserError(f"{name} has several {kind.plural}: {names}. Name one. Usage: {usage}")
    return parts[0]


def no_such_part(config: Config, whole: str, word: str, kind: PartKind, usage: str) -> UserError:
    """The error for a word that is no part of the environment, with the nearest one."""
    names = [part.part for part in kind.of(config, whole) if part.part]
    near = arguments.nearest(
        word, names, otherwise=f"; there {phrases.plural(len(names), 'is', 'are')} {', '.join(names)}."
    )
    return UserError(f"{whole} has no {kind.singular} {arguments.quoted(word)}{near} Usage: {usage}")


def _lacking(config: Config, named: Environment, kind: PartKind, usage: str) -> str:
    others = [name for name in config.whole_environments if kind.of(config, name)]
    have = f"; {', '.join(others)} {phrases.plural(len(others), 'has', 'have')}" if others else ""
    return f"{named.whole} has no {kind.lacks} in the configuration{have}. Usage: {usage}"
