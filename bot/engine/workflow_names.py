"""The names of workflows in the engine: one begins a request, one runs an operation."""

from __future__ import annotations

from dataclasses import dataclass

_BEGIN, _OPERATION = "begin-", "operation-"


@dataclass(frozen=True, slots=True)
class EndedWorkflow:
    """A workflow that has ended: of an operation with this `number`, or of the request with this `key`; else of neither."""

    workflow: str
    number: int | None = None
    key: str | None = None


def begin_id(key: str) -> str:
    """The workflow that begins the request with this key."""
    return f"{_BEGIN}{key}"


def operation_id(number: int) -> str:
    """The workflow of the operation with this number."""
    return f"{_OPERATION}{number}"


def ended_workflow(workflow: str) -> EndedWorkflow:
    """What a workflow of this name belonged to."""
    number = workflow.removeprefix(_OPERATION)
    if workflow.startswith(_OPERATION) and number.isascii() and number.isdigit():
        return EndedWorkflow(workflow, number=int(number))
    key = workflow.removeprefix(_BEGIN) if workflow.startswith(_BEGIN) else None
    return EndedWorkflow(workflow, key=key)
