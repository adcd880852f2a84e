"""A state lock that a dead operation of this bot left: found out, and given back in the environment's turn."""

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
from handlers.plan import apply_views, terraform
from handlers.plan.next_buttons import UNLOCK
from handlers.shared import permissions
from handlers.shared.checkout import commit_of
from handlers.shared.clicks import clicked
from runners.concurrency import run_blocking
from runners.errors import NotFoundError
from runners.processes.stragglers import marked
from runners.terraform.lock import TerraformRun, lock_is_ours, own_name

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.operations.registry import Click
    from bot.services import Services
    from bot.store.operations import Record
    from runners.errors import StateLockedError

UNLOCKS = "unlock"  # the kind of operation
LEFT = "left lock"
LONGEST_ID = 69  # characters; UUIDs and Google's numbers are shorter
MARGIN = 5.0  # seconds: more than lock_is_ours allows for


async def left_by(operation: Operation, error: StateLockedError) -> str:
    """Which operation of ours left this lock and is over ("#3"); empty when it may be anybody's. Durable."""

    async def look() -> str:
        return await _look(operation, error)

    return await operation.step("who left the lock", look)


async def left_lock(services: Services, number: int) -> str:
    """The id of the dead lock that this operation met. Raises UserError when it met none."""
    lock_ids = await services.annotations.values_of(number, LEFT)
    if not lock_ids:
        raise UserError("There is no lock here that I may give back; nothing changed.")
    return lock_ids[-1]


async def unlock(operation: Operation) -> None:
    """Durable: give the lock back; one that is gone already, or is another by now, stays as it is."""
    lock = operation.record.arguments["lock"]
    settings = terraform.settings_of(operation.environment)
    working = common.short_message(operation.head, "running", "unlocking")
    await operation.show("unlocking", working, Status.RUNNING, "is unlocking the state")
    commit = await operation.step("resolve", lambda: commit_of(operation, settings.ref))

    async def give_back() -> bool:
        try:
            await terraform.unlock(operation, commit, lock)
        except NotFoundError:
            return False  # by a first try that was interrupted, or by somebody else
        return True

    given = await operation.step("unlock", give_back)
    news = "the state is unlocked" if given else "that lock was gone already; nothing was changed"
    await operation.audit("unlocked", lock=lock, given_back=str(given).lower())
    outcome = "unlocked" if given else "was gone already"
    await operation.end(Status.SUCCEEDED, apply_views.unlocked(operation.head, news), outcome=outcome)


async def _look(operation: Operation, error: StateLockedError) -> str:
    if error.lock_id is None or error.created is None or len(error.lock_id) > LONGEST_ID:
        return ""
    operations, at = operation.services.operations, error.created.timestamp()
    for record in await operations.open_between(operation.environment.name, at - MARGIN, at + MARGIN):
        if lock_is_ours(error, _run(operation, record)) and not await _lives(operation, record):
            await operation.services.annotations.add(operation.number, LEFT, error.lock_id)
            return f"#{record.number}"
    return ""


def _run(operation: Operation, record: Record) -> TerraformRun:
    # Our own Terraform has just met the lock: its earlier run in this operation is over.
    ended = operation.services.clock() if record.number == operation.number else record.ended_at
    return TerraformRun(own_name(), _time(record.created_at), None if ended is None else _time(ended))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def _lives(operation: Operation, record: Record) -> bool:
    """Whether something that it started still runs, although it is over."""
    scratch = operation.services.workplace / "operations" / str(record.number)
    return bool(await run_blocking(marked, str(scratch), timeout=30, doing="looking for what still runs"))


async def unlock_clicked(services: Services, click: Click) -> None:
    """Begin to release the lock of a dead operation: once, and only for people who may approve."""
    record = await clicked(services, click)
    environment = policy.environment_of(services.config, record.environment)
    attempt = permissions.attempt_on(record, click.user, "unlock")
    await permissions.check_may_approve(services, attempt)
    lock = await left_lock(services, record.number)
    key = f"unlock-{record.number}"
    if await services.operations.exists(key):
        raise UserError("This lock is being given back already.")
    title = f"Unlock the state of {environment.name}"
    request = OperationRequest(UNLOCKS, title, click.user, key, environment, {"lock": lock})
    await requests.start(services, request, attempt)


KINDS = (Kind(UNLOCKS, unlock),)
BUTTONS = (Button(UNLOCK, unlock_clicked),)
