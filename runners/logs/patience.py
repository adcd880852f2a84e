"""A limit on the processor time of a regular expression, which may be anybody's."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class TooSlowError(Exception):
    """The expression used up its time."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TooSlowError in the block once it has used that much processor time. On the main thread alone.

    CPython's `re` looks for signals while it matches, so this ends an expression that would go on for years.
    """
    before = signal.signal(signal.SIGVTALRM, _give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _give_up(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise TooSlowError
