"""The target of an operation: an environment, or what all environments share (image builds, builders, old images)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.config.models.approval import Approval
    from bot.config.models.config import Config
    from bot.config.windows import Window

# No environment's name has a space, so these names cannot be an environment's.
BUILDS, BUILDERS, IMAGES = "image builds", "stuck builders", "old images"
SHARED = (BUILDS, BUILDERS, IMAGES)
_OF = f"{BUILDS} of "
# Separates a target and a queue of its own in it: "image builds/run 4711". The name of an environment's lane has a space,
# and no part of an environment (prod/dns) has one.
LANE = "/"


class Target(Protocol):
    """An operation's target: its channel, its approval, and its deploy windows."""

    @property
    def name(self) -> str:
        """The name that people read and that the database stores."""

    @property
    def channel(self) -> str:
        """The channel of its messages."""

    @property
    def approval(self) -> Approval:
        """How many people approve, and who may approve."""

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows in which changes are allowed; empty: at any time."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A target outside of the environments."""

    name: str
    channel: str
    approval: Approval
    windows: tuple[Window, ...] = ()


def builds_target(build: str) -> str:
    """The name of the target of an image workflow; "" is the one without a name."""
    return f"{_OF}{build}" if build else BUILDS


def build_of(name: str) -> str:
    """The name of the image workflow whose target this is, with or without a lane; "" for the one without a name."""
    target = without_lane(name)
    return target.removeprefix(_OF) if target.startswith(_OF) else ""


def shared_targets(config: Config) -> tuple[str, ...]:
    """The names of all targets outside of the environments."""
    return (*SHARED, *(builds_target(build) for build in config.builds if build))


def queue_of(config: Config, name: str) -> tuple[str, ...]:
    """The names whose operations run one at a time with those of `name`, in the configured order; usually it alone.

    Environments that share a Terraform state share a queue: a plan that waits for approval must not become stale by another.
    """
    state = _state_of(config, name)
    if state is None:
        return (name,)
    return tuple(each for each in config.environments if _state_of(config, each) == state)


def queues_of(config: Config) -> tuple[tuple[str, ...], ...]:
    """The environments by their queues, in the configured order; in one pass, where there may be hundreds."""
    queues: dict[object, list[str]] = {}
    for name in config.environments:
        queues.setdefault(_state_of(config, name) or name, []).append(name)
    return tuple(tuple(names) for names in queues.values())


def _state_of(config: Config, name: str) -> tuple[object, ...] | None:
    """What identifies the state of an environment, as far as the configuration has it; None without Terraform."""
    environment = config.environments.get(name)
    if environment is None or environment.terraform is None:
        return None
    terraform = environment.terraform
    if terraform.hcp:
        return terraform.hcp.organization.lower(), terraform.hcp.workspace
    settings = json.dumps(dict(terraform.backend_config), sort_keys=True, default=dict)
    directory, repository = PurePosixPath(terraform.code or ""), config.repository_of(environment).lower()
    return repository, str(directory), terraform.workspace or "default", settings


def without_lane(name: str) -> str:
    """The name of the target, with or without a lane: "prod/dns" for prod/dns and for prod/dns/run 47."""
    shared = name.partition(LANE)[0]
    if shared in SHARED or shared.startswith(_OF):
        return shared
    target, _, lane = name.rpartition(LANE)
    return target if target and " " in lane else name


def find_target(config: Config, name: str) -> Target | None:
    """The environment or shared target of this name, with or without a lane; None without such a target (any more)."""
    target = without_lane(name)
    if target in (BUILDERS, IMAGES):
        return Shared(target, config.slack.channel, config.images_approval)
    if target == BUILDS or target.startswith(_OF):
        return _builds(config, target)
    return config.environments.get(target)


def _builds(config: Config, target: str) -> Target | None:
    images = config.builds.get(build_of(target))
    if images is None:  # BUILDS itself is a target also without `images`
        return Shared(target, config.slack.channel, config.images_approval) if target == BUILDS else None
    return Shared(target, images.channel or config.slack.channel, images.approval)
