"""Inputs that a person gives with a command: `version=1.2`, or `reason="a text with blanks"`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import re2

from bot.access import arguments
from bot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bot.config.models.inputs import CommandInput

    Allowed = Mapping[str, CommandInput]

PREFIX = "input:"  # of the names under which an operation's arguments have its inputs
LONGEST_VALUE = 1_000
LONGEST_TEXT = 3_000  # of a command with its inputs
TITLE = 80  # characters of inputs in a title; the message has them all
_QUOTES = '"“”„'  # Slack's clients turn straight quotes into the others
_WORD = re.compile(rf"[A-Za-z_][A-Za-z0-9_-]{{0,99}}=[{_QUOTES}](?P<quoted>[^{_QUOTES}]*)[{_QUOTES}](?!\S)|\S+")


class Typed(NamedTuple):
    """A command's text without its inputs, and the inputs."""

    rest: str
    values: dict[str, str]


def take(text: str, usage: str, *, other: Collection[str] = ()) -> Typed:
    """The inputs in a command's text. Words that begin with a name of `other` and "=" are no inputs.

    Raises:
        UserError: an input without a value, a quote that is not closed, an input that is given twice.
    """
    if len(text) > LONGEST_TEXT:
        raise UserError(f"That is {len(text):,} characters long; a command takes {LONGEST_TEXT:,} at most.")
    values: dict[str, str] = {}
    rest, read = "", 0  # the rest keeps what is between its words: a line break is refused where they are read
    for match in _WORD.finditer(text):
        written = arguments.INPUT.fullmatch(match[0])
        if written is None or written[1] in other:
            continue
        rest, read = rest + text[read : match.start()], match.end()
        name, value = written[1], written[2] if match["quoted"] is None else match["quoted"]
        if name in values:
            raise UserError(f"{name} is given twice. Usage: {usage}")
        if match["quoted"] is None and (not value or value[0] in _QUOTES):
            problem = "has a quote that is not closed" if value else f'has no value; type {name}="" for an empty one'
            raise UserError(f"{name} {problem}. Usage: {usage}")
        values[name] = checked(name, value)
    return Typed((rest + text[read:]).strip(" "), values)


def checked(name: str, value: str) -> str:
    """The value, which can be typed, stored and displayed. Raises UserError."""
    if len(value) > LONGEST_VALUE:
        raise UserError(f"{name} is {len(value):,} characters long; an input takes {LONGEST_VALUE:,} at most.")
    if not value.isprintable():
        raise UserError(f"{name} has a line break or an invisible character in it, which I do not take.")
    if any(quote in value for quote in _QUOTES) and (" " in value or value[0] in _QUOTES):
        raise UserError(f"{name} has quotation marks and blanks in it; use only one of them.")
    return value


def check_allowed(values: Mapping[str, str], allowed: Allowed, whose: str, key: str) -> None:
    """Raises UserError for an input that the configuration's `key` does not allow, or not with this value.

    `whose` begins the sentence: "Deploys to prod".
    """
    for name, value in values.items():
        if name not in allowed:
            raise UserError(_unknown(name, value, allowed, whose, key))
        choices, pattern = allowed[name].choices, allowed[name].pattern
        if choices and value not in choices:
            raise UserError(not_among(name, value, choices))
        if pattern is not None and not re2.fullmatch(pattern, value):
            problem = f"does not have the form {arguments.quoted(pattern)} that signalbox.yaml asks for"
            raise UserError(f"{name}: {arguments.quoted(value)} {problem}. Nothing was started.")


def not_among(name: str, value: str, choices: Collection[str]) -> str:
    """Why a value that is none of the choices is refused, with the nearest one."""
    meant = arguments.nearest(value, choices, otherwise=f"; it is one of {_listed(choices)}.")
    return f"{name} cannot be {arguments.quoted(value)}{meant} Nothing was started."


def _unknown(name: str, value: str, allowed: Allowed, whose: str, key: str) -> str:
    branch = f" If “{name}={value[:20]}” is a branch, put it in quotes." if len(value) <= len(name) + 20 else ""
    if not allowed:
        return f"{whose} take no inputs: {key} in signalbox.yaml lists none. Nothing was started.{branch}"
    meant = arguments.nearest(name, allowed, otherwise=f", only {_listed(allowed)}.")
    return f"{whose} take no input {arguments.quoted(name)}{meant} Nothing was started.{branch}"


def _listed(names: Collection[str]) -> str:
    return ", ".join(list(names)[:20])


def stored(values: Mapping[str, str]) -> dict[str, str]:
    """The inputs as an operation's arguments have them."""
    return {f"{PREFIX}{name}": value for name, value in values.items()}


def given(stored_arguments: Mapping[str, str]) -> dict[str, str]:
    """The inputs among an operation's arguments."""
    return {name.removeprefix(PREFIX): value for name, value in stored_arguments.items() if name.startswith(PREFIX)}


def typed(values: Mapping[str, str]) -> list[str]:
    """The inputs as the words of a command, which `take` reads again."""
    return [f'{name}="{value}"' if " " in value or not value else f"{name}={value}" for name, value in values.items()]


def titled(title: str, values: Mapping[str, str]) -> str:
    """The title of an operation with its inputs, shortened."""
    if not values:
        return title
    words = ", ".join(typed(values))
    return f"{title} with {words if len(words) <= TITLE else f'{words[: TITLE - 1]}…'}"
