"""The cache of providers: shared by an environment's operations only for providers that a lock file pins by their hashes.

Terraform takes a provider of its cache without a check where the lock file has no hashes for it, and a branch can put any program
there by `terraform.d/plugins` in its code ("Implied Local Mirror Directories", "Provider Plugin Cache" in Terraform's documentation).
So an entry belongs to the content of one lock file, with hashes that Terraform compares. Any other code gets its
providers into the operation's own data directory.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING

from runners.caches import CacheDirectory
from runners.processes.foreign_files import read_regular

if TYPE_CHECKING:
    from pathlib import Path

    from runners.terraform.program import Workspace

LOCAL_MIRROR = "terraform.d"  # in the directory of the code
_LARGEST = 1 << 20  # bytes of a lock file
_FORMAT = "1"
# As Terraform writes it, and nothing else: whatever another parser might read otherwise is taken for unpinned.
_BLOCK = (
    r'provider "[a-z0-9.:-]+/[a-z0-9_-]+/[a-z0-9_-]+" \{\n'
    r'  version += "[^"\\\n]+"\n'
    r'(?:  constraints += "[^"\\\n]*"\n)?'
    r'  hashes += \[\n(?:    "(?:h1:[A-Za-z0-9+/=]{44}|zh:[0-9a-f]{64})",\n)+  \]\n'
    r"\}\n"
)
_PINNED = re.compile(rf"(?:#[^\n]*\n|\n)*(?:{_BLOCK}\n*)+")


def key_of(workspace: Workspace) -> str | None:
    """The key of the workspace's entry; None where its lock file does not pin every provider, or its code has providers."""
    try:
        if workspace.plugin_cache is None or os.path.lexists(workspace.directory / LOCAL_MIRROR):
            return None
        content = read_regular(workspace.lock_file, most=_LARGEST).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if not _PINNED.fullmatch(content):
        return None
    return hashlib.sha256(f"{_FORMAT}\0{workspace.program.name}\0{content}".encode()).hexdigest()[:32]


def cache_directories(workspace: Workspace, *, filling: bool = False) -> tuple[CacheDirectory, ...]:
    """The directories of the cache that terraform needs: `filling` for init, which runs no provider's code; else only read."""
    key = key_of(workspace)
    if workspace.plugin_cache is None or key is None:
        return ()
    entry = workspace.plugin_cache.entry(key)
    return (CacheDirectory(entry, writable=filling),) if filling or entry.is_dir() else ()


def open_entry(workspace: Workspace) -> Path | None:
    """The directory for init to fill, which stays until the operation's files are deleted; None where nothing is shared."""
    key = key_of(workspace)
    if workspace.plugin_cache is None or key is None:
        return None
    return workspace.plugin_cache.make(key, workspace.scratch)


def remove_links(entry: Path, operations: Path) -> None:
    """Remove the links of an entry that lead nowhere, or into the directory of `operations`.

    Terraform links to unpacked local mirrors in place of a copy, and what an operation has is deleted with it.
    """
    root = os.path.realpath(operations) + os.sep
    for folder, folders, files in os.walk(entry):
        for name in (*folders, *files):
            path = f"{folder}/{name}"
            if os.path.islink(path) and (not os.path.exists(path) or os.path.realpath(path).startswith(root)):  # noqa: PTH110, PTH114 - of many files
                os.unlink(path)  # noqa: PTH108
