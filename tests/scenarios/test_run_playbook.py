"""/run with a playbook: what is refused before anybody approves, Cancel, and the worst moments for a kill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios import moments, staged
from tests.scenarios.acting import clicks, gets_notice, infrastructure, shows, types
from tests.scenarios.staged import OWN_OPERATION

if TYPE_CHECKING:
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld
    from tests.scenarios.staged import Gate

pytestmark = pytest.mark.slow("runs Ansible, which takes seconds of processor time for each playbook")
SHARED = {"config": OWN_OPERATION}


async def started(world: World, words: str = "") -> None:
    """Ana types it, Lee approves."""
    await types(world, "ana", "#staging", f"/run rotate{words}")
    await clicks(world, "lee", await shows(world, "#staging", "Run rotate", "waiting for approval"), "approve")


def rotate_waits(world: World) -> Gate:
    """The playbook of `rotate` waits at a gate."""
    gate = staged.gate(world, "staging", "rotate")
    text = infrastructure(world).graph.resolve("main").files["provisioners/deploy-cron.yml"].decode()
    play = text.partition("  tasks:\n")[0].replace("hosts: cron", "hosts: cron:backend")
    task = f"  tasks:\n    - name: Rotate\n      ansible.builtin.shell: {gate.command}\n"
    infrastructure(world).commit("main", {"provisioners/rotate.yml": play + task}, "Rotate the logs")
    return gate


async def test_what_cannot_run_is_refused_before_anybody_approves(shared_world: World) -> None:
    world, ana = shared_world, shared_world.person("ana")
    await types(world, "ana", "#staging", "/run rotate bakend,cron")
    await gets_notice(ana, "rotate has no machine type “bakend”; did you mean “backend”?")
    await types(world, "ana", "#staging", "/run rotate crn")
    await gets_notice(ana, "neither a branch or tag nor a machine type of rotate; did you mean “cron”?")
    await types(world, "ana", "#staging", "/run lost")
    failed = await shows(
        world, "#staging", "Run lost", ":x:", "There is no playbook deploy-crn.yml", "There is deploy-cron.yml"
    )
    assert "nothing was started" in failed.rendered


@pytest.mark.parametrize("moment", ["bot alone", "everything"])
async def test_a_playbook_of_an_operation_runs_once(start_world: StartWorld, moment: str) -> None:
    world = await start_world(config=OWN_OPERATION)
    gate = rotate_waits(world)
    await started(world, " cron")
    await gate.reached()
    if moment == "bot alone":
        await world.bot.kill()
        await world.bot.start()
        gate.open()
        done = await shows(world, "#staging", "#1 ", ":white_check_mark:", "ran rotate on 1 host")
        assert "staging-cron" in done.rendered
        assert "staging-backend" not in done.rendered
    else:
        await moments.machine_is_lost(world)
        await world.bot.start()
        lost = await shows(world, "#staging", "#1 ", "interrupted during rotate.yml, and not started again")
        assert "Check its hosts, then run /run rotate cron" in lost.rendered.replace("`", "")
        gate.open()
    assert gate.times_run == 1
    staged.one_message_each(world, "#staging", 1)


async def test_a_cancelled_playbook_stops_and_the_rest_is_named(start_world: StartWorld) -> None:
    world = await start_world(config=OWN_OPERATION)
    gate = rotate_waits(world)
    await started(world)
    await gate.reached()
    running = await shows(world, "#staging", "#1 ", "running rotate.yml", "Cancel")
    await clicks(world, "ana", running, "Cancel")
    message = await shows(world, "#staging", "#1 ", ":octagonal_sign:", "@ana cancelled it")
    assert "Not run: cron" in message.rendered
    assert gate.times_run == 1
    gate.open()
