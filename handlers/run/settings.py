"""The custom operations of the configuration, the inputs of one, and what somebody wants to run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, inputs
from bot.errors import UserError
from handlers.shared.machine_types import MACHINES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config
    from bot.config.models.custom import CustomOperation

USAGE = "/run <name> [machine,machine] [branch or tag] [input=value ...]"
NAME = "name"  # of the argument of an operation that has the name of the custom operation
LINK = "link"  # of the argument that has the address of the message that it is about


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to run: the custom operation's name, the ref ("" for the usual one), the inputs.

    `machines` are machine types on which a playbook runs; empty for all of the operation. `link` is the address of the
    message that it is about.
    """

    name: str
    ref: str = ""
    machines: tuple[str, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    link: str = ""


def settings_of(config: Config, name: str) -> CustomOperation:
    """The custom operation of this name. Raises UserError with the most similar name."""
    custom = config.operations.custom
    if name not in custom:
        raise no_such(name, custom)
    return custom[name]


def no_such(name: str, custom: Mapping[str, CustomOperation]) -> UserError:
    """The error for a name that is none of these operations, with the most similar one."""
    if not custom:
        return UserError("There are no operations to run: signalbox.yaml has none under `operations`.")
    return UserError(
        f"There is no operation {typed_arguments.quoted(name)}{typed_arguments.nearest(name, custom)} Usage: {USAGE}"
    )


def check_given(name: str, settings: CustomOperation, given: Mapping[str, str]) -> None:
    """Raises UserError for an input that the operation does not take, or not with this value."""
    inputs.check_allowed(given, settings.inputs, f"Runs of {name}", f"operations.{name}.inputs")


def inputs_of(name: str, settings: CustomOperation, given: Mapping[str, str]) -> dict[str, str]:
    """All inputs of the operation, but for its mark. Raises UserError as `check_given` does."""
    check_given(name, settings, given)
    return {**settings.fixed_inputs, **given}


def command_text(arguments: Mapping[str, str]) -> str:
    """The command to type for an operation with these arguments again."""
    ref = typed_arguments.typed_ref(arguments["ref"])
    limited = [arguments[MACHINES]] if arguments.get(MACHINES) else []
    return " ".join(["/run", arguments[NAME], *limited, ref, *inputs.typed(inputs.given(arguments))])
