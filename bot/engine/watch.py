"""What a workflow checks while it waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


@dataclass(frozen=True, slots=True)
class Watch:
    """What happens while a workflow waits: every `interval` seconds `check`, of which nothing is stored.

    True ends the wait. A check may run again after a restart; what it raises is logged.
    """

    check: Callable[[], Coroutine[Any, Any, bool]]
    interval: float
