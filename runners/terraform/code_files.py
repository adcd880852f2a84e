"""Which files of a directory the program reads as its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TERRAFORM = (".tf", ".tf.json")
_TOFU = {".tofu": ".tf", ".tofu.json": ".tf.json"}  # each replaces the file of the same name with the other suffix
TOFU = "tofu"


def code_files(directory: Path, program: str) -> list[Path]:
    """The files that the program ("terraform" or "tofu") reads in this directory, sorted; none where there is no directory.

    Only OpenTofu reads .tofu files, and it reads x.tofu in place of x.tf. Neither reads hidden files and editors' copies
    (dirFiles and filterTfPathsWithTofuAlternatives in internal/configs/parser_config_dir.go of OpenTofu 1.13-dev).
    """
    names = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    names = {name for name in names if not _is_ignored(name)}
    code = {name for name in names if name.endswith(_TERRAFORM)}
    if program == TOFU:
        own = {name for name in names if name.endswith(tuple(_TOFU))}
        code = (code - {_replaced(name) for name in own}) | own
    return [directory / name for name in sorted(code)]


def _replaced(name: str) -> str:
    suffix = next(suffix for suffix in _TOFU if name.endswith(suffix))
    return name.removesuffix(suffix) + _TOFU[suffix]


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name.endswith("~") or (name.startswith("#") and name.endswith("#"))
