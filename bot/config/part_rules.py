"""Rules between environments and their parts, on the plain values: their names, and the order of stacks."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from bot.config.validation_faults import did_you_mean
from bot.config.values import PART

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Environments = Mapping[str, object]
    AddFault = Callable[[tuple[str | int, ...], str], None]

ALL = "all"  # /plan prod all: no stack can have this name


def check_parts(environments: Environments, add_fault: AddFault) -> None:
    """Add the faults of all environments; keys are those of `environments`."""
    stacks: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, values in environments.items():
        whole, _, part = name.partition(PART)
        terraform = values.get("terraform") if isinstance(values, dict) else None
        if not isinstance(terraform, dict):
            continue
        if part:
            after = terraform.get("after")
            names = after if isinstance(after, tuple) else ()
            stacks.setdefault(whole, {})[part] = tuple(each for each in names if isinstance(each, str))
        elif terraform.get("after") is not None:
            add_fault(("environments", name, "terraform", "after"), "is for stacks; remove it")
    for whole, order in stacks.items():
        _check_order(whole, order, add_fault)
    _check_names(environments, add_fault)


def _check_names(environments: Environments, add_fault: AddFault) -> None:
    """Names and aliases are distinct, whatever their capitals are: people type them."""
    taken: dict[str, str] = {}
    for name in environments:
        if other := taken.get(name.casefold()):
            add_fault(("environments", name), f"differs from {other} by capitals only; choose another name")
        taken.setdefault(name.casefold(), name)
    for name, values in environments.items():
        aliases = values.get("aliases") if isinstance(values, dict) else None
        for position, alias in enumerate(aliases if isinstance(aliases, tuple) else ()):
            if not isinstance(alias, str):
                continue
            owner = taken.setdefault(alias.casefold(), name)
            if owner != name or alias.casefold() == name.casefold():
                add_fault(("environments", name, "aliases", position), f"{alias} stands for {owner}; remove it")


def _check_order(whole: str, order: Mapping[str, tuple[str, ...]], add_fault: AddFault) -> None:
    predecessors: dict[str, list[str]] = {}
    unknown: dict[str, list[str]] = {}
    for stack, after in order.items():
        at = ("environments", f"{whole}{PART}{stack}", "terraform", "after")
        if stack == ALL:
            add_fault(at[:-2], f"is the word for all stacks (/plan {whole} {ALL}); choose another name")
        for each in after:
            if each == stack:
                add_fault(at, "is the stack itself; name another stack")
            elif each not in order:
                unknown.setdefault(each, []).append(stack)
        predecessors[stack] = [each for each in after if each in order and each != stack]
    for each, (first, *others) in unknown.items():
        also = f" (`after` of {', '.join(others)} names it too)" if others else ""
        at = ("environments", f"{whole}{PART}{first}", "terraform", "after")
        add_fault(at, f"{each} is not a stack of {whole}{also}{did_you_mean(each, order)}")
    try:
        TopologicalSorter(predecessors).prepare()
    except CycleError as error:
        cycle = [str(each) for each in error.args[1]][::-1]
        at = ("environments", f"{whole}{PART}{cycle[0]}", "terraform", "after")
        add_fault(at, f"is a cycle ({' after '.join(cycle)}); remove one `after`")
