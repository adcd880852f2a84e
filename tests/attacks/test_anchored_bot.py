"""A bot that anchors its audit log: its database's administrator removes the newest entries, and that is found."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.store.audit_table import audit
from sandbox import waiting
from sandbox.bot_process import PROJECT
from sandbox.world import Options, World
from tests.scenarios import moments
from tests.scenarios.acting import shows, types
from tests.unit.bot.store.audit_tampering import drop_triggers

if TYPE_CHECKING:
    from sandbox.bot_process import Launch

ANCHORED = {"operations:\n": "audit: {anchor: {every: 1h, entries: 100, to: [{file: anchors.jsonl}]}}\noperations:\n"}
REMOVED = 5


@pytest.mark.slow("a real bot runs an operation, and the command line starts twice")
async def test_newest_entries_that_are_removed_after_a_polite_stop_are_found(forked: Launch) -> None:
    async with World(Options(without_aws=True, speed=60, config=ANCHORED), forked) as world:
        await types(world, "ana", "#dev", "/deploy dev")
        await shows(world, "#dev", "#1 ", ":white_check_mark:", "deployed")
        await waiting.until(lambda: ("ended",) in moments.rows(world, "SELECT action FROM signalbox_audit"))
        await world.bot.stop()  # SIGTERM
        [(newest,)] = moments.rows(world, "SELECT max(number) FROM signalbox_audit")
        assert isinstance(newest, int)
        code, verdict = await verified(world)
        assert (code, verdict.splitlines()[0].partition(":")[0]) == (0, "The audit log is intact")
        assert verdict.rstrip().endswith(f"with entry {newest}."), "the last entry is anchored, and none is after it"
        remove_newest(world, newest)
        code, verdict = await verified(world)
        assert code == 1
        assert verdict.startswith(f"entries {newest - REMOVED + 1} to {newest} are missing, anchored at ")


def remove_newest(world: World, newest: int) -> None:
    """What the owner of the database can do: drop the triggers, and delete."""
    engine = sa.create_engine(f"sqlite:///{moments.database(world)}")
    with engine.begin() as connection:
        drop_triggers(connection)
        deleted = connection.execute(sa.delete(audit).where(audit.c.number > newest - REMOVED))
        assert deleted.rowcount == REMOVED
    engine.dispose()


async def verified(world: World) -> tuple[int | None, str]:
    """The exit code and the verdict of `python -m bot audit verify --anchor`."""
    files = ("--config", str(world.files / "signalbox.yaml"), "--anchor", str(world.files / "anchors.jsonl"))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "audit", "verify", *files),
        cwd=PROJECT,
        env=world.bot._environment,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await child.communicate()
    return child.returncode, output.decode()
