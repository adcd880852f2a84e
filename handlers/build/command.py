"""The arguments of /build (machine roles, environments, ref), and the workflow inputs that they become."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, inputs
from bot.errors import UserError
from handlers.build.matrix_grid import slot_of
from handlers.shared.inputs import check_sent
from runners.git_refs import COMMIT_SHA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Config, Images
    from handlers.build.matrix_grid import MatrixSlot
    from runners.github.runs.workflow_file import Input, WorkflowFile


USAGE = "/build [workflow] [machines] [environments] [branch or tag] [input=value ...]"
ALL = "all"
REF = "ref="  # before a branch that has the name of a machine role or an environment
INPUTS = {"machines": ("machines", "machine"), "environments": ("environments", "environment")}


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What /build is to build; empty `machines` or `environments` mean all of them. `given` are further inputs.

    `build` is the name of a further image workflow, or empty.
    """

    machines: tuple[str, ...]
    environments: tuple[str, ...]
    ref: str
    given: Mapping[str, str] = field(default_factory=dict)
    build: str = ""

    @property
    def everything(self) -> bool:
        """Whether all images are to be built."""
        return not self.machines and not self.environments

    @property
    def arguments(self) -> Mapping[str, str]:
        """The arguments of the operation."""
        chosen = {"machines": ",".join(self.machines), "environments": ",".join(self.environments), "ref": self.ref}
        named = {"build": self.build} if self.build else {}
        return {**chosen, **named, **inputs.stored(self.given)}

    @property
    def title(self) -> str:
        """The title of the operation."""
        what = f"{_listed(self.machines)} images" if self.machines else "all images"
        where = f" for {_listed(self.environments)}" if self.environments else ""
        if self.build:
            what = self.build if self.everything else f"{self.build}: {what}"
        return inputs.titled(f"Build {what}{where} at {self.ref}", self.given)

    @property
    def command(self) -> str:
        """The command that requests the same build."""
        typed = typed_arguments.typed_ref(self.ref)
        words = [
            self.build,
            ",".join(self.machines),
            ",".join(self.environments),
            f"{REF}{typed}" if typed == self.ref else typed,
        ]
        return " ".join(["/build", *filter(None, words), *inputs.typed(self.given)])


def request_from(arguments: Mapping[str, str]) -> BuildRequest:
    """The build that an operation with these arguments requests."""
    machines, environments = (tuple(filter(None, arguments[key].split(","))) for key in ("machines", "environments"))
    return BuildRequest(machines, environments, arguments["ref"], inputs.given(arguments), arguments.get("build", ""))


def parse(config: Config, words: Sequence[str]) -> BuildRequest:
    """Read each word as an image workflow, machine roles, environments or a ref.

    Raises UserError for an unknown or a repeated argument.
    """
    build, words = _build_in(config, words)
    images = images_of(config, build)
    machines: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    ref = ""
    machine_names, environment_names = all_machines(config), tuple(config.whole_environments)
    for word in words:
        is_ref = isinstance(word, typed_arguments.QuotedRef) or word.startswith(REF)
        parts = (
            (word,) if is_ref else tuple(dict.fromkeys(_canonical(config, part) for part in word.split(",") if part))
        )
        if word == ALL and not is_ref:
            continue
        are_environments = not is_ref and all(part in environment_names for part in parts)
        are_machines = not is_ref and all(part in machine_names for part in parts)
        if are_machines and not (machines and are_environments):
            machines = _only_once(machines, parts, "machines")
        elif are_environments:
            environments = _only_once(environments, parts, "environments")
        elif "," in word and not is_ref:
            raise UserError(_neither(parts, machine_names, environment_names))
        elif ref:
            raise UserError(
                f"{typed_arguments.quoted(word)} and {typed_arguments.quoted(ref)} cannot both be the branch. Usage: {USAGE}"
            )
        else:
            ref = _branch(word)
    _check_has(config, machines, environments)
    return BuildRequest(machines, environments, ref or images.ref, build=build)


