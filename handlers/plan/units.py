"""Terragrunt's units of an environment: which there are at its ref, in which order, and which one a command names.

They are read from the files; no code runs for that.
"""

from __future__ import annotations

import re
import tempfile
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments
from bot.config.part_rules import ALL
from bot.config.values import PART
from bot.errors import UserError
from handlers.plan import stack_views
from handlers.plan.settings import settings_of
from handlers.shared.checkout import code_of, commit_of
from handlers.shared.requests import REF, UNIT
from runners.concurrency import run_blocking
from runners.errors import NotFoundError, RunnerError
from runners.github import archive, commits
from runners.terraform.terragrunt import is_unit
from runners.terraform.units import Unit, units_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config import Config, Environment
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from runners.terraform import Workspace

_NAME = re.compile(r"\.|[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_LONGEST = 120  # characters of a unit's name
_TIMEOUT = 60.0  # seconds for reading the files
_LISTED = 3


def is_name(word: str) -> bool:
    """Whether the word can be the name of a unit: a path of usual characters, and not the word for all stacks."""
    return bool(_NAME.fullmatch(word)) and len(word) <= _LONGEST and word != ALL


def split_name(config: Config, words: Sequence[str]) -> Sequence[str]:
    """The words with "prod/network/vpc" as "prod network/vpc", where prod has units."""
    whole, _, unit = words[0].partition(PART) if words else ("", "", "")
    environment = config.find(whole) if unit else None
    return [whole, unit, *words[1:]] if environment and environment.has_units else words


def chosen(environment: Environment, rest: Sequence[str], usage: str) -> tuple[dict[str, str], Sequence[str]]:
    """The argument for the unit that the first word names, and the other words. Raises UserError without a unit."""
    if not environment.has_units:
        return {}, rest
    word = rest[0] if rest and not isinstance(rest[0], typed_arguments.QuotedRef) else ""
    if not word or "=" in word:
        raise UserError(f"Name a unit of {environment.name}; /plan {environment.name} lists them. Usage: {usage}")
    if not is_name(word):
        raise UserError(f"{typed_arguments.quoted(word)} cannot be a unit. Usage: {usage}")
    return {UNIT: word}, rest[1:]


async def listing(services: Services, environment: Environment) -> Message:
    """The units at the configured ref, with buttons. Raises RunnerError, and UserError where there are none."""
    ref, repository = settings_of(environment).ref, services.config.repository_of(environment)
    commit = await commits.resolve(services.github, repository, ref)
    with tempfile.TemporaryDirectory(prefix="signalbox-units-") as directory:
        root = await archive.fetch_code(services.github, commit, Path(directory) / "code")
        units = await _read(environment, root)
    if not units:
        where = settings_of(environment).terragrunt
        raise UserError(f"There are no units of Terragrunt in {where} at {commit.ref} ({commit.short}).")
    return stack_views.listing(environment.name, [(unit.name, unit.after) for unit in units])


async def order(operation: Operation) -> dict[str, tuple[str, ...]]:
    """Within a step: the units at the present commit, each with those that come before it.

    Raises RunnerError when there are none, when their order cannot be known, or when it is a cycle.
    """
    environment, doing = operation.environment, f"reading the units of {operation.environment.name}"
    commit = await commit_of(operation, operation.record.arguments.get(REF) or settings_of(environment).ref)
    units = await _read(environment, await code_of(operation, commit))
    alone = f"Plan them one by one: /plan {environment.name} <unit>."
    if not units:
        raise NotFoundError(doing, f"there are none in {settings_of(environment).terragrunt}", remedy="Correct it.")
    if odd := [unit.name for unit in units if not is_name(unit.name)]:
        raise RunnerError(doing, f"{', '.join(odd[:_LISTED])} cannot be typed as a unit", remedy="Rename it.")
    if unclear := [f"{unit.name}: {reason}" for unit in units for reason in unit.unclear]:
        more = f", and {len(unclear) - _LISTED} more" if len(unclear) > _LISTED else ""
        raise RunnerError(doing, f"their order is unknown ({'; '.join(unclear[:_LISTED])}{more})", remedy=alone)
    if cycle := units_in_cycle(units):
        raise RunnerError(doing, f"they wait for each other: {' after '.join(cycle)}", remedy="Remove a dependency.")
    return {unit.name: unit.after for unit in units}


def units_in_cycle(units: Sequence[Unit]) -> list[str]:
    """The names of units that depend on each other in a circle; empty without one."""
    try:
        TopologicalSorter({unit.name: unit.after for unit in units}).prepare()
    except CycleError as error:
        return [str(each) for each in error.args[1]][::-1]
    return []


async def check_unit(operation: Operation, workspace: Workspace) -> None:
    """Raise NotFoundError, with the nearest unit, when the code lacks the unit of a plan."""
    environment, root = operation.environment, workspace.root
    unit = operation.record.arguments.get(UNIT, "")
    if not environment.has_units or root is None or (unit and is_unit(workspace.directory)):
        return
    names = [each.name for each in await _read(environment, root)]
    problem = (
        f"{environment.name} has no unit {unit}" if unit else f"{environment.name} has several units, and none is named"
    )
    others = typed_arguments.nearest(unit, names) if names else "; there are none."
    remedy = f"Type /plan {environment.name} to list them."
    raise NotFoundError(f"planning {environment.name}", f"{problem}{others}".rstrip("."), remedy=remedy)


async def _read(environment: Environment, root: Path) -> tuple[Unit, ...]:
    directory = root / str(settings_of(environment).terragrunt)
    return await run_blocking(units_in, directory, root, timeout=_TIMEOUT, doing="reading the units of Terragrunt")
