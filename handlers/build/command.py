"""The words of /build: which machines, for which environments, at which ref; and the workflow's inputs for these."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, policy
from bot.config.targets import BUILDS
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Command, Invocation
from bot.operations.requests import OperationRequest
from handlers.build.board_grid import target_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Config, Images
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from handlers.build.board_grid import Place
    from runners.github.runs.workflow_file import Input, WorkflowFile


USAGE = "/build [machines] [environments] [branch or tag]"
ALL = "all"
REF = "ref="  # for a branch that is called as a machine or an environment is
SHA = re.compile(r"[0-9a-f]{7,40}")
INPUTS = {"machines": ("machines", "machine"), "environments": ("environments", "environment")}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be built; empty `machines` or `environments` stand for all of them."""

    machines: tuple[str, ...]
    environments: tuple[str, ...]
    ref: str

    @property
    def everything(self) -> bool:
        """Whether nothing was left out."""
        return not self.machines and not self.environments

    @property
    def arguments(self) -> Mapping[str, str]:
        """As the record keeps it."""
        return {"machines": ",".join(self.machines), "environments": ",".join(self.environments), "ref": self.ref}

    @property
    def title(self) -> str:
        """As the message says it."""
        what = f"{_listed(self.machines)} images" if self.machines else "all images"
        where = f" for {_listed(self.environments)}" if self.environments else ""
        return f"Build {what}{where} at {self.ref}"

    @property
    def command(self) -> str:
        """As somebody would type it again."""
        said = [",".join(self.machines), ",".join(self.environments), f"{REF}{self.ref}"]
        return " ".join(["/build", *filter(None, said)])


def wanted_from(arguments: Mapping[str, str]) -> Wanted:
    """What the record has kept."""
    machines, environments = (tuple(filter(None, arguments[key].split(","))) for key in ("machines", "environments"))
    return Wanted(machines, environments, arguments["ref"])


def read(config: Config, images: Images, said: Sequence[str]) -> Wanted:
    """Tell the words apart. Raises UserError for what is none of these, or is said twice."""
    machines: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    ref = ""
    known_machines, known_environments = all_machines(config), tuple(config.environments)
    for word in said:
        parts = tuple(dict.fromkeys(filter(None, word.split(","))))
        if word == ALL:
            continue
        are_environments = all(part in known_environments for part in parts)
        if all(part in known_machines for part in parts) and not (machines and are_environments):
            machines = _once(machines, parts, "machines")
        elif are_environments:
            environments = _once(environments, parts, "environments")
        elif "," in word:
            raise UserError(_neither(parts, known_machines, known_environments))
        elif ref:
            raise UserError(
                f"{typed_arguments.shown(word)} and {typed_arguments.shown(ref)} cannot both be the branch. Usage: {USAGE}"
            )
        else:
            ref = _branch(word)
    _check_has(config, machines, environments)
    return Wanted(machines, environments, ref or images.ref)


def all_machines(config: Config) -> tuple[str, ...]:
    """The machines of all environments, in the file's order."""
    return tuple(dict.fromkeys(name for environment in config.environments.values() for name in environment.machines))


def no_such_ref(config: Config, ref: str) -> str:
    """What to answer when GitHub does not know the word that was taken for a branch."""
    near = _nearest(ref, all_machines(config), tuple(config.environments))
    return f"{typed_arguments.shown(ref)} is no branch or tag on GitHub, no machine and no environment{near} Nothing was started."


def inputs_for(wanted: Wanted, images: Images, file: WorkflowFile) -> dict[str, str]:
    """The workflow's inputs for what is wanted. Raises UserError where it declares none that could say it."""
    given: dict[str, str] = {}
    for what, values in (("machines", wanted.machines), ("environments", wanted.environments)):
        declared = _declared(what, images, file)
        if values and declared is None:
            raise UserError(_no_input(what, wanted, images, file))
        if values and declared:
            given[declared.name] = _value(values, declared)
        elif declared and declared.required and declared.default is None and ALL in declared.options:
            given[declared.name] = ALL
    return given


def _declared(what: str, images: Images, file: WorkflowFile) -> Input | None:
    named = getattr(images.inputs, what)
    names = (named,) if named else INPUTS[what]
    return next((one for name in names for one in file.inputs if one.name == name), None)


