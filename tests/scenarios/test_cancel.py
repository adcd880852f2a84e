"""Cancel: by people who may, once, in a plan and in an apply; also when the bot is killed in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.scenarios.acting import (
    answered,
    clicks,
    forged,
    gets_notice,
    operations_in,
    rejects,
    shows,
    thread_of,
    types,
)
from tests.scenarios.moments import processes_of, suspended, until
from tests.scenarios.staged import asked, machines_wait

if TYPE_CHECKING:
    from sandbox.world import World


async def test_a_plan_is_cancelled_by_whoever_asked_for_it_and_nothing_is_left(shared_world: World) -> None:
    world = shared_world
    before = len(operations_in(world))
    await types(world, "ana", "#dev", "/plan dev")
    await suspended(world, "plan")
    planning = await shows(world, "#dev", f"#{before + 1} ", "planning")
    assert planning.buttons == ["Cancel"]
    old = planning.snapshot()
    await clicks(world, "gus", planning, "Cancel")
    await gets_notice(world.person("gus"), "You may not decide for dev")
    await clicks(world, "ana", planning, "Cancel")
    await gets_notice(world.person("ana"), "is being stopped; its message will say what was done")
    ended = await shows(world, "#dev", f"#{before + 1} ", ":octagonal_sign:", "cancelled by @ana")
    assert not ended.buttons
    assert not thread_of(world, ended)
    await until(lambda: not processes_of(world))
    await until(lambda: not list((world.files / "var" / "operations").iterdir()))
    await clicks(world, "ana", old, "Cancel")
    await gets_notice(world.person("ana"), f"#{before + 1} is over already; there is nothing to cancel.")
    await types(world, "ana", "#dev", "/plan dev")
    await shows(world, "#dev", f"#{before + 2} ", "up to date")


async def test_an_apply_is_cancelled_once_by_one_of_those_who_may(shared_world: World) -> None:
    world = shared_world
    before = len(operations_in(world))
    gate = machines_wait(world)
    ask = await asked(world, "/plan staging", "#staging", f"#{before + 1} ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await gate.reached(3)
    applying = await shows(world, "#staging", f"#{before + 1} ", "applying", "Cancel")

    await clicks(world, "gus", applying, "Cancel")
    await gets_notice(world.person("gus"), "You may not decide for staging; anyone of @infra may.")
    for value in (str(before), "7" * 30, "-1", "x", ""):
        answer = await answered(world, "lee", forged(applying, value=value), "Cancel")
        assert "does not belong to this message" in answer or "I do not know this operation" in answer
    assert "applying" in applying.rendered, "a forged button cancelled something"

    old = applying.snapshot()
    await world.person("max").click(old, "Cancel")
    await gets_notice(world.person("max"), f"#{before + 1} is being stopped")
    await world.person("lee").click(old, "Cancel")
    ended = await shows(world, "#staging", f"#{before + 1} ", "@max cancelled the apply after", "What was done stays")
    assert ended.buttons == ["New plan"]
    assert gate.times_run == 3
    await until(lambda: not processes_of(world))

    gate.open()
    old = ended.snapshot()
    for _ in range(2):
        await world.person("ana").click(old, "New plan")
    rest = await shows(world, "#staging", f"#{before + 2} ", "Waiting for approval")
    assert "A new plan was begun from this message already: it is #" in await answered(world, "ana", old, "New plan")
    await rejects(world, "ana", rest)
    await shows(world, "#staging", f"#{before + 2} ", "rejected")
    assert len(operations_in(world)) == before + 2


async def test_a_bot_that_is_killed_right_after_cancel_still_cancels(world: World) -> None:
    gate = machines_wait(world)
    ask = await asked(world, "/plan staging", "#staging", "#1 ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await gate.reached(3)
    applying = await shows(world, "#staging", "#1 ", "applying", "Cancel")
    await clicks(world, "lee", applying, "Cancel")
    await gets_notice(world.person("lee"), "#1 is being stopped")
    await world.bot.kill()
    await world.bot.start()
    ended = await shows(world, "#staging", "#1 ", "@lee cancelled the apply after")
    assert ended.buttons == ["New plan"]
    assert len(world.channel("#staging").messages) == 1
    assert gate.times_run == 3
