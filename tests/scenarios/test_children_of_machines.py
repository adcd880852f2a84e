"""Applies and playbooks of a bot on two machines: nothing runs twice or beside another, and the message stays true."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.settings import database_url as sqlalchemy_url
from sandbox.exchanges import DropConnectionError
from tests.scenarios import staged
from tests.scenarios.machines import at_work, keepers, lose, nobody_keeps, recovered, second_machine, sharing
from tests.scenarios.moments import until
from tests.scenarios.staged import approved, asked, one_message_each, shows

if TYPE_CHECKING:
    from sandbox.bot_process import Launch
    from sandbox.exchanges import Exchange
    from tests.scenarios.conftest import StartWorld

pytestmark = [pytest.mark.needs_postgres, pytest.mark.slow("starts two bots, and waits for leases to run out")]
LEASE = 20.0  # seconds, of the machine that is gone


def entries(url: str, action: str) -> int:
    """How often the audit log has this action."""
    engine = sa.create_engine(sqlalchemy_url(url, ""))
    with engine.connect() as connection:
        count = connection.scalar(sa.text("SELECT count(*) FROM signalbox_audit WHERE action = :a"), {"a": action})
    engine.dispose()
    return int(count or 0)


@pytest.mark.parametrize("back", [True, False], ids=["and is back", "and stays dead"])
async def test_the_bot_dies_inside_an_apply(
    start_world: StartWorld, forked: Launch, database_url: str, back: bool
) -> None:
    world = await start_world(**sharing(database_url, "8s"))
    machines = staged.machines_wait(world)
    async with second_machine(world, forked) as second:
        await approved(world, "/plan staging")
        await machines.reached(3)
        working, other = at_work(world.bot, second)
        await working.kill()
        if back:
            await working.start()
        await recovered(working, other)
        machines.open()
        await shows(world, "#staging", "#1 ", "applied, 3 replaced", "approved by @lee")
        assert machines.times_run == 3
        await nobody_keeps(world)
        if not back:
            await working.start()
        await asked(world, "/plan staging", "#staging", "#2 ", "up to date")
        one_message_each(world, "#staging", 2)
        assert entries(database_url, "apply ended") == 1


async def test_an_apply_is_reported_truly_where_github_is_silent_for_who_follows_it(
    start_world: StartWorld, forked: Launch, database_url: str
) -> None:
    world = await start_world(**sharing(database_url, "8s"))
    machines = staged.machines_wait(world)
    async with second_machine(world, forked) as second:
        await approved(world, "/plan staging")
        await machines.reached(3)
        working, other = at_work(world.bot, second)
        world.github.on_request.append(_silent)
        await working.kill()
        await recovered(working, other)
        machines.open()
        await shows(world, "#staging", "#1 ", "applied, 3 replaced", "approved by @lee")
        assert machines.times_run == 3
        world.github.on_request.clear()
    assert entries(database_url, "apply ended") == 1


async def _silent(_: Exchange) -> None:
    raise DropConnectionError


async def test_the_machine_is_gone_inside_an_apply(start_world: StartWorld, forked: Launch, database_url: str) -> None:
    world = await start_world(**sharing(database_url, "20s"))
    machines = staged.machines_wait(world)
    async with second_machine(world, forked) as second:
        message = await approved(world, "/plan staging")
        await machines.reached(3)
        working, _ = at_work(world.bot, second)
        await working.kill()
        lose(world)
        lost_at = time.monotonic()
        await working.start()  # so that somebody can press Cancel; what ran is gone all the same
        await shows(world, "#staging", "#1 ", "Worker ", "has not answered for", "Waiting until")
        await world.person("lee").click(message, "cancel")
        await shows(world, "#staging", "#1 ", "@lee cancelled it")
        await shows(world, "#staging", "#1 ", "interrupted during the apply, and not started again")
        assert time.monotonic() - lost_at > LEASE / 2
        assert machines.times_run == 3
        machines.open()
        await asked(world, "/plan staging", "#staging", "#2 ", "Waiting for approval")  # the queue continues
        assert entries(database_url, "apply ended") == 1


async def test_the_keeper_dies_inside_an_apply(start_world: StartWorld, forked: Launch, database_url: str) -> None:
    """Its supervisor interrupts Terraform, whose own end is what is reported: no machine was lost."""
    world = await start_world(**sharing(database_url, "60s"))
    machines = staged.machines_wait(world)
    async with second_machine(world, forked) as second:
        await approved(world, "/plan staging")
        await machines.reached(3)
        [keeper] = keepers(world)
        keeper.kill()
        logs = [bot.log for bot in (world.bot, second)]
        await until(lambda: any("the keeper of apply is gone" in log.read_text() for log in logs))
        machines.open()
        await shows(world, "#staging", "#1 ", ":x:", "apply failed", "What was done stays done")
        assert machines.times_run == 3


@pytest.mark.parametrize("back", [True, False], ids=["and is back", "and stays dead"])
async def test_the_bot_dies_inside_a_playbook(
    start_world: StartWorld, forked: Launch, database_url: str, back: bool
) -> None:
    options = sharing(database_url, "8s")
    options["config"] |= staged.TWO_ROLES
    world = await start_world(**options)
    cron = staged.playbook_waits(world, "cron")
    async with second_machine(world, forked) as second:
        await approved(world, "/deploy staging")
        await cron.reached()
        working, other = at_work(world.bot, second)
        await working.kill()
        if back:
            await working.start()
        await recovered(working, other)
        cron.open()
        await shows(world, "#staging", "#1 ", ":white_check_mark:", "Deploy main to staging")
        assert cron.times_run == 1
        await nobody_keeps(world)
        assert entries(database_url, "playbook ended") == 2
