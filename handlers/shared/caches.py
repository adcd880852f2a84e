"""The caches of an operation's environment: what is installed for one environment is never run for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.caches import Cache

if TYPE_CHECKING:
    from pathlib import Path

    from bot.operations.operation import Operation


def cache_of(operation: Operation, root: Path) -> Cache:
    """The cache in `root` that belongs to the operation's environment alone."""
    unused_after = operation.services.config.operations.cache_unused_after.total_seconds()
    return Cache(root / operation.environment.file_name, unused_after=unused_after)