def _no_input(what: str, wanted: Wanted, images: Images, file: WorkflowFile) -> str:
    if not file.inputs:
        return (
            f"{images.workflow} takes no inputs at {wanted.ref}: it always builds the same images. Nothing was "
            f"started. Run /build without {what}, or add an input `{INPUTS[what][0]}` to its workflow_dispatch."
        )
    names = ", ".join(one.name for one in file.inputs)
    return (
        f"{images.workflow} has no input for {what} at {wanted.ref}; it has {names}. Nothing was started. Add one "
        f"called `{INPUTS[what][0]}`, or name the one that is meant under images.inputs in the configuration."
    )


def _value(values: Sequence[str], declared: Input) -> str:
    value = ",".join(values)
    if declared.options and value not in declared.options:
        raise UserError(
            f"The workflow's input {declared.name} takes one of {', '.join(declared.options)}, not {value}. "
            "Nothing was started."
        )
    return value


def _once(before: tuple[str, ...], parts: tuple[str, ...], what: str) -> tuple[str, ...]:
    if before:
        both = f"{','.join(before)} and {','.join(parts)}"
        raise UserError(
            f"{both} are both {what}; write them as one word, with commas. A branch of that name is typed "
            f"{REF}{parts[0]}. Usage: {USAGE}"
        )
    return parts


def _branch(word: str) -> str:
    ref = typed_arguments.ref(word.removeprefix(REF), USAGE)
    if SHA.fullmatch(ref):
        raise UserError("GitHub starts workflows on a branch or tag only; name one of these rather than a commit.")
    return ref


def _neither(parts: Sequence[str], machines: Sequence[str], environments: Sequence[str]) -> str:
    every = [*machines, *environments]
    strange = next((part for part in parts if part not in every), "")
    if not strange:
        return f"{', '.join(parts)} are machines and environments in one word; write them as two. Usage: {USAGE}"
    return f"{typed_arguments.shown(strange)} is no machine and no environment{_nearest(strange, machines, environments)} Usage: {USAGE}"


def _nearest(word: str, machines: Sequence[str], environments: Sequence[str]) -> str:
    every = f". Machines: {', '.join(machines)}. Environments: {', '.join(environments)}."
    return typed_arguments.nearest(word, [*machines, *environments], otherwise=every)


def _check_has(config: Config, machines: Sequence[str], environments: Sequence[str]) -> None:
    for name in environments:
        strange = [machine for machine in machines if machine not in config.environments[name].machines]
        if strange:
            raise UserError(f"{name} has no {strange[0]} in the configuration. Usage: {USAGE}")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Start a build of all images, or of those that are named."""
    await requests.check_may_use(services, invocation.user, "/build")
    said = typed_arguments.split(invocation.text, USAGE, most=3)
    wanted = read(services.config, images_of(services.config), said)
    place = policy.target_of(services.config, BUILDS)
    wish = OperationRequest("build", wanted.title, invocation.user, invocation.key, place, wanted.arguments)
    await requests.start(services, wish)
    return None


def images_of(config: Config) -> Images:
    """How images are built. Raises UserError where the configuration does not say."""
    if config.images is None:
        raise UserError("Image builds are not configured here: signalbox.yaml has no images section.")
    return config.images


def expected_places(config: Config, file: WorkflowFile, wanted: Wanted | None = None) -> frozenset[Place]:
    """What the board is going to show, as far as the workflow's file tells, before GitHub lists the jobs."""
    machines, environments = all_machines(config), tuple(config.environments)
    written = {place for name in file.jobs if (place := target_of(name, machines, environments))}
    if wanted and not wanted.everything:
        chosen = written or {(one, name) for name in environments for one in config.environments[name].machines}
        return frozenset(
            (machine, name)
            for machine, name in chosen
            if machine in (wanted.machines or machines) and name in (wanted.environments or environments)
        )
    return frozenset(written)


COMMANDS = (
    Command(
        "/build",
        USAGE,
        "[machines] [environments] [branch or tag]",
        "Build machine images; all of them without words.",
        handle,
    ),
)
