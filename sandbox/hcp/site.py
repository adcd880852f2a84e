"""The state that the API and the pages share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.hcp.web import not_found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.hcp.archive import Archive
    from sandbox.hcp.model import Run, Workspace
    from sandbox.hcp.runs import Runs


@dataclass(frozen=True, slots=True)
class Site:
    """The workspaces by name, the runs' progress, and the host of their files."""

    workspaces: dict[str, Workspace]
    runs: Runs
    archive: Archive

    def all_runs(self) -> Iterator[Run]:
        """Every run of every workspace."""
        for workspace in self.workspaces.values():
            yield from workspace.runs

    def run(self, run_id: str) -> Run:
        """The run of this id. Raises ApiError (404)."""
        run = next((candidate for candidate in self.all_runs() if candidate.id == run_id), None)
        if run is None:
            raise not_found()
        return run
