"""Terragrunt: how terraform's commands run through it, in a unit of the code.

Terragrunt finds the unit's module, generates files beside it, runs hooks, and starts terraform in a directory of its own
(`.terragrunt-cache`). It is given terraform as a script, see `_SCRIPT`. Facts: gruntwork-io/terragrunt v1.1.4.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runners.errors import NotFoundError, RunnerError
from runners.processes.foreign_files import read_regular

if TYPE_CHECKING:
    from collections.abc import Sequence

TERRAGRUNT = "terragrunt"
UNIT_FILES = ("terragrunt.hcl", "terragrunt.hcl.json")
# The first version of which only --backend-bootstrap creates a backend (strict control require-explicit-bootstrap).
OLDEST = (1, 0)
_PROGRAM, _PLANNED_IN = "terraform-for-terragrunt", "home/planned-in"  # in the scratch directory
# --no-auto-retry: a failed apply of a saved plan is not repeated. --tf-forward-stdout: terraform's output as it is.
_FLAGS = (
    *("run", "--non-interactive", "--no-color", "--no-auto-retry", "--tf-forward-stdout"),
    *("--log-level", "error", "--log-format", "key-value"),
)
# An interrupt reaches the whole process group, and Terragrunt sends it again after 15 s (SignalForwardingDelay in
# internal/shell/run_cmd.go); a second one would end terraform at once. The shell takes it, and waits for terraform.
_GENERATE_FLAGS = ("--non-interactive", "--no-color", "--log-level", "error", "--log-format", "key-value")
_SCRIPT = """#!/bin/sh
trap : INT TERM
if [ "$1" = plan ]; then pwd > {planned_in}; fi
{program} "$@"
"""
_MOST = 4096  # bytes of a path


@dataclass(frozen=True, slots=True)
class Terragrunt:
    """A terragrunt program."""

    path: str
    version: str

    def __str__(self) -> str:
        return f"{TERRAGRUNT} {self.version}"


def command(program: Terragrunt, scratch: Path, argv: Sequence[str]) -> list[str]:
    """The argv that runs a terraform command through Terragrunt."""
    return [program.path, *_FLAGS, "--tf-path", str(script_of(scratch)), "--", *argv]


def generate_command(program: Terragrunt) -> list[str]:
    """The argv that generates the units of the stack files in and below the current directory."""
    return [program.path, "stack", "generate", *_GENERATE_FLAGS]


def script_of(scratch: Path) -> Path:
    """The script that Terragrunt runs as terraform."""
    return scratch / _PROGRAM


def is_unit(directory: Path) -> bool:
    """Whether the directory is one of Terragrunt's units."""
    return any((directory / name).is_file() for name in UNIT_FILES)


def prepare(directory: Path, root: Path, scratch: Path, terraform: Sequence[str], doing: str) -> None:
    """Check that the directory is a unit, and write what Terragrunt needs: the script, and a git directory.

    Raises:
        NotFoundError: it is no unit.
    """
    if not is_unit(directory):
        name = "/".join(directory.parts[-2:])
        raise NotFoundError(doing, f"{name} has no {UNIT_FILES[0]}", remedy="Correct terraform.terragrunt.")
    words = {"planned_in": shlex.quote(str(scratch / _PLANNED_IN)), "program": shlex.join(terraform)}
    script = script_of(scratch)
    if not script.exists():
        part = script.with_suffix(".part")
        part.write_text(_SCRIPT.format(**words), encoding="utf-8")
        part.chmod(0o755)  # the child's user may be another one
        part.replace(script)
    make_git_directory(root)


def git_settings(root: Path) -> dict[str, str]:
    """Variables by which git accepts that the code belongs to another user (safe.directory in git-config(1))."""
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": str(root)}


def planned_in(root: Path, scratch: Path, doing: str) -> Path:
    """The directory in which Terragrunt ran `terraform plan`. Raises RunnerError when it is none of the code's."""
    try:
        written = read_regular(scratch / _PLANNED_IN, most=_MOST).decode("utf-8", "replace").strip()
    except OSError as error:
        raise RunnerError(
            doing, "terragrunt did not run terraform plan", remedy="Check the unit's `exclude`."
        ) from error
    directory = Path(os.path.realpath(written))
    if not directory.is_relative_to(os.path.realpath(root)) or not directory.is_dir():
        raise RunnerError(
            doing, "terragrunt planned outside of the code", remedy="Remove `download_dir` from the unit."
        )
    return directory


def make_git_directory(root: Path) -> None:
    """An empty repository: get_repo_root() and its like ask git, and the archive of a commit has no .git."""
    git = root / ".git"
    if os.path.lexists(git):
        return
    for name in ("objects", "refs"):
        (git / name).mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n", encoding="ascii")
