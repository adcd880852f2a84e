"""Entries of the audit log that an operation makes once, also where the step that makes them runs again."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from bot.operations.authority import ENDED
from bot.slack.blocks import kit, markup
from bot.store.audit import Entry
from bot.store.operations import Status

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record

LONGEST_REASON = 300  # characters


async def annotate_once(operation: Operation, action: str, **detail: str) -> None:
    """Within a step: record what the operation does, once for each action and `machine`; a later detail is not recorded."""
    entry = Entry("signalbox", action, operation.target.name, operation.number, detail)
    await operation.services.audit.record_once(entry)


def end_detail(record: Record, status: Status, outcome: str, message: Message) -> dict[str, str]:
    """How an operation ended; and why, in the words of its message, unless it succeeded."""
    detail = {"status": status.value, "outcome": outcome}
    if status is Status.SUCCEEDED:
        return detail
    words = message.text.removeprefix(f"#{record.number} {kit.escape(record.title)}: ")
    text = html.unescape(markup.plain(kit.cut_bytes(words, 4 * LONGEST_REASON)))
    return {**detail, "why": kit.cut(text, LONGEST_REASON)}


async def finish(operation: Operation, status: Status) -> None:
    """Within a step: store and record the end of an operation that displays none."""
    await operation.services.operations.set_status(operation.number, status)
    outcome = "reported" if operation.at.ts else "nothing to report"
    await annotate_once(operation, ENDED, status=status.value, outcome=outcome)


async def record_end(services: Services, record: Record, status: Status, message: Message) -> None:
    """Record the end of an operation whose workflow does not run."""
    detail = end_detail(record, status, status.value, message)
    await services.audit.record_once(Entry("signalbox", ENDED, record.environment, record.number, detail))
