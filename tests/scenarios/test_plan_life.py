"""What becomes of a plan that waits: the word that must be typed, the branch that moves on, a new plan, a restart."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from sandbox.exchanges import DropConnectionError, Exchange
from sandbox.stories._acting import until
from sandbox.stories._infrastructure import change_state, commit_images, images_of
from tests.scenarios.acting import answered, clicks, infrastructure, operations_in, rejects, shows, types

if TYPE_CHECKING:
    from sandbox.slack import Message
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

VARIABLES = "      variables: [backend_ami, ready_when]\n"
PROTECTED = {VARIABLES: f"{VARIABLES}      protected: [terraform_data]\n"}
NOTE = "instances/staging/NOTE.md"


async def planned(world: World, environment: str = "staging") -> Message:
    """Ana plans; the message that waits."""
    number = len(operations_in(world)) + 1
    await types(world, "ana", f"#{environment}", f"/plan {environment}")
    return await shows(world, f"#{environment}", f"#{number} ", "Waiting for approval")


async def test_the_word_is_asked_of_those_who_may_approve_and_only_the_right_one_counts(
    start_world: StartWorld,
) -> None:
    world = await start_world(config=PROTECTED)
    ask = await planned(world)
    assert "Protected, and this plan would lose it:" in ask.rendered
    assert "To approve, type `staging`." in ask.rendered
    lee = world.person("lee")
    for name, why in (("gus", "You may not approve for staging"), ("ana", "You asked for this yourself")):
        assert why in await answered(world, name, ask, "approve")
        assert world.person(name).view is None, f"{name} was asked for the word"

    await clicks(world, "lee", ask, "approve")
    view = await lee.wait_for_view()
    for wrong in ("prod", "Staging", "staging prod", "stagin", "approve"):
        answer = await lee.submit(view, {"word": wrong})
        assert answer.errors == {"word": "That is not staging. Nothing was approved."}, wrong
    assert [status for _, _, status in operations_in(world)] == ["approval"]

    await world.bot.restart()
    infrastructure(world).commit("main", {NOTE: "moved"}, "Note while the word is typed")
    # The message displays the move, behind the open modal.
    await shows(world, "#staging", "#1 ", "Note while the word is typed", "Waiting for approval")
    answer = await lee.submit(view, {"word": "staging"})
    assert "Nothing was approved yet: the branch has moved on" in answer.errors["word"]
    answer = await lee.submit(view, {"word": " staging "})
    assert answer.closed, answer.errors
    done = await shows(world, "#staging", "#1 ", "applied", "approved by @lee")
    assert not done.buttons


async def test_the_right_word_is_too_late_when_the_plan_has_expired_or_was_rejected(start_world: StartWorld) -> None:
    world = await start_world(config={**PROTECTED, "expires_after: 1h": "expires_after: 12s"})
    ask = await planned(world)
    lee = world.person("lee")
    await clicks(world, "lee", ask, "approve")
    view = await lee.wait_for_view()
    expired = await shows(world, "#staging", "#1 ", "expired, nothing was applied")
    answer = await lee.submit(view, {"word": "staging"})
    assert "This approval has expired; nothing was done." in answer.errors["word"]
    await lee.close(view)

    before = expired.snapshot()
    for _ in range(2):
        await world.person("ana").click(before, "New plan")
    ask = await shows(world, "#staging", "#2 ", "Waiting for approval")
    await shows(world, "#staging", "#1 ", "new plan: #2 Plan for staging")
    assert not expired.buttons
    await clicks(world, "lee", ask, "approve")
    view = await lee.wait_for_view()
    await rejects(world, "max", ask)
    await shows(world, "#staging", "#2 ", "rejected by @max")
    answer = await lee.submit(view, {"word": "staging"})
    assert "This was already rejected" in answer.errors["word"]
    assert len(operations_in(world)) == 2, "New plan, pressed twice, began two"


async def test_many_losses_take_the_word_and_few_do_not(start_world: StartWorld) -> None:
    world = await start_world(config={VARIABLES: f"{VARIABLES}      confirm_above: 2\n"})
    ask = await planned(world)
    assert "This plan destroys or replaces more than usual." in ask.rendered
    await clicks(world, "lee", ask, "approve")
    await world.person("lee").close(await world.person("lee").wait_for_view())
    await rejects(world, "ana", ask)
    await shows(world, "#staging", "#1 ", "rejected")

    commit_images(world, "staging", {**images_of("staging", 4), **_two_of(3)}, "Replace one machine alone")
    ask = await planned(world)
    assert "1 to replace" in ask.rendered
    assert "more than usual" not in ask.rendered
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#2 ", "applied")
    assert world.person("lee").view is None


def _two_of(generation: int) -> dict[str, str]:
    images = images_of("staging", generation)
    return {machine: images[machine] for machine in ("cron", "taskrunner", "sftp")}


async def test_commits_since_the_plan_are_shown_before_anyone_approves(shared_world: World) -> None:
    world = shared_world
    ask = await planned(world)
    made = [infrastructure(world).commit("main", {NOTE: text}, f"Note <{text}>") for text in ("one", "two")]
    answer = await answered(world, "lee", ask, "approve")
    assert "main has moved on by 2 commits since this plan:" in answer.replace("`", "")
    assert "Your approval was not counted" in answer
    ask = await shows(world, "#staging", "moved on by 2 commits since this plan", "Waiting for approval")
    for commit in made:
        assert commit.short in ask.rendered
        assert f"{world.github.url}/PermanentOrg/infrastructure/commit/{commit.sha}" in json.dumps(ask.blocks)
    assert "Note <one>" in ask.rendered

    await world.bot.restart()
    infrastructure(world).commit("main", {NOTE: "three"}, "Note three")
    assert "moved on by 3 commits" in await answered(world, "max", ask, "approve")
    ask = await shows(world, "#staging", "moved on by 3 commits since this plan", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    done = await shows(world, "#staging", ask.rendered.split(" ", 2)[1], "applied", "approved by @lee")
    assert "moved on" not in done.rendered


async def test_a_branch_that_went_back_is_said_and_a_silent_github_hinders_nobody(start_world: StartWorld) -> None:
    world = await start_world()
    graph = infrastructure(world).graph
    before = graph.resolve("main").sha
    infrastructure(world).commit("main", {NOTE: "one"}, "To be taken back")
    ask = await planned(world)
    graph.branch("main", before)
    assert "no longer has the commit of this plan" in await answered(world, "lee", ask, "approve")
    ask = await shows(world, "#staging", "no longer has the commit of this plan", "Waiting for approval")
    await rejects(world, "ana", ask)
    await shows(world, "#staging", "#1 ", "rejected")

    ask = await planned(world)

    async def fails(exchange: Exchange) -> None:
        if "/commits/" in exchange.path and exchange.phase == "before":
            raise DropConnectionError

    world.github.on_request.append(fails)
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#2 ", "applied", "approved by @lee")


async def test_a_stale_plan_leads_to_one_new_plan_by_whoever_may(shared_world: World) -> None:
    world = shared_world
    infrastructure(world).commit("main", {"instances/staging/session.auto.tfvars.json": _key(7)}, "Renew the key")
    ask = await planned(world)
    before = len(operations_in(world))
    change_state(world, "staging")
    await clicks(world, "lee", ask, "approve")
    refused = await shows(world, "#staging", f"#{before} ", "not applied", "state has changed since this plan was made")
    assert refused.buttons == ["New plan"]
    assert "You may not run" in await answered(world, "gus", refused, "New plan")
    await world.bot.restart()
    old = refused.snapshot()
    await asyncio.gather(*(world.person(name).click(old, "New plan") for name in ("ana", "lee", "ana")))
    ask = await shows(world, "#staging", f"#{before + 1} ", "Waiting for approval")
    assert "A new plan was begun from this message already: it is #" in await answered(world, "ana", old, "New plan")
    await shows(
        world, "#staging", f"#{before} ", "not applied", f"new plan: #{before + 1} Plan for staging", "requested by @"
    )
    assert not refused.buttons
    await rejects(world, "max", ask)
    await shows(world, "#staging", f"#{before + 1} ", "rejected")
    assert len(operations_in(world)) == before + 1


def _key(generation: int) -> str:
    return json.dumps({"session_key_generation": generation})


async def test_a_bot_that_is_killed_as_the_new_plan_begins_still_takes_the_button_away(start_world: StartWorld) -> None:
    world = await start_world(config={"expires_after: 1h": "expires_after: 5s"})
    await planned(world)
    expired = await shows(world, "#staging", "#1 ", "expired, nothing was applied")
    old = expired.snapshot()
    await world.person("ana").click(old, "New plan")
    await until(lambda: len(operations_in(world)) == 2, "no new plan was begun")
    await world.bot.kill()
    await world.bot.start()
    await shows(world, "#staging", "#1 ", "new plan: #2 Plan for staging")
    assert not expired.buttons
    assert "A new plan was begun from this message already: it is #" in await answered(world, "ana", old, "New plan")
    await shows(world, "#staging", "#2 ", "expired, nothing was applied")
    assert len(operations_in(world)) == 2
