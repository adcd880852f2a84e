"""What a workflow file says: triggers, inputs, jobs and steps, with their expressions not yet evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github.expressions import Value


@dataclass(frozen=True, slots=True)
class Input:
    """An input of workflow_dispatch, workflow_call or an action; `default` is text, as a dispatch gives it."""

    name: str
    required: bool
    default: str | None
    type: str
    options: tuple[str, ...] = ()

    def typed(self, given: Value) -> Value:
        """A value as the `inputs` context has it: a boolean for text of a boolean input."""
        if self.type == "boolean" and isinstance(given, str):
            return given == "true"
        return given


@dataclass(frozen=True, slots=True)
class StepFile:
    """A step; `step_id` is empty without an id. What is in it may have expressions."""

    step_id: str
    name: str
    uses: str | None
    run: str | None
    condition: str
    inputs: Mapping[str, Value] = field(default_factory=dict)
    env: Value = field(default_factory=dict)
    shell: str = ""
    continue_on_error: Value = False


@dataclass(frozen=True, slots=True)
class JobFile:
    """A job. `uses` is the workflow that it calls; `unplayable` names what the stand-in cannot play of it."""

    key: str
    name: str | None
    needs: tuple[str, ...]
    condition: str
    runs_on: Value
    strategy: Value
    steps: tuple[StepFile, ...]
    env: Value
    outputs: Mapping[str, Value]
    continue_on_error: Value
    uses: str | None
    inputs: Mapping[str, Value]
    unplayable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Callable:
    """What a workflow takes and gives where another one calls it."""

    inputs: tuple[Input, ...]
    outputs: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """A workflow. `triggers` have their filters; `inputs` is None when it cannot be dispatched."""

    path: str
    name: str
    run_name: str | None
    triggers: Mapping[str, Any]
    inputs: tuple[Input, ...] | None
    callable: Callable | None
    env: Value
    jobs: tuple[JobFile, ...]


def needs_first(jobs: tuple[JobFile, ...]) -> list[JobFile]:
    """The jobs, each after those that it needs. Raises ValueError for jobs that need each other, or an unknown one."""
    ordered: list[JobFile] = []
    remaining = list(jobs)
    keys = {job.key for job in jobs}
    for job in jobs:
        if unknown := sorted(set(job.needs) - keys):
            raise ValueError(f"Job '{job.key}' depends on unknown job '{unknown[0]}'.")
    while remaining:
        ready = [job for job in remaining if set(job.needs) <= {earlier.key for earlier in ordered}]
        if not ready:
            raise ValueError(f"jobs need each other: {', '.join(job.key for job in remaining)}")
        ordered.extend(ready)
        remaining = [job for job in remaining if job not in ready]
    return ordered
