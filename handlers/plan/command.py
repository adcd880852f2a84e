"""The arguments of /plan: an environment or a stack, variables, and addresses to plan alone or to replace."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, parts, policy, urgency
from bot.config.part_rules import ALL
from bot.config.values import PART
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Button, Click, Command, Invocation
from handlers.plan import all_stacks, stack_views, units, variables
from handlers.plan.settings import USAGE, settings_of
from handlers.plan.window_command import open_window
from handlers.shared.clicks import listed_key
from handlers.shared.permissions import attempt
from handlers.shared.requests import RECIPIENTS, REF, UNIT, plan_request
from runners import phrases
from runners.terraform.addresses import MOST, is_replaceable, is_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Config, Environment
    from bot.services import Services
    from bot.slack.blocks.kit import Message


MOST_ARGUMENTS = 12
TARGET, REPLACE = "-target", "-replace"
ADDRESSES = {TARGET: is_target, REPLACE: is_replaceable}
# Keyboards and chat clients replace plain quotes by these.
STRAIGHT = str.maketrans({"“": '"', "”": '"', "„": '"'})


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choices of a plan: values of variables, addresses to plan alone, addresses to replace.

    `hcl` are the names of the variables whose value is HCL.
    """

    variables: Mapping[str, str]
    targets: tuple[str, ...]
    replaces: tuple[str, ...]
    hcl: frozenset[str] = frozenset()


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
        **variables.read(environment, rest),
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

    @property
    def names_several(self) -> bool:
        """Whether it names an environment with several stacks, or with units of Terragrunt."""
        return len(self.named.parts) > 1 or self.named.parts[0].has_units


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
    if "=" not in word:
        return parts.no_such_part(config, name, word, parts.STACKS, USAGE)
    stacks = ", ".join(stack.part for stack in typed.named.parts)
    return UserError(
        f"{typed_arguments.quoted(word)} needs the stack of {name} that it is for, or {ALL}; name it first: {stacks}. "
        f"Usage: {USAGE}"
    )


def _for_all(typed: _Typed) -> dict[str, str]:
    """The arguments of a plan of all stacks: variables for those that allow them, and a ref for all. Raises UserError."""
    environment, stacks = typed.named.environment, typed.named.parts
    if typed.addresses:
        command = (
            f"/plan {environment.name} {'<unit>' if environment.has_units else stacks[0].part} {typed.addresses[0]}"
        )
        raise UserError(f"Addresses are for one stack: type {command}. Nothing was started.")
    given = variables.read_words(typed.named.rest[1:])
    if given and environment.has_units:
        word = f"{next(iter(given))}=…"
        raise UserError(
            f"Variables are for one unit: type /plan {environment.name} <unit> {word}. Nothing was started."
        )
    hcp = [stack.part for stack in stacks if stack.terraform and stack.terraform.hcp]
    if typed.refs and hcp:
        raise UserError(
            f"{', '.join(hcp)} of {environment.name} {phrases.plural(len(hcp), 'is', 'are')} planned in HCP Terraform, "
            f"always at the configured ref. Nothing was started; plan the others one by one with {REF}."
        )
    chosen_ref = next((ref for stack in stacks if (ref := _ref(stack, typed.refs))), {})
    if not given:
        return chosen_ref
    getting = variables.recipients(environment.name, stacks, given)
    return {**given, **chosen_ref, RECIPIENTS: json.dumps(getting)}


def chosen(arguments: Mapping[str, str]) -> Chosen:
    """The choices in an operation's arguments."""
    targets, replaces = (tuple(arguments.get(option, "").split()) for option in (TARGET, REPLACE))
    return Chosen(variables.values_in(arguments), targets, replaces, variables.hcl_names(arguments))


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
    if len(words) > 1:
        raise UserError(f"{REF} is given twice. Usage: {USAGE}")
    if not words:
        return {}
    word = words[0].removeprefix(f"{REF}=")
    if not word:
        raise UserError(f"{REF} lacks its branch, tag or commit. Usage: {USAGE}")
    return {REF: variables.checked_ref(environment, word)}


def ref_of(environment: Environment, arguments: Mapping[str, str]) -> str:
    """The ref that an operation with these arguments plans."""
    return arguments.get(REF) or settings_of(environment).ref


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Start a plan; without words open the window."""
    if not invocation.text.strip():
        await open_window(services, invocation)
        return None
    text, reason = urgency.take(invocation.text.translate(STRAIGHT), USAGE)
    config = await requests.visible_to(services, invocation.user, "/plan", text, "plan")
    several = _typed(config, text)
    if several.names_several and (not several.words or several.named.rest[:1] == [ALL]):
        if reason:
            name = several.named.environment.name
            raise UserError(f"In an emergency plan one stack: /plan {name}! <stack> because ...")
        return await _of_several(services, invocation, several)
    environment, arguments = read(config, text)
    request = plan_request(environment, invocation.user, invocation.key, arguments)
    await requests.start(services, requests.urgent(request, reason))
    return None


async def _of_several(services: Services, invocation: Invocation, typed: _Typed) -> Message | None:
    """List the stacks of an environment, or plan all of them."""
    environment = typed.named.environment
    if typed.words:
        arguments = _for_all(typed)
        await requests.start(services, all_stacks.request(environment, invocation.user, invocation.key, arguments))
        return None
    person = await requests.check_may_use(services, invocation.user, "/plan", "see", environment)
    if environment.has_units:
        return await units.listing(services, environment)
    visible = [stack for stack in typed.named.parts if policy.sees(services.config, person, stack.name)]
    stacks = [(stack.part, stack.terraform.after if stack.terraform else ()) for stack in visible]
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
        "[environment] [stack | all] [variable=value ...]",
        "Show what Terraform would change; approve to apply exactly that.",
        handle,
        "plan",
    ),
)
