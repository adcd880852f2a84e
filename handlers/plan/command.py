"""The arguments of /plan: an environment or a stack, variables, and addresses to plan alone or to replace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, parts, policy
from bot.config.part_rules import ALL
from bot.config.values import PART
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Button, Click, Command, Invocation
from handlers.plan import all_stacks, stack_views, units
from handlers.plan.settings import settings_of
from handlers.shared.clicks import listed_key
from handlers.shared.permissions import attempt
from handlers.shared.requests import UNIT, plan_request
from runners.terraform.addresses import MOST, is_replaceable, is_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Config, Environment
    from bot.services import Services
    from bot.slack.blocks.kit import Message


USAGE = "/plan <environment> [stack | all] [variable=value ...] [-target=ADDRESS ...] [-replace=ADDRESS ...] [-ref=REF]"
MOST_ARGUMENTS = 12
TARGET, REPLACE, REF = "-target", "-replace", "-ref"
ADDRESSES = {TARGET: is_target, REPLACE: is_replaceable}
# Keyboards and chat clients replace plain quotes by these.
STRAIGHT = str.maketrans({"“": '"', "”": '"', "„": '"'})


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choices of a plan: values of variables, addresses to plan alone, addresses to replace."""

    variables: Mapping[str, str]
    targets: tuple[str, ...]
    replaces: tuple[str, ...]


def read(config: Config, text: str) -> tuple[Environment, dict[str, str]]:
    """The environment or stack, and the operation's arguments, which `chosen` reads. Raises UserError."""
    typed = _typed(config, text)
    named, (environment, *others) = typed.named, typed.named.parts
    rest = named.rest[1:] if environment.part and [*named.rest[:1]] == [ALL] else named.rest
    if others:
        raise _not_of_several(config, typed)
    unit, rest = units.chosen(environment, rest, USAGE)
    return environment, {
        **unit,
        **_variables(environment, rest),
        **_addresses(typed.addresses),
        **_ref(environment, typed.refs),
    }


@dataclass(frozen=True, slots=True)
class _Typed:
    """The words of a command: what they name with the words that follow, and the options that were among them."""

    named: parts.Chosen
    addresses: Sequence[str]
    refs: Sequence[str]

    @property
    def words(self) -> Sequence[str]:
        """What follows the names."""
        return [*self.named.rest, *self.addresses, *self.refs]


def _typed(config: Config, text: str) -> _Typed:
    written = text.translate(STRAIGHT).split(" ")
    addresses = [word for word in written if word.startswith(tuple(f"{option}=" for option in ADDRESSES))]
    refs = [word for word in written if word.startswith(f"{REF}=")]
    rest = " ".join(word for word in written if word not in (*addresses, *refs))
    _no_other_options(rest.split())
    arguments = units.split_name(config, typed_arguments.split(rest, USAGE, most=MOST_ARGUMENTS))
    if not arguments:
        raise UserError(f"Which environment? There are {', '.join(config.whole_environments)}. Usage: {USAGE}")
    return _Typed(parts.choose(config, arguments, parts.STACKS, USAGE), addresses, refs)


def _not_of_several(config: Config, typed: _Typed) -> UserError:
    """The error for words that follow an environment with several stacks."""
    name, word = typed.named.environment.name, typed.words[0]
    if word == ALL:
        return UserError(f"/plan {name} {ALL} takes no other words: they are for one stack. Usage: {USAGE}")
    if "=" in word:
        stacks = ", ".join(stack.part for stack in typed.named.parts)
        quoted = typed_arguments.quoted(word)
        return UserError(f"{quoted} is for one stack of {name}; name it first: {stacks}. Usage: {USAGE}")
    return parts.no_such_part(config, name, word, parts.STACKS, USAGE)


def chosen(arguments: Mapping[str, str]) -> Chosen:
    """The choices in an operation's arguments."""
    variables = {name: value for name, value in arguments.items() if name not in (*ADDRESSES, REF, UNIT)}
    return Chosen(variables, tuple(arguments.get(TARGET, "").split()), tuple(arguments.get(REPLACE, "").split()))


def _no_other_options(arguments: Sequence[str]) -> None:
    """Raise UserError for an option that /plan does not take, or whose address is a separate word."""
    for word in arguments:
        if word in ADDRESSES:
            raise UserError(f"The address of {word} follows without a space: {word}=ADDRESS. Usage: {USAGE}")
        if word.startswith("-"):
            raise UserError(
                f"/plan takes no option {typed_arguments.quoted(word)}, only {', '.join(ADDRESSES)} and {REF}. Usage: {USAGE}"
            )


