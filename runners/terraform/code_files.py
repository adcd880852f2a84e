"""Which files of a directory the program reads as its code."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from runners.processes.foreign_files import read_regular

if TYPE_CHECKING:
    from pathlib import Path

_TERRAFORM = (".tf", ".tf.json")
_TOFU = {".tofu": ".tf", ".tofu.json": ".tf.json"}  # each replaces the file of the same name with the other suffix
TOFU = "tofu"
_MOST = 4 << 20  # bytes of a file
_VARIABLE = re.compile(r"""^[ \t]*variable[ \t]+"?([\w-]+)"?[ \t]*\{""", re.MULTILINE)


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


def declared_variables(directory: Path, root: Path, program: str) -> set[str]:
    """The names of the variables that the code declares; `root` is the whole of the repository."""
    names: set[str] = set()
    for path in code_files(directory, program):
        try:
            text = read_regular(path, most=_MOST, root=root).decode("utf-8", "replace")
        except OSError:
            continue  # Terraform itself reports it
        names.update(_in_json(text) if path.name.endswith(".json") else _VARIABLE.findall(text))
    return names


def _in_json(text: str) -> set[str]:
    try:
        read = json.loads(text)
    except ValueError:
        return set()
    variables = read.get("variable") if isinstance(read, dict) else None
    blocks = variables if isinstance(variables, list) else [variables]
    return {str(name) for block in blocks if isinstance(block, dict) for name in block}


def _replaced(name: str) -> str:
    suffix = next(suffix for suffix in _TOFU if name.endswith(suffix))
    return name.removesuffix(suffix) + _TOFU[suffix]


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name.endswith("~") or (name.startswith("#") and name.endswith("#"))
