"""A workflow under simulation with the results of its jobs: the run's own, or one that a job calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from sandbox.github.expressions import Status, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.github.workflow_model import JobFile, WorkflowFile

Path: TypeAlias = tuple[str, ...]
MOST_LEVELS = 10  # of workflows that call each other, the first one included


@dataclass(frozen=True, slots=True)
class Result:
    """The end of all jobs of a key: `success`, `failure`, `cancelled` or `skipped`, with their outputs."""

    result: str
    outputs: Mapping[str, Value] = field(default_factory=dict)


def worst(ends: Iterable[str]) -> str:
    """The result of several jobs."""
    ends = set(ends)
    return next((end for end in ("failure", "cancelled", "success") if end in ends), "skipped")


@dataclass(slots=True)
class Scope:
    """`path` and `prefix` are those of the job that calls the workflow; `results` are by the key of the job."""

    file: WorkflowFile
    inputs: Mapping[str, Value]
    path: Path = ()
    prefix: str = ""
    callers: tuple[str, ...] = ()
    results: dict[str, Result] = field(default_factory=dict)

    def path_of(self, file: JobFile) -> Path:
        """Where a job is among all of the run: its key, after the keys and numbers of the jobs that call."""
        return (*self.path, file.key)

    def needs(self, file: JobFile) -> dict[str, Value]:
        """The context `needs` of a job."""
        ends = {key: self.results[key] for key in file.needs}
        return {key: {"result": end.result, "outputs": dict(end.outputs)} for key, end in ends.items()}

    def status(self, file: JobFile, *, cancelled: bool) -> Status:
        """What the status functions answer in the condition of a job."""
        ends = {self.results[key].result for key in self._all_needs(file)}
        failed = bool(ends - {"success", "skipped"})
        skipped = any(self.results[key].result == "skipped" for key in file.needs)
        return Status(not (failed or skipped or cancelled), failed and not cancelled, cancelled)

    def _all_needs(self, file: JobFile) -> set[str]:
        by_key = {job.key: job for job in self.file.jobs}
        direct = set(file.needs)
        return direct.union(*(self._all_needs(by_key[key]) for key in direct))
