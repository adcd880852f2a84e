"""A limit on the processor time of a regular expression, which may be anybody's."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class TooSlowError(Exception):
    """The expression used up its time."""


@contextmanager
def watched() -> Iterator[None]:
    """Let `matches` keep its limits in the block. On the main thread alone."""
    before = signal.signal(signal.SIGVTALRM, _give_up)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def matches(search: Callable[[str], object], text: str, seconds: float) -> bool:
    """Whether the expression is in the text.

    CPython's `re` looks for signals while it matches, so this ends an expression that would go on for years.

    Raises:
        TooSlowError: it used up that much processor time.
    """
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        return search(text) is not None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _give_up(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise TooSlowError
