"""/build: what is refused, what the board reports of runs that go wrong, and that nothing is done twice when the bot dies."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import pytest

from sandbox.github.seed import BUILD_SOME
from sandbox.github.stand_in import BOT_LOGIN
from sandbox.world import Options
from tests.scenarios.acting import clicks, infrastructure, shows, thread_of, types
from tests.scenarios.conftest import running
from tests.scenarios.moments import dies_at_github

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sandbox.bot_process import Launch
    from sandbox.github.runs import Run
    from sandbox.slack import Message
    from sandbox.world import World
    from tests.forked_aws import StartAws
    from tests.scenarios.conftest import StartWorld

WORKFLOW = "build-images.yml"
PATH = f".github/workflows/{WORKFLOW}"
ONE = f"/build cron dev {BUILD_SOME}"
TWO = f"/build cron,sftp dev {BUILD_SOME}"
FAST = 200.0


def runs(world: World) -> list[Run]:
    return [run for run in infrastructure(world).runs.values() if run.workflow.filename == WORKFLOW]


def posts(world: World, end: str) -> int:
    return sum(request.method == "POST" and request.path.endswith(end) for request in world.github.requests)


async def builds(world: World, text: str, *pieces: str) -> Message:
    """Ana types it in #ops; the newest message that shows the pieces."""
    number = len(world.channel("#ops").messages) + 1
    await types(world, "ana", "#ops", text)
    return await shows(world, "#ops", f"#{number} ", *pieces)


@contextmanager
def switched_off(world: World) -> Iterator[None]:
    workflow = infrastructure(world).workflows[PATH]
    workflow.state = "disabled_inactivity"
    try:
        yield
    finally:
        workflow.state = "active"


@contextmanager
def taken_away(world: World) -> Iterator[None]:
    taken = infrastructure(world).workflows.pop(PATH)
    try:
        yield
    finally:
        infrastructure(world).workflows[PATH] = taken


@contextmanager
def without_trigger(world: World) -> Iterator[None]:
    repository = infrastructure(world)
    text = repository.graph.resolve("main").files[PATH].decode()
    repository.graph.branch("pushed", "main")
    repository.commit("pushed", {PATH: text.replace("workflow_dispatch", "push")}, "Build on every push")
    yield


@contextmanager
def running_by_hand(world: World) -> Iterator[None]:
    repository = infrastructure(world)
    held = repository.hold_next(WORKFLOW, job="cron, dev")
    repository.dispatch(WORKFLOW, BUILD_SOME, {"machines": "cron", "environments": "dev"}, actor="max-weber")
    yield
    held.release()


@pytest.mark.parametrize(
    ("fault", "text", "answer"),
    [
        (switched_off, "/build all", "GitHub has switched it off because the repository was quiet for 60 days"),
        (taken_away, "/build all", f"GitHub knows no workflow {WORKFLOW}"),
        (without_trigger, "/build pushed", "has no workflow_dispatch trigger at pushed"),
        (nullcontext, "/build cron", "takes no inputs at main: it always builds the same images"),
        (nullcontext, "/build ref=last-applied staging", "takes no inputs at last-applied"),
        (running_by_hand, "/build all", "not started: the workflow is running already"),
    ],
)
async def test_what_cannot_be_started_is_refused_before_anything_is(
    shared_world: World, fault: Callable[[World], AbstractContextManager[object]], text: str, answer: str
) -> None:
    world = shared_world
    with fault(world):
        await asyncio.sleep(0.5)  # GitHub's lists lag
        before = len(runs(world))
        refused = await builds(world, text, ":x:", answer)
        assert not refused.buttons
        assert len(runs(world)) == before
    assert not posts(world, "/dispatches")


async def test_words_become_inputs_and_a_second_build_waits_for_the_first(start_world: StartWorld) -> None:
    world = await start_world(speed=FAST)
    held = infrastructure(world).hold_next(WORKFLOW, job="cron, dev")
    await builds(world, TWO, "Build cron and sftp images for dev", "of 2 images", "🔄 running")
    waits = await builds(world, ONE, "queued behind #1", "requested by @ana")
    assert [dict(run.inputs) for run in runs(world)] == [{"machines": "cron,sftp", "environments": "dev"}]
    await clicks(world, "ana", waits, "Cancel")
    held.release()
    await shows(world, "#ops", "#1 ", "2 of 2 images", "ami-", "ended ")
    assert len(runs(world)) == 1


async def test_a_failure_beside_a_rate_limit_is_never_run_again_by_itself(start_world: StartWorld) -> None:
    world = await start_world(speed=FAST)
    repository = infrastructure(world)
    repository.rate_limited(WORKFLOW, job="cron, dev")
    repository.fail_next(WORKFLOW, job="sftp, dev", log=["E: Unable to locate package supercron"])
    failed = await builds(world, TWO, ":x:", "failed; 0 of 2 images", "Rerun failed")
    rendered = thread_of(world, failed)
    assert "Unable to locate package supercron" in rendered
    assert "RequestLimitExceeded" in rendered
    assert (runs(world)[0].attempt, posts(world, "/rerun-failed-jobs")) == (1, 0)
    assert not world.channel("#ops").messages[1:]


