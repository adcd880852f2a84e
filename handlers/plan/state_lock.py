"""An orphaned state lock, left by an operation that is over: recognised, and released by an operation of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.access import policy
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Button, Kind
from bot.operations.requests import OperationRequest
from bot.slack.blocks import common
from bot.store.operations import Status
from handlers.plan import apply_views, local_backend
from handlers.plan.settings import settings_of
from handlers.plan.views import UNLOCK
from handlers.shared import permissions
from handlers.shared.checkout import commit_of
from handlers.shared.clicks import clicked
from handlers.shared.requests import UNIT, lane_of
from runners.concurrency import run_blocking
from runners.errors import NotFoundError
from runners.processes.stragglers import marked
from runners.terraform.state import TerraformRun, is_orphaned_lock, own_name

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.operations.registry import Click
    from bot.services import Services
    from bot.store.operations import Record
    from runners.errors import StateLockedError

UNLOCK_KIND = "unlock"  # the kind of operation
ORPHANED_LOCK = "orphaned lock"  # annotation: the id of the lock that an operation met
LONGEST_ID = 69  # characters; UUIDs and Google's numbers are shorter
MARGIN = 5.0  # seconds; more than is_orphaned_lock allows for


async def orphaned_by(operation: Operation, error: StateLockedError) -> str:
    """Durable: the operation that is over and left this lock ("#3"); empty for a lock that may be in use."""
    return await operation.step("who left the lock", lambda: _orphaned_by(operation, error))


async def orphaned_lock(services: Services, number: int) -> str:
    """The id of the orphaned lock that this operation met. Raises UserError when it met none."""
    lock_ids = await services.annotations.values_of(number, ORPHANED_LOCK)
    if not lock_ids:
        raise UserError("There is no lock here that I may give back; nothing changed.")
    return lock_ids[-1]


async def unlock(operation: Operation) -> None:
    """Durable: release the lock; another lock that was taken meanwhile stays."""
    lock = operation.record.arguments["lock"]
    working = common.short_message(operation.head, "running", "unlocking")
    await operation.show("unlocking", working, Status.RUNNING, "is unlocking the state")
    ref = settings_of(operation.environment).ref
    commit = await operation.step("resolve", lambda: commit_of(operation, ref))

    async def release() -> bool:
        try:
            await local_backend.unlock(operation, commit, lock)
        except NotFoundError:
            return False  # released by an interrupted first attempt, or by somebody else
        return True

    released = await operation.step("unlock", release)
    headline = "the state is unlocked" if released else "that lock was gone already; nothing was changed"
    await operation.audit("unlocked", lock=lock, given_back=str(released).lower())
    outcome = "unlocked" if released else "was gone already"
    await operation.end(Status.SUCCEEDED, apply_views.unlocked(operation.head, headline), outcome=outcome)


async def start_unlock(services: Services, click: Click) -> None:
    """Start the release of an orphaned lock: once, and only for people who may approve."""
    record = await clicked(services, click)
    environment = policy.environment_of(services.config, record.environment)
    attempt = permissions.attempt_on(record, click.user, "unlock")
    for right in ("see", "unlock"):
        await permissions.check_may_use(services, attempt, "/plan", right)
    lock = await orphaned_lock(services, record.number)
    key = f"unlock-{record.number}"
    if await services.operations.started_by(key):
        raise UserError("This lock is being given back already.")
    title = f"Unlock the state of {environment.name}"
    unit = {UNIT: record.arguments[UNIT]} if UNIT in record.arguments else {}
    arguments = {"lock": lock, **unit}
    request = OperationRequest(UNLOCK_KIND, title, click.user, key, environment, arguments, lane=lane_of(unit))
    await requests.start(services, request, attempt, typed=False)


async def _orphaned_by(operation: Operation, error: StateLockedError) -> str:
    if error.lock_id is None or error.created is None or len(error.lock_id) > LONGEST_ID:
        return ""
    operations, at = operation.services.operations, error.created.timestamp()
    for record in await operations.open_between(operation.record.environment, at - MARGIN, at + MARGIN):
        if is_orphaned_lock(error, _terraform_run(operation, record)) and not await _has_processes(operation, record):
            await operation.services.annotations.add(operation.number, ORPHANED_LOCK, error.lock_id)
            return f"#{record.number}"
    return ""


def _terraform_run(operation: Operation, record: Record) -> TerraformRun:
    # This operation's Terraform has just met the lock, so its own earlier run is over.
    ended = operation.services.clock() if record.number == operation.number else record.ended_at
    return TerraformRun(own_name(), _time(record.created_at), None if ended is None else _time(ended))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def _has_processes(operation: Operation, record: Record) -> bool:
    """Whether a process that the operation started still runs."""
    scratch = operation.services.workplace / "operations" / str(record.number)
    return bool(await run_blocking(marked, str(scratch), timeout=30, doing="looking for what still runs"))


KINDS = (Kind(UNLOCK_KIND, unlock),)
BUTTONS = (Button(UNLOCK, start_unlock),)
