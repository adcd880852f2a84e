"""Addresses of resources as people type them, checked before Terraform sees them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 300  # characters
MOST = 20
_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
# A key as Terraform prints it; templates are none, and neither quotes nor line breaks stand bare in it.
_INDEX = r'(?:\[(?:[0-9]{1,9}|"(?:[^"\\\x00-\x1f\x7f$%]|[$%](?!\{)|\\["\\])*")\])?'
_MODULES = rf"module\.{_NAME}{_INDEX}(?:\.module\.{_NAME}{_INDEX})*"
_RESOURCE = rf"(?!module\.|data\.)(?:{_NAME}\.{_NAME}){_INDEX}"
_INSTANCE = re.compile(rf"(?:{_MODULES}\.)?{_RESOURCE}")
_ANY = re.compile(rf"(?:{_MODULES}\.)?(?:data\.)?{_RESOURCE}|{_MODULES}")
_EXAMPLE = 'module.network[0].aws_instance.web["a"]'


def is_target(text: str) -> bool:
    """Whether it can be planned alone: a resource, a data source, a module, or one instance of these."""
    return len(text) <= LONGEST and _ANY.fullmatch(text) is not None


def is_replaceable(text: str) -> bool:
    """Whether it can be replaced: a managed resource, or one instance of it."""
    return len(text) <= LONGEST and _INSTANCE.fullmatch(text) is not None


def arguments(targets: Sequence[str], replaces: Sequence[str], doing: str) -> list[str]:
    """The arguments of a plan for these addresses.

    Raises:
        RunnerError: one of them is no address, or there are too many.
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


def _no_address(doing: str, text: str, what: str) -> RunnerError:
    excerpt = text if len(text) <= 80 else f"{text[:80]}…"
    remedy = f"Write it as Terraform does, for example {_EXAMPLE}"
    return RunnerError(doing, f"{excerpt!r} is no address of {what}", remedy=remedy)


def covers(address: str, candidate: str) -> bool:
    """Whether `found`, a resource instance's address, is what `address` names or is inside of it."""
    return candidate == address or candidate.startswith((f"{address}.", f"{address}["))
