"""Going first in a real bot: people agree, the plan stays or is made again, and a kill in between changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.scenarios.acting import clicks, gets_notice, rejects, shows, types

if TYPE_CHECKING:
    from sandbox.world import World


async def test_who_may_approve_agrees_and_a_kill_meanwhile_loses_nothing(world: World) -> None:
    await types(world, "lee", "#prod", "/plan prod")
    plan = await shows(world, "#prod", "#1 ", "needs 2 approvals")
    await clicks(world, "max", plan, "approve")
    await types(world, "ana", "#prod", "/deploy prod")
    deploy = await shows(world, "#prod", "#2 ", "queued behind #1")
    await clicks(world, "ana", deploy, "go-first")
    await gets_notice(world.person("ana"), "Asked those who may decide about #1")
    question = await shows(world, "#prod", "@ana asks that #2 ", "stays as it is unless its state changes")
    assert question.thread_ts == plan.ts
    await clicks(world, "ana", question, "let-go-first")
    await gets_notice(world.person("ana"), "You may not decide for prod")
    await clicks(world, "max", question, "let-go-first")
    await gets_notice(world.person("max"), "#2 goes first")
    await world.bot.kill()
    await world.bot.start()
    await shows(world, "#prod", ":x:", "#2 ", "prod only gets what dev runs")
    plan = await shows(world, "#prod", "#1 ", "#2 went first", "this plan stays as it is", "needs 1 more approval")
    await clicks(world, "max", question, "let-go-first")
    await gets_notice(world.person("max"), "not directly behind a plan")
    await rejects(world, "lee", plan)
    await shows(world, "#prod", "#1 ", "rejected by @lee")


async def test_a_plan_whose_state_has_changed_meanwhile_is_made_again(world: World) -> None:
    await types(world, "ana", "#staging", "/plan staging")
    await shows(world, "#staging", "#1 ", "Waiting for approval")
    await types(world, "lee", "#staging", "/deploy staging")
    deploy = await shows(world, "#staging", "#2 ", "queued behind #1")
    await clicks(world, "lee", deploy, "go-first")
    deploy = await shows(world, "#staging", "#2 ", "Waiting for approval")
    path = world.state_of("staging")
    state = json.loads(path.read_text())
    path.write_text(json.dumps(state | {"serial": state["serial"] + 1}))
    await rejects(world, "lee", deploy)
    await shows(world, "#staging", "#1 ", "the state changed while #2 went first", "#3 plans again")
    await shows(world, "#staging", "@ana", "#1 ", "the state changed", notice=True)
    again = await shows(world, "#staging", "#3 ", "Plan for staging", "Waiting for approval")
    await rejects(world, "ana", again)
    await shows(world, "#staging", "#3 ", "rejected by @ana")
