"""The variables that come with a plan: which its environment allows, and which of several stacks get them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments
from bot.errors import UserError
from handlers.plan.settings import USAGE
from handlers.shared.requests import HCL, RECIPIENTS, REF, VALUE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from bot.config import Environment


def read(environment: Environment, words: Sequence[str]) -> dict[str, str]:
    """The variables in these words. Raises UserError for one that the environment does not allow."""
    variables = read_words(words)
    for name in variables:
        check_allowed(environment, name)
    return variables


def read_words(words: Sequence[str]) -> dict[str, str]:
    """The variables in these words, whatever an environment allows. Raises UserError."""
    variables: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not value:
            raise UserError(f"{typed_arguments.quoted(word)} is no variable=value. Usage: {USAGE}")
        if name in variables:
            raise UserError(f"{name} is given twice. Usage: {USAGE}")
        if value.startswith("-") or ".." in value:
            raise UserError(f"{name} cannot be {typed_arguments.quoted(value)}. Usage: {USAGE}")
        variables[name] = value
    return variables


def allowed(environment: Environment) -> Sequence[str]:
    """The variables that may come with a plan of the environment."""
    return environment.terraform.variables if environment.terraform else ()


def check_allowed(environment: Environment, name: str) -> None:
    """Raises UserError for a variable that the environment does not allow, with the nearest one."""
    if name not in allowed(environment):
        raise UserError(_not_allowed(f"Plans of {environment.name}", environment.name, name, allowed(environment)))


def _not_allowed(whose: str, environment: str, name: str, others: Collection[str]) -> str:
    if not others:
        return (
            f"{whose} take no variables, for its terraform.variables in signalbox.yaml lists none. "
            f"Nothing was started; run /plan {environment} without {typed_arguments.quoted(name)}."
        )
    alternatives = typed_arguments.nearest(name, others, otherwise=f", only {', '.join(others)}.")
    return f"{whose} take no variable {typed_arguments.quoted(name)}{alternatives} Usage: {USAGE}"


def recipients(whole: str, stacks: Iterable[Environment], names: Iterable[str]) -> dict[str, list[str]]:
    """The stacks that get each variable: those that allow it. Raises UserError for one that no stack allows."""
    stacks = list(stacks)
    every = dict.fromkeys(name for stack in stacks for name in allowed(stack))
    listed = {name: [stack.part for stack in stacks if name in allowed(stack)] for name in names}
    for name in (name for name, getting in listed.items() if not getting):
        raise UserError(_not_allowed(f"The stacks of {whole}", f"{whole} all", name, every))
    return listed


def recipients_of(arguments: Mapping[str, str]) -> dict[str, list[str]]:
    """The stacks that get each variable, among the arguments of the plans of all stacks."""
    stored: dict[str, list[str]] = json.loads(arguments.get(RECIPIENTS, "{}"))
    return stored


def values_in(arguments: Mapping[str, str]) -> dict[str, str]:
    """The variables among an operation's arguments: the names of all others begin with a dash."""
    return {name: value for name, value in arguments.items() if not name.startswith("-")}


def hcl_names(arguments: Mapping[str, str]) -> frozenset[str]:
    """The variables among an operation's arguments whose value is HCL: a map, a list."""
    return frozenset(arguments.get(HCL, "").split())


def cut_in_title(arguments: Mapping[str, str]) -> dict[str, str]:
    """The variables whose values an operation's title does not have whole."""
    hcl = hcl_names(arguments)
    return {name: value for name, value in values_in(arguments).items() if name in hcl or len(value) > VALUE}


def checked_ref(environment: Environment, word: str) -> str:
    """The ref to plan in place of the configured one; empty for none. Raises UserError."""
    if not word:
        return ""
    if environment.terraform and environment.terraform.hcp:
        raise UserError(
            f"{environment.name} is planned in HCP Terraform, always at its configured ref. Nothing was started; run "
            f"/plan {environment.name} without {REF}."
        )
    return typed_arguments.ref(word, USAGE)


def for_stack(arguments: Mapping[str, str], stack: str) -> dict[str, str]:
    """The arguments of the plan of one stack: the variables that it gets, and the ref."""
    names = [name for name, stacks in recipients_of(arguments).items() if stack in stacks]
    return {name: arguments[name] for name in (*names, REF) if name in arguments}
