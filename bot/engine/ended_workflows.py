"""The rows of workflows that have ended: listed by age, and deleted. The engine itself deletes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dbos import DBOS

from bot.engine.workflow_names import EndedWorkflow, ended_workflow

if TYPE_CHECKING:
    from collections.abc import Collection

# The engine's words. What has another status may continue, also in a version that is not known here.
_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


async def list_ended(before: float, *, limit: int, skip: int = 0) -> tuple[EndedWorkflow, ...]:
    """The oldest workflows that were created before this time (Unix seconds) and have ended, without the first `skip`."""
    listed = await DBOS.list_workflows_async(
        status=_ENDED,
        end_time=datetime.fromtimestamp(before, UTC).isoformat(),
        limit=limit,
        offset=skip,
        load_input=False,
        load_output=False,
    )
    return tuple(ended_workflow(each.workflow_id) for each in listed)


async def delete_ended(workflows: Collection[EndedWorkflow]) -> None:
    """Delete these workflows with all their rows, in one transaction. Those that are deleted already are skipped."""
    await DBOS.delete_workflows_async([each.workflow for each in workflows])
