"""Stories that act themselves out: each file has `SUMMARY`, `CHANNELS`, perhaps `OPTIONS` and `OWN_AWS`, and `play(world)`."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.world import Options

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Story:
    """A story by the name that `--play` takes; `channels` are printed when it is over, `options` are its sandbox's.

    One with its `own_aws` counts or removes what is in AWS, so that it cannot share one with others.
    """

    name: str
    summary: str
    channels: tuple[str, ...]
    play: Callable[[World], Awaitable[None]]
    options: Options
    own_aws: bool


def find() -> dict[str, Story]:
    """Every story, by name."""
    stories = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        if module.name.startswith("_"):
            continue
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        name = module.name.replace("_", "-")
        options = getattr(loaded, "OPTIONS", Options())
        own_aws = getattr(loaded, "OWN_AWS", False)
        stories[name] = Story(name, loaded.SUMMARY, loaded.CHANNELS, loaded.play, options, own_aws)
    return stories
