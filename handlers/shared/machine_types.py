"""Machine types that people type after a command, and a ref that is none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments
from bot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

MACHINES = "machines"  # of an operation's argument: machine types, separated by commas


def machine_types(word: str, machines: Sequence[str], whose: str, usage: str) -> tuple[str, ...]:
    """The machine types of a word ("backend,cron") in their order; empty where it is something else: a ref.

    `whose` begins a sentence: the environment's name. Raises UserError for a list with another name in it.
    """
    parts = tuple(dict.fromkeys(word.split(",")))
    if isinstance(word, typed_arguments.QuotedRef):
        return ()
    if all(part in machines for part in parts):
        return tuple(machine for machine in machines if machine in parts)
    if "" in parts:
        example = ",".join(machines[:2]) or "backend,cron"
        raise UserError(f"Put commas between machine types, without blanks: {example}. Usage: {usage}")
    if len(parts) > 1:
        wrong = next(part for part in parts if part not in machines)
        hint = typed_arguments.nearest(wrong, machines) if machines else "; it has none."
        raise UserError(f"{whose} has no machine type {typed_arguments.quoted(wrong)}{hint} Usage: {usage}")
    return ()


def twice(usage: str) -> UserError:
    """The refusal of machine types in two words."""
    return UserError(f"Machine types are given twice; put commas between them, without blanks. Usage: {usage}")


def neither(ref: str, machines: Sequence[str], whose: str) -> str:
    """The problem with a ref that does not exist, where somebody may have meant a machine type of `whose`."""
    similar = typed_arguments.near(ref, machines)
    meant = f"; did you mean “{similar}”?" if similar else "."
    return (
        f"{typed_arguments.quoted(ref)} is neither a branch or tag nor a machine type of {whose}{meant} "
        f"Its machine types are {', '.join(machines)}. Nothing was started."
    )
