"""An environment runs one operation at a time; different environments run side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.scenarios.acting import clicks, decisions, infrastructure, operations_in, rejects, shows, types

if TYPE_CHECKING:
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

# Each operation then has a state of its own beside the code: two environments may not write one directory.
NO_PATHS = {
    f'      backend_config: {{path: "{{files}}/state/{name}/terraform.tfstate"}}\n': "" for name in ("staging", "prod")
}


async def test_the_second_deploy_says_what_it_waits_for_and_goes_on_after_the_first(shared_world: World) -> None:
    repository = infrastructure(shared_world)
    repository.slow_next("deploy-dev.yml", job="sftp", times_slower=8)
    await types(shared_world, "ana", "#dev", "/deploy dev main")
    await shows(shared_world, "#dev", "Deploy main to dev", "deploying")
    await types(shared_world, "lee", "#dev", "/deploy dev staging")
    waits = await shows(
        shared_world,
        "#dev",
        "Deploy staging to dev",
        "queued behind #1 (Deploy main to dev, requested by @ana), which is deploying",
    )
    assert len(repository.runs) == 1
    done = await shows(shared_world, "#dev", ":white_check_mark:", "Deploy staging to dev")
    assert done is waits, "the operation that waited has a second message"
    first, second = sorted(repository.runs.values(), key=lambda run: run.run_id)
    assert second.created_at > first.updated_at, "the second started before the first had ended"


async def test_while_one_waits_for_approval_others_queue_and_other_environments_go_on(shared_world: World) -> None:
    before = len(operations_in(shared_world))
    first, second = f"#{before + 1} ", f"#{before + 2} "
    await types(shared_world, "ana", "#staging", "/plan staging")
    ask = await shows(shared_world, "#staging", first, "Waiting for approval")
    await types(shared_world, "ana", "#staging", "/deploy staging")
    await shows(shared_world, "#staging", second, f"queued behind {first}", "which waits for approval")
    await types(shared_world, "ana", "#dev", "/plan dev")
    await shows(shared_world, "#dev", "Plan for dev", "up to date")

    await rejects(shared_world, "lee", ask)
    ask = await shows(shared_world, "#staging", second, "Waiting for approval")
    await rejects(shared_world, "ana", ask)
    cancelled = await shows(shared_world, "#staging", second, "rejected, nothing was deployed", "rejected by @ana")
    assert not decisions(cancelled)


async def test_one_that_waits_can_be_withdrawn_at_once_and_never_begins(shared_world: World) -> None:
    before = len(operations_in(shared_world))
    first, second = f"#{before + 1} ", f"#{before + 2} "
    runs = len(infrastructure(shared_world).runs)
    await types(shared_world, "ana", "#staging", "/plan staging")
    ask = await shows(shared_world, "#staging", first, "Waiting for approval")
    await types(shared_world, "ana", "#staging", "/deploy staging")
    waits = await shows(shared_world, "#staging", second, f"queued behind {first}")
    await clicks(shared_world, "ana", waits, "Cancel")
    cancelled = await shows(shared_world, "#staging", second, "cancelled by @ana before it had begun", "ended ")
    assert not cancelled.buttons
    assert decisions(ask), "the one ahead still waits for its decision"
    await rejects(shared_world, "ana", ask)
    rejected = await shows(shared_world, "#staging", first, "rejected by @ana")
    assert " after " in rejected.rendered
    await types(shared_world, "ana", "#staging", "/plan staging")
    ask = await shows(shared_world, "#staging", f"#{before + 3} ", "Waiting for approval")
    assert len(infrastructure(shared_world).runs) == runs
    await rejects(shared_world, "ana", ask)


async def test_a_newer_plan_takes_the_place_of_one_that_waits(shared_world: World) -> None:
    await types(shared_world, "ana", "#prod", "/plan prod")
    old = await shows(shared_world, "#prod", "Plan for prod", "Waiting for approval")
    await types(shared_world, "lee", "#prod", "/plan prod -ref=main")
    ask = await shows(shared_world, "#prod", "Waiting for approval", "requested by @lee")
    assert "superseded by" in old.rendered
    assert not decisions(old)
    await rejects(shared_world, "max", ask)
    await shows(shared_world, "#prod", "rejected by @max")


async def test_environments_with_the_same_state_wait_for_each_other(start_world: StartWorld) -> None:
    world = await start_world(config={"directory: instances/production\n": "directory: instances/staging\n"} | NO_PATHS)
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "#1 ", "Waiting for approval")
    await types(world, "lee", "#prod", "/plan prod")
    await shows(
        world, "#prod", "#2 ", "queued behind #1 (Plan for staging, requested by @ana), which waits for approval"
    )
    await rejects(world, "lee", ask)
    await shows(world, "#prod", "#2 ", "Waiting for approval")
