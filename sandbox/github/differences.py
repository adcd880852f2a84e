"""The changed files between two commits, for GitHub's compare and commit answers."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.github.commits import blob_id

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class FileChange:
    """A changed file. `status` is added, removed or modified; `patch` has hunks without file headers."""

    path: str
    status: str
    blob: str
    additions: int
    deletions: int
    patch: str


def changed_files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[FileChange]:
    """The files that differ, by path."""
    paths = sorted({*before, *after})
    return [_change(path, before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)]


def _change(path: str, before: bytes | None, after: bytes | None) -> FileChange:
    lines = list(difflib.unified_diff(_lines(before), _lines(after), lineterm=""))[2:]
    return FileChange(
        path=path,
        status="added" if before is None else "removed" if after is None else "modified",
        blob=blob_id(before or b"" if after is None else after),
        additions=sum(line.startswith("+") for line in lines),
        deletions=sum(line.startswith("-") for line in lines),
        patch="\n".join(lines),
    )


def _lines(content: bytes | None) -> list[str]:
    return [] if content is None else content.decode(errors="replace").splitlines()
