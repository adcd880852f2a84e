"""Addresses of resources: typed ones are checked before Terraform gets them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 300  # characters
MOST = 20  # addresses for a plan
_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
# An instance key as Terraform prints it: without templates, with quotes and line breaks escaped.
_INDEX = r'(?:\[(?:[0-9]{1,9}|"(?:[^"\\\x00-\x1f\x7f$%]|[$%](?!\{)|\\["\\])*")\])?'
_MODULES = rf"module\.{_NAME}{_INDEX}(?:\.module\.{_NAME}{_INDEX})*"
_RESOURCE = rf"(?!module\.|data\.)(?:{_NAME}\.{_NAME}){_INDEX}"
_INSTANCE = re.compile(rf"(?:{_MODULES}\.)?{_RESOURCE}")
_TARGET = re.compile(rf"(?:{_MODULES}\.)?(?:data\.)?{_RESOURCE}|{_MODULES}")
_TEXT_AND_NUMBER = re.compile(r"([^0-9]*)([0-9]{0,18})")
_EXAMPLE = 'module.network[0].aws_instance.web["a"]'


def is_target(text: str) -> bool:
    """Whether the text addresses a resource, a data source, a module, or an instance of these, which can be planned alone."""
    return len(text) <= LONGEST and _TARGET.fullmatch(text) is not None


def is_replaceable(text: str) -> bool:
    """Whether the text addresses a managed resource or an instance of it, which can be replaced."""
    return len(text) <= LONGEST and _INSTANCE.fullmatch(text) is not None


def arguments(targets: Sequence[str], replaces: Sequence[str], doing: str) -> list[str]:
    """The arguments of `terraform plan` for these addresses.

    Raises:
        RunnerError: a text is no address, or there are too many.
    """
    if len(targets) + len(replaces) > MOST:
        raise RunnerError(doing, f"these are more than {MOST} addresses", remedy="Name the module that they are in.")
    for text in targets:
        if not is_target(text):
            raise _no_address(doing, text, "a resource or a module")
    for text in replaces:
        if not is_replaceable(text):
            raise _no_address(doing, text, "a resource")
    return [*(f"-target={target}" for target in targets), *(f"-replace={replace}" for replace in replaces)]


def _no_address(doing: str, text: str, expected: str) -> RunnerError:
    excerpt = text if len(text) <= 80 else f"{text[:80]}…"
    remedy = f"Write it as Terraform does, for example {_EXAMPLE}"
    return RunnerError(doing, f"{excerpt!r} is no address of {expected}", remedy=remedy)


def covers(address: str, candidate: str) -> bool:
    """Whether the resource instance `candidate` is the object at `address`, or inside of it."""
    return candidate == address or candidate.startswith((f"{address}.", f"{address}["))


def natural_order(address: str) -> tuple[tuple[str, int], ...]:
    """A key for sorting: numbers in addresses by their values, so that worker[1] stands before worker[10]."""
    return tuple((text, int(digits or -1)) for text, digits in _TEXT_AND_NUMBER.findall(address))
