"""The life of an operation: number, announcement and queue; then its workflow, and its end in any case."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from bot.access.rights import EMERGENCY
from bot.config.targets import find_target, queue_of
from bot.errors import (
    AlreadyEndedError,
    AlreadyOpenError,
    Cancelled,
    ChangedWorkflowError,
    ForgedError,
    NoLongerApprovedError,
    UserError,
)
from bot.operations import emergencies, going_first, notices, typed_requests
from bot.operations.announcement import announce, display_start, report_refusal
from bot.operations.entries import record_end
from bot.operations.follow_ups import link_from_older
from bot.operations.leftovers import discard
from bot.operations.operation import Operation
from bot.operations.posting import deliver
from bot.operations.queue import head_of, update_cancelled
from bot.operations.unfinished import end, refuse_request
from bot.process import log_context
from bot.slack.blocks import common, kit
from bot.store.audit import Entry, request_detail
from bot.store.operations import Record, Request, Status
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.operations.registry import FollowUp, Kind
    from bot.services import Services

REFUSED = "refused to start"
log = logging.getLogger(__name__)


async def begin(services: Services, request: Request, kind: Kind | None) -> None:
    """Durable: give a request of this kind its number and message, and put it into its environment's queue.

    What cannot begin is reported outside of the steps. Without a `kind` this version does not know the request's.
    """
    if kind is None:
        await refuse_request(services, request, f"This version has no operations of the kind “{request.kind}”.")
        return
    try:
        await _begin(services, request, kind)
    except ChangedWorkflowError as error:
        await refuse_request(services, request, f"Signalbox was updated, and {error}.")
    except ForgedError as forged:
        await refuse_request(services, request, str(forged))
    except Exception as error:
        log.exception("a request of %s cannot begin", request.requester)
        await refuse_request(services, request, f"There is a fault in Signalbox itself ({type(error).__name__}).")


async def _begin(services: Services, request: Request, kind: Kind) -> None:
    engine = services.engine
    number = await _numbered(services, request, kind)
    if number is None:
        return
    with log_context.operation(number):
        if kind.supersedes:
            await engine.step("supersede", lambda: going_first.supersede(services, request.environment))
        refusal = "" if kind.silent else await engine.step("announce", lambda: announce(services, number))
        if refusal:
            await engine.step("report refusal", lambda: report_refusal(services, number, refusal))
        else:
            services.command_answers.began(services, request.key, number)
            if EMERGENCY in request.arguments:
                await emergencies.report(services, request, number)
            await engine.enqueue(request.kind, number, queue_of(services.config, request.environment)[0])


async def _numbered(services: Services, request: Request, kind: Kind) -> int | None:
    """Durable: the number of the request, in the audit log too; None for a request that begins nothing."""
    engine = services.engine
    try:
        identity = await _identity(services, request, kind)
        async with engine.numbering:
            number = await engine.step("number", lambda: _number(services, request, identity))
            engine.numbered(request)
            detail = {**request.arguments, **request_detail(request.key, request.at)}
            entry = Entry(request.requester, request.kind, request.environment, number, detail)
            await engine.step("audit", lambda: services.audit.record(entry))
            return number
    except AlreadyEndedError as error:
        log.warning("a request of %s begins nothing: %s", request.requester, error)
    except AlreadyOpenError as error:
        other = error.number
        await engine.step("refer to the same", lambda: typed_requests.refer(services, request, other))
    except ForgedError:
        raise
    except UserError as error:
        why = str(error)
        await engine.step("refuse", lambda: typed_requests.refuse(services, request, why))
    finally:
        engine.numbered(request)
    return None


async def _identity(services: Services, request: Request, kind: Kind) -> str:
    if not request.typed:
        return ""
    return await services.engine.step("about", lambda: typed_requests.identity(services, request, kind))


async def _number(services: Services, request: Request, identity: str) -> int:
    number = await services.operations.create(request, identity)
    if (await services.operations.get(number)).status.ended:
        # What remembered the request was deleted since (handlers/infra/retention.py): it began this operation long ago.
        raise AlreadyEndedError(f"#{number}, which this request began, has ended")
    with log_context.operation(number):
        log.info("operation %s: %s in %s, for %s", number, request.kind, request.environment, request.requester)
    return number


async def run(services: Services, number: int, kind: Kind, follow_ups: Sequence[FollowUp] = ()) -> None:
    """Durable: run the workflow of an operation of this kind, and end the operation in any case.

    What ends it after an error that its steps cannot report is no step: it works whatever steps are on record.
    """
    try:
        await _run(services, number, kind, follow_ups)
    except ChangedWorkflowError as error:
        await end(services, number, f"Signalbox was updated while this was open, and {error}.")
    except Exception as error:
        log.exception("operation %s cannot report its end", number)
        await end(services, number, f"There is a fault in Signalbox itself ({type(error).__name__}).")


async def _run(services: Services, number: int, kind: Kind, follow_ups: Sequence[FollowUp]) -> None:
    try:
        record = await services.engine.step("record", lambda: _verified(services, number, kind))
    except ForgedError as forged:
        await _refuse(services, number, str(forged))
        return
    if find_target(services.config, record.environment) is None:
        await services.engine.step("target removed", lambda: _give_up(services, record))
        return
    operation = Operation(services, record, kind.success)
    try:
        if await operation.step("start", lambda: _is_cancelled(services, number)):
            await operation.step("cancelled", lambda: update_cancelled(services, number))
        else:
            await link_from_older(operation, follow_ups)
            await kind.workflow(operation)
    except RunnerError as error:
        await operation.fail(error)
    except Cancelled as cancelled:
        message = common.short_message(operation.head, "cancelled", kit.escape(str(cancelled)), *_done(operation))
        await operation.end(Status.CANCELLED, message)
    except ForgedError as forged:
        await _refuse(services, number, str(forged))
        return
    except NoLongerApprovedError as error:
        await operation.audit(REFUSED, why=str(error))
        message = common.short_message(operation.head, "failed", kit.escape(str(error)), *_done(operation))
        await operation.end(Status.FAILED, message)
    except UserError as error:
        message = common.short_message(operation.head, "failed", kit.escape(str(error)), *_done(operation))
        await operation.end(Status.FAILED, message)
    except Exception as error:  # noqa: BLE001  -- logged there
        await _apologise(operation, error)
    await operation.step("update queue", operation.update_waiting)


def _done(operation: Operation) -> tuple[str, ...]:
    """What it had changed before it ended, in sentences."""
    return operation.failure_context.done


async def _apologise(operation: Operation, error: Exception) -> None:
    if isinstance(error, ChangedWorkflowError):
        raise error
    error_id = await operation.step("error id", _error_id)
    log.error("operation %s stopped, error %s", operation.number, error_id, exc_info=error)
    await operation.end(Status.FAILED, common.apology(operation.head, error_id))


async def _verified(services: Services, number: int, kind: Kind) -> Record:
    """The record of the operation. Raises ForgedError, also where it is of another kind than this workflow."""
    record = await services.operations.verified(number)
    if record.kind != kind.name:
        raise ForgedError(f"#{number} is of the kind “{record.kind}” and not “{kind.name}”. Nothing was started.")
    return record


async def _is_cancelled(services: Services, number: int) -> bool:
    record = await services.operations.get(number)
    await going_first.wait_for_passers(services, record)
    if (
        record.message_ts
        and record.status is Status.WAITING
        and services.config.operations.when_slack_is_away == "wait"
    ):
        await display_start(services, record)
    return not await services.operations.start(number)


async def _give_up(services: Services, record: Record) -> None:
    news = f"not started: {kit.escape(record.environment)} is no longer in the configuration"
    message = common.short_message(head_of(record), "failed", news)
    await record_end(services, record, Status.FAILED, message)
    await services.operations.set_status(record.number, Status.FAILED)
    await deliver(services, record.number, message, until_displayed=True)
    await notices.report_end(services, record, Status.FAILED, message)
    await discard(services, record.number)


async def _refuse(services: Services, number: int, why: str) -> None:
    """End an operation whose record does not verify. Not durable: the records of its steps may be what is forged."""
    log.error("operation %s: %s", number, why)
    record = await services.operations.get(number)
    await services.audit.record(Entry("signalbox", REFUSED, operation=number, detail={"why": why}))
    await services.operations.set_status(number, Status.FAILED)
    message = common.short_message(head_of(record), "failed", kit.escape(why))
    await deliver(services, number, message, until_displayed=True)
    await notices.report_end(services, record, Status.FAILED, message)
    await discard(services, number)


async def _error_id() -> str:
    return secrets.token_hex(4)