def _addresses(arguments: Sequence[str]) -> dict[str, str]:
    if len(arguments) > MOST:
        raise UserError(f"That is {len(arguments)} addresses; {MOST} are the most. Name the module that they are in.")
    addresses: dict[str, list[str]] = {}
    for word in arguments:
        option, _, address = word.partition("=")
        if not address:
            raise UserError(f"{word} lacks its address. Usage: {USAGE}")
        if not ADDRESSES[option](address):
            raise UserError(f"{typed_arguments.quoted(address)} is no address as Terraform writes them. Usage: {USAGE}")
        addresses.setdefault(option, []).append(address)
    return {option: " ".join(addresses) for option, addresses in addresses.items()}


def _ref(environment: Environment, words: Sequence[str]) -> dict[str, str]:
    """The ref to plan in place of the configured one, by its option; empty without the option."""
    if not words:
        return {}
    if len(words) > 1:
        raise UserError(f"{REF} is given twice. Usage: {USAGE}")
    if environment.terraform and environment.terraform.hcp:
        raise UserError(
            f"{environment.name} is planned in HCP Terraform, always at its configured ref. Nothing was started; run "
            f"/plan {environment.name} without {REF}."
        )
    return {REF: typed_arguments.ref(words[0].removeprefix(f"{REF}="), USAGE)}


def ref_of(environment: Environment, arguments: Mapping[str, str]) -> str:
    """The ref that an operation with these arguments plans."""
    return arguments.get(REF) or settings_of(environment).ref


def _variables(environment: Environment, arguments: Sequence[str]) -> dict[str, str]:
    allowed = environment.terraform.variables if environment.terraform else ()
    variables: dict[str, str] = {}
    for word in arguments:
        name, equals, value = word.partition("=")
        if not equals or not value:
            raise UserError(f"{typed_arguments.quoted(word)} is no variable=value. Usage: {USAGE}")
        if name not in allowed:
            raise UserError(_unknown_variable(environment, name, allowed))
        if name in variables:
            raise UserError(f"{name} is given twice. Usage: {USAGE}")
        if value.startswith("-") or ".." in value:
            raise UserError(f"{name} cannot be {typed_arguments.quoted(value)}. Usage: {USAGE}")
        variables[name] = value
    return variables


def _unknown_variable(environment: Environment, name: str, allowed: Sequence[str]) -> str:
    if not allowed:
        return (
            f"Plans of {environment.name} take no variables, for its terraform.variables in signalbox.yaml lists none. "
            f"Nothing was started; run /plan {environment.name} without {typed_arguments.quoted(name)}."
        )
    alternatives = typed_arguments.nearest(name, allowed, otherwise=f", only {', '.join(allowed)}.")
    return f"Plans of {environment.name} take no variable {typed_arguments.quoted(name)}{alternatives} Usage: {USAGE}"


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Start a plan."""
    several = _typed(services.config, invocation.text)
    if (len(several.named.parts) > 1 or several.named.parts[0].has_units) and [*several.words] in ([], [ALL]):
        return await _of_several(services, invocation, several)
    environment, arguments = read(services.config, invocation.text)
    await requests.start(services, plan_request(environment, invocation.user, invocation.key, arguments))
    return None


async def _of_several(services: Services, invocation: Invocation, typed: _Typed) -> Message | None:
    """List the stacks of an environment, or plan all of them."""
    environment = typed.named.environment
    if typed.words:
        await requests.start(services, all_stacks.request(environment, invocation.user, invocation.key))
        return None
    await requests.check_may_use(services, invocation.user, "/plan")
    if environment.has_units:
        return await units.listing(services, environment)
    stacks = [(stack.part, stack.terraform.after if stack.terraform else ()) for stack in typed.named.parts]
    return stack_views.listing(environment.name, stacks)


async def plan_listed(services: Services, click: Click) -> None:
    """Plan the stack, or all stacks, of a button under the list: its value is what follows /plan."""
    name, _, stack = click.value.partition(" ")
    key = listed_key(click)
    if stack != ALL and policy.environment_of(services.config, name).has_units:
        whole = policy.environment_of(services.config, name)
        request = plan_request(whole, click.user, key, {UNIT: stack})
        await requests.start(services, request, attempt(click.user, request.title, whole.name))
        return
    environment = policy.environment_of(services.config, name if stack == ALL else f"{name}{PART}{stack}")
    planned = all_stacks.request if stack == ALL else plan_request
    request = planned(environment, click.user, key)
    await requests.start(services, request, attempt(click.user, request.title, environment.name))


BUTTONS = (Button(stack_views.PLAN_LISTED, plan_listed),)
COMMANDS = (
    Command(
        "/plan",
        USAGE,
        "<environment> [stack | all] [variable=value ...]",
        "Show what Terraform would change; approve to apply exactly that.",
        handle,
    ),
)
