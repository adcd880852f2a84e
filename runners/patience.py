"""How long AWS is waited for: what it has been told to do shows only after a while."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """For how long (seconds) AWS may take until what it has done shows, and how often (seconds) that is looked at."""

    at_most: float
    every: float