async def test_a_rerun_can_be_called_off_while_it_waits(start_world: StartWorld) -> None:
    world = await start_world(speed=FAST, config={"rerun: {wait: 3s}": "rerun: {wait: 1h}"})
    infrastructure(world).rate_limited(WORKFLOW, job="cron, dev")
    waits = await builds(world, ONE, "rate limited; rerun 1 of 2", "[Cancel]")
    await clicks(world, "lee", waits, "Cancel")
    ended = await shows(world, "#ops", "#1 ", ":x:", "Rerun 1 was called off by @lee", "Rerun failed")
    assert runs(world)[0].attempt == 1
    assert "Cancel" not in ended.buttons


async def test_a_run_that_is_cancelled_in_github_is_followed(start_world: StartWorld) -> None:
    world = await start_world(speed=FAST)
    infrastructure(world).hold_next(WORKFLOW, job="cron, dev")
    await builds(world, TWO, "cron | 🔄 running")
    await infrastructure(world).cancel(runs(world)[0])
    ended = await shows(world, "#ops", "#1 ", ":octagonal_sign:", "cancelled in GitHub", "cron | 🚫 cancelled")
    assert "cancelled" not in thread_of(world, ended)


async def test_a_guest_may_neither_build_nor_rerun(start_world: StartWorld) -> None:
    world = await start_world(speed=FAST)
    infrastructure(world).fail_next(WORKFLOW, job="cron, dev", log=["no"])
    failed = await builds(world, ONE, ":x:", "Rerun failed")
    reply = await types(world, "gus", "#ops", ONE)
    assert "You may not run Signalbox's commands" in reply.ephemerals[0].rendered
    gus = world.person("gus")
    await gus.click(failed, "Rerun failed")
    await gus.wait_for_ephemeral(lambda item: "may not" in item.rendered and item is not reply.ephemerals[0])
    assert (len(runs(world)), runs(world)[0].attempt) == (1, 1)


async def test_a_dispatch_cut_off_is_not_repeated_nor_taken_for_somebody_elses(start_world: StartWorld) -> None:
    world = await start_world(speed=FAST)
    death = dies_at_github(world, "POST", "/dispatches", "after")
    await world.person("ana").type("#ops", ONE)
    await death.wait()
    await world.bot.start()
    await shows(world, "#ops", "#1 ", "1 of 1 image", "ended ")
    assert [run.actor for run in runs(world)] == [BOT_LOGIN]
    assert len(world.channel("#ops").messages) == 1


async def test_a_rerun_cut_off_is_not_repeated(start_world: StartWorld) -> None:
    world = await start_world(speed=FAST)
    infrastructure(world).rate_limited(WORKFLOW, job="cron, dev")
    death = dies_at_github(world, "POST", "/rerun-failed-jobs", "after")
    await world.person("ana").type("#ops", ONE)
    await death.wait()
    await world.bot.start()
    ended = await shows(world, "#ops", "#1 ", "1 of 1 image", "ended ", "rerun 1 of 2, begun")
    assert (runs(world)[0].attempt, posts(world, "/rerun-failed-jobs")) == (2, 1)
    assert thread_of(world, ended).count("at step") == 1


@pytest.mark.parametrize("phase", ["before", "after"])
async def test_a_cancel_cut_off_reaches_github(start_world: StartWorld, phase: str) -> None:
    world = await start_world(speed=FAST)
    infrastructure(world).hold_next(WORKFLOW, job="cron, dev")
    going = await builds(world, ONE, "cron | 🔄 running")
    death = dies_at_github(world, "POST", "/cancel", phase)  # type: ignore[arg-type]
    await clicks(world, "ana", going, "Cancel")
    await death.wait()
    await world.bot.start()
    await shows(world, "#ops", "#1 ", ":octagonal_sign:", "cancelled by @ana", "1 cancelled")
    assert runs(world)[0].conclusion == "cancelled"


@pytest.mark.slow("two runs on GitHub, with an AWS of its own")
async def test_what_somebody_ran_again_in_github_is_followed_by_a_press_and_not_begun_twice(
    start_aws: StartAws, forked: Launch
) -> None:
    # With an AWS of its own: no image but its own speaks against it.
    async with start_aws() as aws, running(Options(speed=FAST, aws=aws), launch=forked) as world:
        repository = infrastructure(world)
        repository.fail_next(WORKFLOW, job="cron, dev")
        failed = await builds(world, TWO, ":x:", "#1 ", "1 of 2 images", "Rerun failed")
        (run,) = runs(world)
        repository.rerun(run, failed_only=True, actor="max-weber")
        await clicks(world, "lee", failed, "Rerun failed")
        done = await shows(world, "#ops", ":white_check_mark:", "*#2 Rerun the failed jobs of #1*", "2 of 2 images")
        assert "run again in GitHub by max-weber; requested by @lee" in done.rendered
        assert done.rendered.count("rerun 1") == 1, "a job that did not run again is said to have"
        assert run.attempt == 2
        assert posts(world, "/rerun-failed-jobs") == 0
        await shows(world, "#ops", "It ended well when it was run again")
