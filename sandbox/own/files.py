"""Reads the files of a directory: in a git repository those that git would commit, elsewhere all but caches."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST = 5 << 20  # bytes of a file, beyond which it is not taken
MOST = 200 << 20  # bytes of all
_CACHES = frozenset([".git", ".terraform", ".terragrunt-cache", ".venv", "node_modules", "__pycache__"])
_SECRET_SUFFIXES = (".tfstate", ".tfstate.backup", ".pem")
_SECRET_NAMES = frozenset([".env", ".vault_pass", "id_rsa", "id_ed25519"])
# Nothing that the repository's own configuration names is run, and no other configuration is read.
_GIT = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*")


class OwnRepositoryError(Exception):
    """The directory cannot be put into the sandbox; the message is for people."""


def read_files(directory: Path) -> dict[str, bytes]:
    """The files by path with `/` between the parts. Links that lead out of the directory are not followed.

    Raises OwnRepositoryError without a directory, without files, and for more than 200 MiB.
    """
    if not directory.is_dir():
        raise OwnRepositoryError(f"{directory} is no directory")
    root = directory.resolve()
    files: dict[str, bytes] = {}
    size = 0
    for path in _paths(root):
        real = path.resolve()
        if not real.is_relative_to(root) or not real.is_file() or real.stat().st_size > LARGEST:
            continue
        content = real.read_bytes()
        size += len(content)
        if size > MOST:
            raise OwnRepositoryError(f"{directory} has more than {MOST >> 20} MiB of files: choose a smaller directory")
        files[path.relative_to(root).as_posix()] = content
    if not files:
        raise OwnRepositoryError(f"{directory} has no files")
    return files


def _paths(root: Path) -> Iterator[Path]:
    if (root / ".git").exists() and shutil.which("git"):
        command = ["git", *_GIT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "GIT_CONFIG_NOSYSTEM": "1", "HOME": os.devnull}
        listed = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=False)
        if listed.returncode:
            raise OwnRepositoryError(f"git cannot list {root}: {listed.stderr.decode(errors='replace').strip()}")
        yield from (root / os.fsdecode(name) for name in sorted(set(listed.stdout.split(b"\0"))) if name)
        return
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - _CACHES)
        for name in sorted(names):
            if not name.endswith(_SECRET_SUFFIXES) and name not in _SECRET_NAMES:
                yield root.__class__(folder, name)
