"""Entries of the audit log that an operation makes once, also where the step that makes them runs again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.store.audit import Entry

if TYPE_CHECKING:
    from bot.operations.operation import Operation


async def annotate_once(operation: Operation, action: str, **detail: str) -> None:
    """Within a step: record what the operation does, once for each action and `machine`; a later detail is not recorded."""
    entry = Entry("signalbox", action, operation.target.name, operation.number, detail)
    await operation.services.audit.record_once(entry)
