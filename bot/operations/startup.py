"""What a process does with the operations that are open when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.operations.operation import delete_scratch

if TYPE_CHECKING:
    from bot.services import Services


async def check_approvals(services: Services) -> None:
    """Make every operation check its approval now: the wake-up of a decision may have been lost with the process."""
    for number in await services.operations.numbers_awaiting_approval():
        await services.engine.wake(number)


async def delete_old_scratch(services: Services) -> None:
    """Delete the files of operations that ended or are unknown to this database: they may hold secrets."""
    directory = services.workplace / "operations"
    # Listed before the numbers are read: an operation that another process begins meanwhile is not taken for unknown.
    scratches = list(directory.iterdir()) if directory.is_dir() else []
    open_numbers = await services.operations.open_numbers()
    for scratch in scratches:
        if not (scratch.name.isdigit() and int(scratch.name) in open_numbers):
            await delete_scratch(scratch)
    await services.children.sweep(open_numbers)
