"""What happened in a repository, for whoever is told of it by webhook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.github.records import Deployment, DeploymentStatus, Pull


@dataclass(frozen=True, slots=True)
class Pushed:
    """A branch has a new tip, the commit `after`; `before` was its tip, None for a new branch."""

    branch: str
    before: str | None
    after: str
    sender: str


@dataclass(frozen=True, slots=True)
class PullChanged:
    """What was done with a pull request, in GitHub's word; `moved` are its heads before and after, where it was pushed to."""

    pull: Pull
    action: str
    sender: str
    moved: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment was recorded (no status), or this was said of it."""

    deployment: Deployment
    status: DeploymentStatus | None
    sender: str


Event = Pushed | PullChanged | Deployed
Announce = Callable[[Event], None]
