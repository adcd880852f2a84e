"""/infra history and /infra show in a running bot: what was deployed and approved, with links, for the reader alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.scenarios import moments
from tests.scenarios.acting import rejects, shows, types
from tests.scenarios.test_trail import audit_log, number_of

if TYPE_CHECKING:
    from sandbox.world import World


async def test_somebody_reads_what_happened_and_one_story(shared_world: World) -> None:
    world = shared_world
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "Waiting for approval")
    number = number_of(ask)
    for who, text in (("ana", "Is <b> & `c` fine? xoxb-1234567890-abcdefghij"), ("gus", "Not recorded")):
        await world.person(who).type("#staging", text, thread_ts=ask.ts)
    await rejects(world, "lee", ask)
    await shows(world, "#staging", f"#{number} ", "rejected")
    await audit_log(world, number)
    await types(world, "gus", "#ops", "/plan staging")
    history = (await types(world, "lee", "#ops", "/infra history staging today")).ephemerals[-1]
    assert f"#{number} Plan" in history.rendered
    assert ": rejected" in history.rendered
    assert f"@lee rejected #{number}" in history.rendered
    story = (await types(world, "lee", "#ops", f"/infra show {number}")).ephemerals[-1]
    for piece in (
        "requested",
        "planned",
        "3 to replace",
        "rejected* by @lee",
        "ended",
        "commented* by @ana",
        "Is <b> &",
    ):
        assert piece in story.rendered
    assert "xoxb-1234" not in story.rendered
    assert "Not recorded" not in story.rendered
    assert "its thread" in story.rendered
    refusals = (await types(world, "lee", "#ops", "/infra history refusals")).ephemerals[-1]
    assert "@gus was refused" in refusals.rendered
    assert "Older" not in str(refusals.buttons)


async def test_a_start_records_which_configuration_it_has_loaded(shared_world: World) -> None:
    rows = moments.rows(shared_world, "SELECT detail FROM signalbox_audit WHERE action = 'configuration loaded'")
    detail = json.loads(str(rows[-1][0]))
    assert len(detail["digest"]) == 64
    assert detail["worker"] == "serve"
