"""Rules about images: roles that exist, refs, and names of image workflows that are no other word of /build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config import input_rules
from bot.config.document import is_list_of_texts, keys_of, texts_of
from bot.config.ref_rules import check_conditions
from bot.config.validation_faults import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config.part_rules import AddFault

    Values = Mapping[str, object]

ALL = "all"  # the word of /build that means every role


def check(top: Values, environments: Values, add_fault: AddFault) -> None:
    """Add the faults of `images`; `environments` have their parts by now."""
    images = keys_of(top.get("images"))
    machines = {machine for values in environments.values() for machine in texts_of(keys_of(values).get("machines"))}
    _check_build(add_fault, ("images",), images)
    _check_names(add_fault, keys_of(images.get("workflows")), machines, environments)
    _check_files(add_fault, images)
    for name, values in environments.items():
        _check_variables(add_fault, name, keys_of(values))
    if not all(is_list_of_texts(keys_of(values).get("machines")) for values in environments.values()):
        return
    for machine in keys_of(images.get("ami_name_tag")):
        if machine not in machines | {"*"}:
            problem = f"{machine} is not a machine of any environment{did_you_mean(machine, machines)}"
            add_fault(("images", "ami_name_tag", machine), problem)


def _check_variables(add_fault: AddFault, name: str, environment: Values) -> None:
    """The variables that set images are for roles of the environment, and may come with a plan."""
    terraform, machines = keys_of(environment.get("terraform")), environment.get("machines")
    for role, variable in keys_of(terraform.get("image_variables")).items():
        at = ("environments", name, "terraform", "image_variables", role)
        if is_list_of_texts(machines) and role not in texts_of(machines):
            near = did_you_mean(role, texts_of(machines))
            add_fault(at, f"{role} is not a machine of {name}{near}")
        elif isinstance(variable, str) and variable not in texts_of(terraform.get("variables")):
            add_fault(at, f"{variable} is not in terraform.variables; add it there")


def _check_build(add_fault: AddFault, keys: tuple[str, ...], build: Values) -> None:
    refs = keys_of(build.get("refs"))
    check_conditions(add_fault, (*keys, "refs"), refs)
    if refs.get("apply_others") is not None:
        add_fault((*keys, "refs", "apply_others"), "is for plans, and builds have none; remove it")
    chosen = [name for name in keys_of(build.get("inputs")).values() if isinstance(name, str)]
    input_rules.check_inputs(add_fault, keys, build, fixed=chosen, given="command_inputs")


def _check_names(add_fault: AddFault, workflows: Values, machines: set[str], environments: Values) -> None:
    """A word of /build is the name of one thing only."""
    aliases = {alias for values in environments.values() for alias in texts_of(keys_of(values).get("aliases"))}
    taken = {word.casefold() for word in (*machines, *environments, *aliases, ALL)}
    for name, values in workflows.items():
        if name in taken:
            problem = "is also a role, an environment or `all`, which /build could not tell apart; choose another name"
            add_fault(("images", "workflows", name), problem)
        _check_build(add_fault, ("images", "workflows", name), keys_of(values))


def _check_files(add_fault: AddFault, images: Values) -> None:
    """A run that was started on GitHub belongs to one image workflow."""
    files = {str(images.get("workflow"))}
    for name, values in keys_of(images.get("workflows")).items():
        file = keys_of(values).get("workflow")
        if isinstance(file, str) and file in files:
            problem = f"{file} is the workflow of two entries of `images`; remove one, or give it `command_inputs`"
            add_fault(("images", "workflows", name, "workflow"), problem)
        files.add(str(file))
