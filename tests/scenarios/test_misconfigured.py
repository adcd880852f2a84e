"""A configuration that loads but does not fit the world: each is said where it matters, and starts nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.scenarios.acting import operations_in, shows, thread_of, types

if TYPE_CHECKING:
    from sandbox.world import World

_CLOSED = (datetime.now(UTC) + timedelta(days=2)).strftime("%a")
_ANSIBLE = (
    'ansible: {directory: provisioners, playbook: "deploy-{machine}.yml", user: deployer, connection: local, '
    "secret_vars: {database_url: NOBODY_SET_THIS}}"
)
SHARED = {
    "config": {
        'channel: "#staging"\n    machines: [backend, ': 'channel: "#staging"\n    machines: [ghost, ',
        "github_actions: {workflow: deploy-dev.yml, ref: main}": _ANSIBLE,
        "directory: instances/dev\n": "directory: instances/nowhere\n",
        "    after: dev\n": f'    windows: ["{_CLOSED} 03:00-04:00 UTC"]\n',
    }
}


async def test_a_machine_that_does_not_run_is_named_with_its_tag(shared_world: World) -> None:
    await types(shared_world, "ana", "#staging", "/deploy staging")
    failed = await shows(shared_world, "#staging", ":x:", "nothing was deployed", "staging ghost")
    assert not failed.buttons
    assert not (shared_world.machines_of("staging") / "servers").exists()


async def test_a_secret_that_the_bot_was_started_without_is_named(shared_world: World) -> None:
    await types(shared_world, "ana", "#dev", "/deploy dev")
    failed = await shows(shared_world, "#dev", ":x:", "The bot was started without NOBODY_SET_THIS")
    assert not thread_of(shared_world, failed)


async def test_a_terraform_directory_that_is_not_in_the_code_is_said(shared_world: World) -> None:
    await types(shared_world, "ana", "#dev", "/plan dev")
    await shows(shared_world, "#dev", ":x:", "Plan for dev", "instances/nowhere")


async def test_outside_of_its_windows_an_environment_is_not_changed(shared_world: World) -> None:
    before = operations_in(shared_world)
    reply = await types(shared_world, "ana", "#prod", "/deploy prod")
    assert f"prod is only changed during {_CLOSED} 03:00-04:00 UTC" in reply.ephemerals[0].rendered
    assert "The next window opens" in reply.ephemerals[0].rendered
    assert operations_in(shared_world) == before
