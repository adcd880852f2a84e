"""The part of a repository that pull requests and deployments use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sandbox.github.checks import Checks, Protection
    from sandbox.github.commits import CommitGraph
    from sandbox.github.events import Event


class RepositoryBase(Protocol):
    """A repository without its workflows and runs."""

    owner: str
    repository_id: int
    default_branch: str
    graph: CommitGraph
    checks: Checks

    def protection(self, branch: str) -> Protection:
        """The requirements of the branch; none without protection."""

    def pushed(self, branch: str, before: str | None, by: str) -> None:
        """Announce a branch's new tip; `before` is its old tip."""

    def announce(self, event: Event) -> None:
        """Send an event to the webhooks."""
