"""What happened in a repository, for whoever is told of it by webhook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One event as GitHub names it. `about` makes what is particular to it, given the stand-in's own address."""

    name: str
    action: str | None
    sender: str
    about: Callable[[str], dict[str, Any]]


Announce = Callable[[Event], None]
