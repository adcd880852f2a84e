"""Where an operation belongs: an environment, or what all environments share (image builds, builders, old images)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.config.models.approval import Approval
    from bot.config.models.config import Config
    from bot.config.windows import Window

# A space is in no environment's name, so none of these can be taken for one.
BUILDS, BUILDERS, IMAGES = "image builds", "stuck builders", "old images"
SHARED = (BUILDS, BUILDERS, IMAGES)
LANE = "/"  # a line of its own within a place: "image builds/run 4711"


class Target(Protocol):
    """What is asked of where an operation belongs: its channel, who approves, when changes are made."""

    @property
    def name(self) -> str:
        """As people say it, and as the record keeps it."""

    @property
    def channel(self) -> str:
        """Where its messages go."""

    @property
    def approval(self) -> Approval:
        """How many people approve, and who."""

    @property
    def windows(self) -> tuple[Window, ...]:
        """When changes are made; empty: at any time."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A place that belongs to no environment."""

    name: str
    channel: str
    approval: Approval
    windows: tuple[Window, ...] = ()


def find_target(config: Config, name: str) -> Target | None:
    """The environment or shared place of this name, whichever of its lines is meant; None when there is none (any more)."""
    own = name.partition(LANE)[0]
    if own in SHARED:
        return Shared(own, config.slack.channel, config.images_approval)
    return config.environments.get(own)
