"""Saved plans for other machines: stored once they are made, and made a workspace again where an operation continues.

Nothing is read from the store on the machine that made the plan. Elsewhere the code comes from its commit, `init` runs again, and
the plan file is the stored one, whose digest is compared with the approved one before it is applied.
"""

from __future__ import annotations

import logging
import zlib
from typing import TYPE_CHECKING

from bot.errors import Cancelled
from bot.slack.blocks import kit
from handlers.plan.hcp_run import DRIFT_CHECK
from handlers.plan.settings import timeout_of
from runners import terraform
from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.removal import remove_tree_if_possible
from runners.terraform import portable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bot.operations.operation import Operation
    from runners.results import PlanSummary
    from runners.terraform import Workspace

    MakeWorkspace = Callable[[], Awaitable[Workspace]]

log = logging.getLogger(__name__)
NO_TEXT = "The text of this plan is no longer there: another machine made the plan. The message has its changes.\n"
_PLAN, _TEXT = "the saved plan", "the text of the plan"
_TIMEOUT = 120.0  # seconds for reading and writing files


async def code_files(operation: Operation, workspace: Workspace) -> portable.Files:
    """Before init: the files of the code, so that those that are made later are recognized."""
    if not operation.services.artifacts.shared:
        return {}
    root = workspace.root or workspace.directory
    return await run_blocking(portable.files_in, root, timeout=_TIMEOUT, doing="listing the code")


async def store(operation: Operation, workspace: Workspace, before: portable.Files, summary: PlanSummary) -> None:
    """Within the step that made a plan: store its text, and the plan itself where it may be applied.

    Raises RunnerError when the place does not take it: nobody is asked to approve what could not be applied.
    """
    artifacts, number = operation.services.artifacts, operation.number
    worth_reading = bool(summary.drift or summary.failed_checks or summary.deferred) or not summary.up_to_date
    if not artifacts.shared or not worth_reading:
        return
    text = await run_blocking(terraform.masked_plan_text, workspace.scratch, timeout=_TIMEOUT, doing="reading the plan")
    await _store_text(operation, summary.digest, text)
    if operation.record.kind != DRIFT_CHECK and not summary.up_to_date:
        root, doing = workspace.root or workspace.directory, f"storing {_PLAN} of #{number}"
        packed = await run_blocking(
            portable.pack, workspace.scratch, root, before, doing, timeout=_TIMEOUT, doing=doing
        )
        await artifacts.put(number, _plan_name(summary.digest), packed, _PLAN)


async def text_of(operation: Operation, digest: str) -> str:
    """The text of the plan with this digest, from this machine or from the store."""
    scratch, doing = operation.scratch, "reading the plan"
    artifacts = operation.services.artifacts
    if not artifacts.shared or await run_blocking(portable.has_plan, scratch, digest, timeout=_TIMEOUT, doing=doing):
        return await run_blocking(terraform.masked_plan_text, scratch, timeout=_TIMEOUT, doing=doing)
    stored = await artifacts.get(operation.number, _text_name(digest), _TEXT)
    return zlib.decompress(stored).decode() if stored is not None else NO_TEXT


async def restore(operation: Operation, digest: str, make: MakeWorkspace, *, with_plan: bool = True) -> None:
    """Make the workspace of the plan with this digest here, unless it is here already; nothing where none is stored.

    `make` fetches the code. Without the plan file (`with_plan`) nothing can be applied afterwards: the state can be read.
    Raises RunnerError, and ForgedError for a plan that something else has changed.
    """
    artifacts, scratch, doing = operation.services.artifacts, operation.scratch, f"continuing with {_PLAN}"
    if not artifacts.shared or await run_blocking(portable.has_plan, scratch, digest, timeout=_TIMEOUT, doing=doing):
        return
    packed = await artifacts.get(operation.number, _plan_name(digest), _PLAN)
    if packed is None:
        return
    log.info("operation %s: continues on this machine, which has not made its plan", operation.number)
    await run_blocking(_remove_other, scratch, timeout=_TIMEOUT, doing=doing)
    workspace = await make()
    root = workspace.root or workspace.directory
    await run_blocking(portable.unpack_code, packed, root, doing, timeout=_TIMEOUT, doing=doing)
    await terraform.init(workspace, timeout=timeout_of(operation.services.config))

    def write_plan() -> None:
        portable.unpack_plan(packed, scratch, doing, with_plan=with_plan)

    await run_blocking(write_plan, timeout=_TIMEOUT, doing=doing)


async def check_not_cancelled(operation: Operation) -> None:
    """Directly before the apply: raises Cancelled when somebody pressed Cancel while the workspace was made."""
    person = await operation.services.operations.cancel_requested(operation.number)
    if person:
        raise Cancelled(f"cancelled by {kit.user(person)} before the apply began. No changes were made")


async def _store_text(operation: Operation, digest: str, text: str) -> None:
    packed = await run_blocking(zlib.compress, text.encode(), timeout=_TIMEOUT, doing="compressing the plan")
    try:
        await operation.services.artifacts.put(operation.number, _text_name(digest), packed, _TEXT)
    except RunnerError as error:  # a file in the thread that would be missing there is no reason to refuse the plan
        log.warning("operation %s: %s", operation.number, error)


def _remove_other(scratch: Path) -> None:
    """Remove the code of another plan, of an attempt that did not end."""
    for name in ("code", "code.part", "data"):
        if (scratch / name).exists():
            remove_tree_if_possible(scratch / name)
    (scratch / terraform.PLAN_FILE).unlink(missing_ok=True)


def _plan_name(digest: str) -> str:
    return f"plan {digest}"


def _text_name(digest: str) -> str:
    return f"text of the plan {digest}"
