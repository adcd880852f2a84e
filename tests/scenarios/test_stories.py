"""Every story that the sandbox can act out passes; the main one over Socket Mode and on PostgreSQL as well."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest

from sandbox import stories
from sandbox.slack import payloads
from tests.scenarios.acting import operations_in, shows, types
from tests.scenarios.conftest import running
from tests.scenarios.first_texts import check_first_texts

if TYPE_CHECKING:
    from sandbox.bot_process import Launch
    from sandbox.world import World
    from tests.forked_aws import StartAws
    from tests.scenarios.conftest import StartWorld

STORIES = stories.find()
# What Slack refuses in a story because of what people do there, not because of the bot.
REFUSED = {"message-deleted": ("message_not_found", "is_inactive", "is_archived")}
_SSHD = [pytest.mark.needs_sshd]
NEEDS = {"host-key-changed": _SSHD, "run-playbook": _SSHD, "worker-gone": [pytest.mark.needs_postgres]}


@pytest.mark.slow("stories show GitHub's runs and Ansible at work, which take their time")
@pytest.mark.parametrize("name", [pytest.param(name, marks=NEEDS.get(name, ())) for name in STORIES])
async def test_goes_as_told(start_world: StartWorld, start_aws: StartAws, forked: Launch, name: str) -> None:
    story = STORIES[name]
    if story.own_aws:
        async with start_aws() as aws, running(replace(story.options, aws=aws), launch=forked) as world:
            await story.play(world)
            check_first_texts(world)
        return
    message = story.options
    options = {field.name: getattr(message, field.name) for field in fields(message) if field.name != "aws"}
    world = await start_world(tolerates=REFUSED.get(name, ()), **options)
    await story.play(world)
    check_first_texts(world)


async def test_the_main_job_over_socket_mode_survives_reconnecting_and_redelivery(start_world: StartWorld) -> None:
    world = await start_world(socket_mode=True)
    await STORIES["plan-approve-apply"].play(world)

    await world.slack.socket_mode.disconnect("refresh_requested")
    await connected(world)
    await types(world, "ana", "#dev", "/plan dev")
    await shows(world, "#dev", "#3 ", "up to date")
    world.slack.socket_mode.drop()
    await connected(world)
    await types(world, "ana", "#dev", "/plan dev")
    await shows(world, "#dev", "#4 ", "up to date")

    fields = payloads.command_fields(
        world.slack.backend,
        world.person("ana").user,
        world.channel("#dev"),
        world.slack.backend.registration.commands["/deploy"],
        "dev main",
    )
    for number in range(3):
        envelope = {"envelope_id": f"again-{number}", "type": "slash_commands", "payload": fields}
        await world.slack.socket_mode.redeliver({**envelope, "accepts_response_payload": True})
    await shows(world, "#dev", "#5 Deploy main to dev", "deployed")
    assert len(operations_in(world)) == 5


async def connected(world: World) -> None:
    async with asyncio.timeout(60):
        while not world.slack.socket_mode.connections:  # noqa: ASYNC110  -- the stand-in sends no event
            await asyncio.sleep(0.05)


@pytest.mark.needs_postgres
async def test_the_main_job_on_postgresql(start_world: StartWorld, database_url: str) -> None:
    world = await start_world(environment={"DATABASE_URL": database_url})
    await STORIES["plan-approve-apply"].play(world)
    await world.bot.restart()
    await types(world, "ana", "#staging", "/plan staging")
    await shows(world, "#staging", "#3 ", "up to date")
    assert not list(world.files.glob("var/*.sqlite"))
