"""A newer plan replaces an older one that waits for approval; a deploy only waits behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.scenarios.acting import answered, clicks, gets_notice, operations_in, rejects, shows, types
from tests.scenarios.moments import rows

if TYPE_CHECKING:
    from sandbox.world import World


async def test_a_newer_plan_takes_over_between_two_approvals_and_the_older_cannot_be_approved(
    shared_world: World,
) -> None:
    world = shared_world
    before = len(operations_in(world))
    older, newer = f"#{before + 1} ", f"#{before + 2} "
    await types(world, "ana", "#prod", "/plan prod")
    ask = await shows(world, "#prod", older, "needs 2 approvals")
    await clicks(world, "lee", ask, "approve")
    ask = await shows(world, "#prod", older, "needs 1 more approval")
    stale = ask.snapshot()

    await types(world, "ana", "#prod", "/plan prod -ref=main")
    missing = await shows(
        world, "#prod", older, ":fast_forward:", f"superseded by {newer.strip()}, nothing was applied"
    )
    assert not missing.buttons
    assert "approved by @lee" in missing.rendered
    assert "superseded by a newer request for approval" in missing.rendered
    assert f":arrow_right: newer plan: {newer}Plan for prod" in missing.rendered
    assert f"|{newer}Plan for prod -ref=main>" in str(missing.blocks), "the newer plan is not linked to"
    ask = await shows(world, "#prod", newer, "needs 2 approvals")

    for button in ("approve", "reject"):
        answer = await answered(world, "max", stale, button)
        assert "A newer request for approval replaced this one; your click changed nothing." in answer
    assert dict(_statuses(world)) | {before + 1: "superseded", before + 2: "approval"} == dict(_statuses(world))
    votes = "SELECT a.operation FROM signalbox_votes v JOIN signalbox_approvals a ON v.approval = a.id"
    assert (before + 2,) not in rows(world, votes), "an approval of the older counts for the newer"

    await world.bot.restart()
    assert not missing.buttons
    for name in ("lee", "max"):
        await clicks(world, name, ask, "approve")
    await shows(world, "#prod", newer, "applied", "approved by @lee", "approved by @max")
    assert "nothing was applied" in missing.rendered


async def test_a_deploy_waits_for_a_plan_and_does_not_supersede_it(shared_world: World) -> None:
    world = shared_world
    before = len(operations_in(world))
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", f"#{before + 1} ", "Waiting for approval")
    await types(world, "ana", "#staging", "/deploy staging")
    await shows(world, "#staging", f"#{before + 2} ", f"queued behind #{before + 1}", "which waits for approval")
    assert "Waiting for approval" in ask.rendered
    await rejects(world, "ana", ask)
    deploy = await shows(world, "#staging", f"#{before + 2} ", "Waiting for approval")
    await types(world, "ana", "#staging", "/plan staging")
    await shows(world, "#staging", f"#{before + 3} ", f"queued behind #{before + 2}")
    assert "Waiting for approval" in deploy.rendered, "a plan superseded a deploy"
    await rejects(world, "ana", deploy)
    ask = await shows(world, "#staging", f"#{before + 3} ", "Waiting for approval")
    await rejects(world, "ana", ask)
    await shows(world, "#staging", f"#{before + 3} ", "rejected")


async def test_a_bot_that_is_killed_while_a_plan_is_superseded_comes_back_to_the_newer(world: World) -> None:
    await types(world, "ana", "#staging", "/plan staging")
    old = (await shows(world, "#staging", "#1 ", "Waiting for approval")).snapshot()
    await types(world, "lee", "#staging", "/plan staging -ref=main")
    await world.bot.kill()
    await world.bot.start()
    await shows(world, "#staging", "#1 ", "superseded by #2")
    ask = await shows(world, "#staging", "#2 ", "Waiting for approval")
    await clicks(world, "max", old, "approve")
    await gets_notice(world.person("max"), "A newer request for approval replaced this one")
    await clicks(world, "max", ask, "approve")
    await shows(world, "#staging", "#2 ", "applied", "approved by @max")
    assert len(world.channel("#staging").messages) == 2


def _statuses(world: World) -> list[tuple[int, str]]:
    return [(number, status) for number, _, status in operations_in(world)]
