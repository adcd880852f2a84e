"""Where a message to Signalbox is answered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread in which a person wrote to Signalbox, and gets the answer: `public`, or for that person alone."""

    channel: str
    ts: str
    user: str
    public: bool
