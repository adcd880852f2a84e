"""Deployments of a repository, their statuses, and their environments."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.github.commits import Author
from sandbox.github.events import Deployed
from sandbox.github.merging import ahead, merged_files
from sandbox.github.records import Deployment, DeploymentStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.github.repository_base import RepositoryBase

STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")


@dataclass(slots=True)
class Deployments:
    """The deployments of a repository by ID, and the environments that they created."""

    repository: RepositoryBase
    by_id: dict[int, Deployment] = field(default_factory=dict)
    environments: dict[str, datetime] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(2_800_000_001, 11))

    def auto_merge(self, ref: str, by: str) -> str | None:
        """Merge the default branch into a ref that is behind it.

        "merged" after a merge commit, "conflict" after a conflict, None when there was nothing to merge.
        """
        repository = self.repository
        graph, default = repository.graph, repository.default_branch
        tip = graph.resolve(ref)
        if not ahead(graph, tip.sha, graph.branches[default]):
            return None
        files = merged_files(graph, tip, graph.resolve(default))
        if ref not in graph.branches or files is None:
            return "conflict"
        author = Author.at_github(by)
        graph.advance(ref, (tip.sha, graph.branches[default]), files, f"Merge {default} into {ref}", author)
        repository.pushed(ref, tip.sha, by)
        return "merged"

    def unmet(self, ref: str, required: Sequence[str] | None) -> list[dict[str, str]]:
        """The contexts that count (`required`, or all for None) with their states, if any of them is not a success."""
        contexts = self.repository.checks.contexts(self.repository.graph.resolve(ref).sha)
        counted = contexts if required is None else {name: contexts.get(name, "expected") for name in required}
        if all(state == "success" for state in counted.values()):
            return []
        return [{"context": name, "state": state} for name, state in counted.items()]

    def create(
        self,
        ref: str,
        environment: str = "production",
        *,
        task: str = "deploy",
        payload: Any = "",
        description: str | None = None,
        transient: bool = False,
        production: bool | None = None,
        by: str = "lee-park",
    ) -> Deployment:
        """Create a deployment of the commit that `ref` names now."""
        now = datetime.now(UTC)
        made = Deployment(
            deployment_id=next(self._numbers),
            ref=ref,
            sha=self.repository.graph.resolve(ref).sha,
            task=task,
            payload=payload,
            environment=environment,
            description=description,
            creator=by,
            transient=transient,
            production=environment == "production" if production is None else production,
            created_at=now,
        )
        self.by_id[made.deployment_id] = made
        self.environments.setdefault(environment, now)
        self.repository.announce(Deployed(made, None, by))
        return made

    def set_state(
        self,
        deployment: Deployment,
        state: str,
        *,
        by: str,
        description: str = "",
        log_url: str = "",
        environment_url: str = "",
        environment: str | None = None,
        auto_inactive: bool = True,
    ) -> DeploymentStatus:
        """Set the deployment's state; a success makes earlier deployments of the environment inactive if `auto_inactive`.

        Earlier deployments that are transient or of a production environment keep their state.
        """
        where = environment or deployment.environment
        made = DeploymentStatus(
            next(self._numbers), state, by, description, log_url, environment_url, where, datetime.now(UTC)
        )
        deployment.statuses.append(made)
        self.repository.announce(Deployed(deployment, made, by))
        if state == "success" and auto_inactive:
            self._retire(deployment, where, by)
        return made

    def _retire(self, newest: Deployment, environment: str, by: str) -> None:
        for earlier in self.by_id.values():
            if earlier is newest or earlier.environment != environment or earlier.state != "success":
                continue
            if not earlier.transient and not earlier.production:
                self.set_state(earlier, "inactive", by=by, environment=environment)
