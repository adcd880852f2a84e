"""Who is refused again and again does not fill the audit log: attempts are counted, and others' work stays in view."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bot.store.refused_attempts import COUNT
from sandbox.world import Options, World
from tests.bench.posts import UNLIMITED
from tests.scenarios import moments

ATTEMPTS = 600
AT_ONCE = 20


def entries(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    """(actor, action, details), newest first."""
    rows = moments.rows(world, "SELECT actor, action, detail FROM signalbox_audit ORDER BY number DESC")
    return [(str(actor), str(action), json.loads(str(detail))) for actor, action, detail in rows]


@pytest.mark.slow("a real bot refuses 600 commands")
async def test_a_guest_who_types_600_commands_makes_two_entries() -> None:
    async with World(Options(without_aws=True, rate_limits=False, config=UNLIMITED)) as world:
        guest = world.person("gus")
        guest.user.is_restricted = True
        for topic in ("status", "help", "audit"):
            assert (await world.person("ana").type("#dev", f"/infra {topic}")).ok
        for _ in range(ATTEMPTS // AT_ONCE):
            replies = await asyncio.gather(*(guest.type("#dev", "/deploy dev main") for _ in range(AT_ONCE)))
            assert all("You may not run Signalbox's commands" in str(reply) for reply in replies)
        assert (await world.person("lee").type("#dev", "/infra audit 30")).ok
        newest = entries(world)[:30]
        assert [action for actor, action, _ in newest if actor == guest.user.id] == ["refused"]
        assert {actor for actor, *_ in newest} >= {"U0ANA", "U0LEE"}
        await world.bot.stop()
        actor, action, detail = entries(world)[0]
        assert (actor, action, detail[COUNT]) == (guest.user.id, "refused", ATTEMPTS - 1)
