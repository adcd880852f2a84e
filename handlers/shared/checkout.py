"""An operation's copy of the code: fetched once by commit, deleted when the operation ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from runners.github import archive, commits

if TYPE_CHECKING:
    from pathlib import Path

    from bot.operations.operation import Operation
    from runners.results import Commit

_fetching = WeakValueDictionary[str, asyncio.Lock]()  # by the directory


async def commit_of(operation: Operation, ref: str) -> Commit:
    """The commit that the ref names now; secrets in its message are redacted before it is stored or cut."""
    services = operation.services
    commit = await commits.resolve(services.github, operation.repository, ref)
    return replace(commit, subject=services.redact(commit.subject), author=services.redact(commit.author))


async def code_of(operation: Operation, commit: Commit) -> Path:
    """The root of the repository's files at this commit. A complete copy is used again, a partial one is not."""
    code = operation.scratch / "code"
    async with _fetching.setdefault(str(code), asyncio.Lock()):  # playbooks may run at the same time
        if not code.is_dir():
            part = operation.scratch / "code.part"
            operation.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
            await archive.fetch_code(operation.services.github, commit, part)
            part.rename(code)
    return next(path for path in code.iterdir() if path.is_dir())
