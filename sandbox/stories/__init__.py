"""Stories that act themselves out: each file has `SUMMARY` and `play(world)`, which raises when it goes otherwise."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Story:
    """A story by the name that `--play` takes; `channels` are printed when it is over."""

    name: str
    summary: str
    channels: tuple[str, ...]
    play: Callable[[World], Awaitable[None]]


def find() -> dict[str, Story]:
    """Every story, by name."""
    found = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        if module.name.startswith("_"):
            continue
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        name = module.name.replace("_", "-")
        found[name] = Story(name, loaded.SUMMARY, loaded.CHANNELS, loaded.play)
    return found
