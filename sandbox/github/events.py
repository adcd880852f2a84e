"""Events of a repository, for webhooks."""

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
    """A pull request changed; `action` is GitHub's. After a push `moved` are its heads before and after."""

    pull: Pull
    action: str
    sender: str
    moved: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment was created (no status), or got a status."""

    deployment: Deployment
    status: DeploymentStatus | None
    sender: str


Event = Pushed | PullChanged | Deployed
Announce = Callable[[Event], None]
