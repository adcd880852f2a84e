"""The repository as its pull requests and its deployments know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sandbox.github.checks import Checks, Protection
    from sandbox.github.commits import CommitGraph
    from sandbox.github.events import Event


class Home(Protocol):
    """What they ask of it, and nothing of its workflows and runs."""

    owner: str
    repository_id: int
    default_branch: str
    graph: CommitGraph
    checks: Checks

    def protection(self, branch: str) -> Protection:
        """What the branch requires: nothing, if it is not protected."""

    def pushed(self, branch: str, before: str | None, by: str) -> None:
        """Tell of a branch's new tip; `before` is what its tip was."""

    def announce(self, event: Event) -> None:
        """Tell whoever is told by webhook."""
