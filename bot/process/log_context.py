"""Which operation this is about: the log has its number in each line that is written while it works."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_number: ContextVar[int | None] = ContextVar("operation", default=None)


def current() -> int | None:
    """The number of the operation that works here; None for none."""
    return _number.get()


@contextmanager
def operation(number: int) -> Iterator[None]:
    """A context in which this operation works, with the tasks and threads that it starts."""
    token = _number.set(number)
    try:
        yield
    finally:
        _number.reset(token)