def _build_in(config: Config, words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The image workflow among the words, "" where none is named, and the other words."""
    named = [
        word for word in words if not isinstance(word, typed_arguments.QuotedRef) and word and word in config.builds
    ]
    if len(named) > 1:
        raise UserError(f"{' and '.join(named)} are two image workflows; start them one by one. Usage: {USAGE}")
    return named[0] if named else "", [word for word in words if word not in named]


def _canonical(config: Config, word: str) -> str:
    """The name of the environment that the word is an alias of, or has other capitals than; else the word."""
    environment = None if word in all_machines(config) else config.find(word)
    return environment.name if environment and not environment.part else word


def all_machines(config: Config) -> tuple[str, ...]:
    """The machines of all environments, in the file's order."""
    return tuple(
        dict.fromkeys(name for environment in config.whole_environments.values() for name in environment.machines)
    )


def no_such_ref(config: Config, ref: str) -> str:
    """The error text when GitHub has no ref of the name that was read as a branch."""
    near = _nearest(ref, [*all_machines(config), *filter(None, config.builds)], tuple(config.whole_environments))
    return f"{typed_arguments.quoted(ref)} is no branch or tag on GitHub, no machine and no environment{near} Nothing was started."


def inputs_for(request: BuildRequest, images: Images, file: WorkflowFile) -> dict[str, str]:
    """The workflow's inputs for this request. Raises UserError where the workflow does not take them."""
    check_given(images, request)
    sent = dict(request.given)
    for what, values in (("machines", request.machines), ("environments", request.environments)):
        declared = _declared(what, images, file)
        if values and declared is None:
            raise UserError(_no_input(what, request, images, file))
        if values and declared:
            sent[declared.name] = _value(values, declared)
        elif declared and declared.required and declared.default is None and ALL in declared.options:
            sent[declared.name] = ALL
    check_sent(file, sent, f"{images.workflow} at {request.ref}", given=images.command_inputs)
    return sent


def check_given(images: Images, request: BuildRequest) -> None:
    """Raises UserError for an input that the build does not take, or not with this value."""
    whose = f"Builds of {request.build}" if request.build else "Builds"
    inputs.check_allowed(request.given, images.command_inputs, whose, key_of(request.build, "command_inputs"))


def key_of(build: str, key: str) -> str:
    """Where signalbox.yaml has a key of this image workflow: images.workflows.base.refs."""
    return f"images.workflows.{build}.{key}" if build else f"images.{key}"


def _declared(what: str, images: Images, file: WorkflowFile) -> Input | None:
    named = getattr(images.inputs, what)
    names = (named,) if named else INPUTS[what]
    return next((declared for name in names for declared in file.inputs if declared.name == name), None)


def _no_input(what: str, request: BuildRequest, images: Images, file: WorkflowFile) -> str:
    if not file.inputs:
        return (
            f"{images.workflow} takes no inputs at {request.ref}: it always builds the same images. Nothing was "
            f"started. Run /build without {what}, or add an input `{INPUTS[what][0]}` to its workflow_dispatch."
        )
    names = ", ".join(declared.name for declared in file.inputs)
    return (
        f"{images.workflow} has no input for {what} at {request.ref}; it has {names}. Nothing was started. Add one "
        f"called `{INPUTS[what][0]}`, or name the one that is meant under {key_of(request.build, 'inputs')} in the configuration."
    )


def _value(values: Sequence[str], declared: Input) -> str:
    value = ",".join(values)
    if declared.options and value not in declared.options:
        raise UserError(
            f"The workflow's input {declared.name} takes one of {', '.join(declared.options)}, not {value}. "
            "Nothing was started."
        )
    return value


def _only_once(before: tuple[str, ...], parts: tuple[str, ...], what: str) -> tuple[str, ...]:
    if before:
        both = f"{','.join(before)} and {','.join(parts)}"
        raise UserError(
            f"{both} are both {what}; write them as one word, with commas. A branch of that name is typed "
            f"{REF}{parts[0]}. Usage: {USAGE}"
        )
    return parts


def _branch(word: str) -> str:
    name = word if isinstance(word, typed_arguments.QuotedRef) else word.removeprefix(REF)
    ref = typed_arguments.ref(name, USAGE)
    if COMMIT_SHA.fullmatch(ref):
        raise UserError("GitHub starts workflows on a branch or tag only; name one of these rather than a commit.")
    return ref


def _neither(parts: Sequence[str], machines: Sequence[str], environments: Sequence[str]) -> str:
    names = [*machines, *environments]
    unknown = next((part for part in parts if part not in names), "")
    if not unknown:
        return f"{', '.join(parts)} are machines and environments in one word; write them as two. Usage: {USAGE}"
    return f"{typed_arguments.quoted(unknown)} is no machine and no environment{_nearest(unknown, machines, environments)} Usage: {USAGE}"


def _nearest(word: str, machines: Sequence[str], environments: Sequence[str]) -> str:
    otherwise = f". Machines: {', '.join(machines)}. Environments: {', '.join(environments)}."
    return typed_arguments.nearest(word, [*machines, *environments], otherwise=otherwise)


def _check_has(config: Config, machines: Sequence[str], environments: Sequence[str]) -> None:
    for name in environments:
        unknown = [machine for machine in machines if machine not in config.environments[name].machines]
        if unknown:
            raise UserError(f"{name} has no {unknown[0]} in the configuration. Usage: {USAGE}")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def images_of(config: Config, build: str = "") -> Images:
    """The settings of an image workflow. Raises UserError where there is none (any more)."""
    if build not in config.builds:
        named = f"there is no images.workflows.{build}" if build else "signalbox.yaml has no images section"
        raise UserError(f"Image builds are not configured here: {named}.")
    return config.builds[build]


def expected_slots(config: Config, file: WorkflowFile, request: BuildRequest | None = None) -> frozenset[MatrixSlot]:
    """The slots that will have a job, by the workflow's file: GitHub lists jobs only when they are queued."""
    machines, environments = all_machines(config), tuple(config.whole_environments)
    written = {slot for name in file.jobs if (slot := slot_of(name, machines, environments))}
    if request and not request.everything:
        chosen = written or {(machine, name) for name in environments for machine in config.environments[name].machines}
        return frozenset(
            (machine, name)
            for machine, name in chosen
            if machine in (request.machines or machines) and name in (request.environments or environments)
        )
    return frozenset(written)
