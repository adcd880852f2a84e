"""The instances of environments, in a region of an account: what EC2 and CloudWatch say of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.results.aws import Unreadable
    from runners.results.images import Image

RUNNING, IMPAIRED, PASSED = "running", "impaired", "ok"
# EC2's results of a status check, the worst first.
CHECKS = (IMPAIRED, "insufficient-data", "initializing", PASSED)


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance that is not terminated. `tag` is its tag `type`, `state` is EC2's.

    `checks` is the worst result of EC2's status checks, empty where it is unknown; `group` its Auto Scaling group.
    """

    instance_id: str
    tag: str
    type: str
    image_id: str
    state: str
    group: str = ""
    checks: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A CloudWatch alarm that is in alarm: why, since when (Unix seconds), the instances and groups that it watches."""

    name: str
    reason: str
    since: float
    instances: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fleet:
    """The instances of a region with their images, by id, and the active alarms; `unreadable` is what could not be read."""

    instances: tuple[Instance, ...] = ()
    images: Mapping[str, Image] = field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a deployed commit lies to its branch: how many commits it lacks, and how many it has that the branch has not."""

    behind: int
    ahead: int = 0
