"""The files of a clone that a proposal reads: in a git repository those that git has, elsewhere all but caches."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from bot.errors import UserError
from runners.processes.foreign_files import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 1 << 20  # bytes of a file that is read
MOST = 200_000  # files
_CACHES = frozenset([".git", ".terraform", ".terragrunt-cache", ".venv", "node_modules", "__pycache__"])
# Nothing that the clone's own configuration names is run.
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*")
_REMOTE = re.compile(r"(?:https?://(?:[^@/\s]+@)?|(?:ssh://)?git@)[\w.-]+(?::\d+)?[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


@dataclass(frozen=True, slots=True)
class Clone:
    """A directory and the paths of its files; `name` is owner/name on GitHub and `branch` the default branch, "" if unknown."""

    root: Path
    paths: tuple[PurePosixPath, ...]
    name: str = ""
    branch: str = ""

    def text(self, path: PurePosixPath) -> str:
        """The text of a file; "" where it is a link that leads outside, or is larger than 1 MiB."""
        try:
            return read_regular(self.root / path, most=LARGEST, root=self.root).decode("utf-8", "replace")
        except OSError:
            return ""


def read(root: Path) -> Clone:
    """List a directory.

    Raises:
        UserError: no directory, no files, or too many.
    """
    if not root.is_dir():
        raise UserError(f"{root} is no directory. Name a clone of your infrastructure repository: init DIRECTORY")
    paths = sorted(set(_listed(root) if (root / ".git").exists() and shutil.which("git") else _walked(root)))
    if not paths:
        raise UserError(f"{root} has no files. Name a clone of your infrastructure repository: init DIRECTORY")
    if len(paths) > MOST:
        raise UserError(f"{root} has more than {MOST} files. Name a smaller directory")
    remote = _REMOTE.search(_git(root, "config", "--get", "remote.origin.url").strip())
    branch = _git(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD").strip().removeprefix("origin/")
    return Clone(root, tuple(paths), remote[1] if remote else "", branch)


def _git(root: Path, *arguments: str) -> str:
    if not shutil.which("git") or not (root / ".git").exists():
        return ""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "GIT_CONFIG_NOSYSTEM": "1", "HOME": os.devnull}
    ran = subprocess.run([*_GIT, *arguments], cwd=root, env=environment, capture_output=True, check=False)
    return os.fsdecode(ran.stdout) if ran.returncode == 0 else ""


def _listed(root: Path) -> Iterator[PurePosixPath]:
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    yield from (PurePosixPath(name) for name in listed.split("\0") if name and (root / name).is_file())


def _walked(root: Path) -> Iterator[PurePosixPath]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - _CACHES)
        yield from (PurePosixPath((Path(folder) / name).relative_to(root).as_posix()) for name in names)
