"""What the bot shows and takes as a whole: help, the Home tab, the manifest's commands, and a burst of commands."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest
import yaml

from bot.inbound.app import find_handlers
from sandbox.bot_process import PROJECT
from tests.scenarios.acting import infrastructure, operations_in, shows, types

if TYPE_CHECKING:
    from sandbox.slack import Message
    from sandbox.world import World

REGISTRY = find_handlers()
COMMANDS = {command.name: command for command in REGISTRY.commands}


def test_the_manifest_has_the_commands_that_are_registered() -> None:
    declared = yaml.safe_load((PROJECT / "app.yaml").read_text())["features"]["slash_commands"]
    assert {item["command"] for item in declared} == set(COMMANDS)
    assert all(command.usage.startswith(name) for name, command in COMMANDS.items())


@pytest.mark.parametrize("text", ["/infra", "/infra help"])
async def test_help_lists_what_one_may_do_with_examples_of_the_channel(shared_world: World, text: str) -> None:
    reply = await types(shared_world, "ana", "#staging", text)
    rendered = reply.ephemerals[0].rendered
    summaries = [command.summary for command in COMMANDS.values() if command.name != "/infra"]
    summaries += [topic.summary for topic in REGISTRY.topics]
    assert [summary for summary in summaries if summary not in rendered] == []
    assert "`/deploy staging` Deploy code" in rendered
    assert "<" not in rendered
    own = await types(shared_world, "ana", "#staging", "/infra help deploy")
    assert COMMANDS["/deploy"].usage in own.ephemerals[0].rendered
    clicked = await shared_world.person("ana").click(reply.ephemerals[0], "Status")
    assert clicked.ok
    await shared_world.person("ana").wait_for_ephemeral(lambda posted: "Last operations" in posted.rendered)


async def test_help_is_free_and_says_whom_to_ask(shared_world: World) -> None:
    reply = await types(shared_world, "gus", "#staging", "/infra help")
    assert "You may not run Signalbox's commands here" in reply.ephemerals[0].rendered
    assert "ask them" in reply.ephemerals[0].rendered
    assert "/deploy" not in reply.ephemerals[0].rendered


async def test_the_home_tab_shows_how_things_stand_to_those_who_may_know(shared_world: World) -> None:
    home = await shared_world.person("ana").open_home()
    assert "dev: no deploy by Signalbox yet" in home.rendered.replace("*", "")
    assert "None yet." in home.rendered
    guest = await shared_world.person("gus").open_home()
    assert "Ask that team" in guest.rendered
    assert "dev" not in guest.rendered.replace("deploys", "")


async def test_status_and_audit_tell_what_happened_to_operators_alone(shared_world: World) -> None:
    await types(shared_world, "ana", "#dev", "/plan dev")
    await shows(shared_world, "#dev", "up to date")
    async with asyncio.timeout(30):  # its message shows the end a moment before the list does
        rendered = ""
        while "#1 Plan for dev: up to date" not in rendered:
            rendered = (await types(shared_world, "lee", "#ops", "/infra status")).ephemerals[0].rendered
    audit_log = await types(shared_world, "lee", "#ops", "/infra audit 5")
    assert "@ana #1 plan in dev" in audit_log.ephemerals[0].rendered
    for text in ("/infra status", "/infra audit"):
        refused = await types(shared_world, "gus", "#ops", text)
        assert "You may not run Signalbox's commands" in refused.ephemerals[0].rendered


def has(text: str, message: Message) -> bool:
    return text in message.rendered


async def test_a_command_is_answered_where_it_was_typed_with_a_link_to_its_operation(world: World) -> None:
    ana = world.person("ana")
    for channel, number in (("#random", 1), ("#dev", 2)):  # the bot is no member of #random
        await types(world, "ana", channel, "/plan dev")
        begun = f"Started #{number}: Plan for dev"
        answer = await ana.wait_for_ephemeral(partial(has, begun))
        assert answer.channel == world.channel(channel).id
        message = await shows(world, "#dev", f"#{number} ", "up to date")
        assert any(message.ts.replace(".", "") in link for link in answer.links)
    assert len(ana.ephemerals) == 2
    await types(world, "gus", "#random", "/plan dev")
    assert "You may not run" in world.person("gus").ephemerals[-1].rendered
    assert len(world.person("gus").ephemerals) == 1


async def test_thirty_deploys_at_once_are_all_acknowledged_and_each_begins_once(world: World) -> None:
    async def item(number: int) -> str:
        branch = f"b{number}"
        infrastructure(world).graph.branch(branch, "main")
        infrastructure(world).commit(branch, {"README.md": branch}, "Another commit, so that it is another deploy")
        reply = await world.person(("ana", "lee", "max")[number % 3]).type("#dev", f"/deploy dev {branch}")
        assert reply.ok, reply.error  # Slack's stand-in gives a command three seconds, of an idle machine
        return branch

    branches = await asyncio.gather(*(item(number) for number in range(30)))
    async with asyncio.timeout(60):
        while len(operations_in(world)) < 30:  # noqa: ASYNC110  -- a database sends no event
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    titles = sorted(title for _, title, _ in operations_in(world))
    assert titles == sorted(f"Deploy {branch} to dev" for branch in branches)
