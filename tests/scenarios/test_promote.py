"""Promotion before a deploy: pull requests opened, followed and merged by clicks; what people and GitHub do meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sandbox.github import GitHubError
from sandbox.github.stand_in import BOT_LOGIN
from tests.scenarios.acting import clicks, infrastructure, operations_in, rejects, shows, types
from tests.scenarios.moments import dies_at_github
from tests.scenarios.test_github_faults import Fault

if TYPE_CHECKING:
    from sandbox.exchanges import Exchange
    from sandbox.github.records import Pull
    from sandbox.slack import Message
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld
    from tests.scenarios.moments import Phase

DEV = '    channel: "#dev"\n'
PROMOTES = f"{DEV}    promote: {{from: dev, to: main, repositories: [PermanentOrg/infrastructure], wait: 1h, pipeline: false}}\n"
SHARED = {"config": {DEV: PROMOTES}}
OPEN, SKIP, MERGE = "Open pull request", "Deploy without promoting", "Merge and deploy"


def ahead(world: World, name: str) -> str:
    """dev is one commit ahead of main, with no pull request open; that commit."""
    repository = infrastructure(world)
    for pull in repository.pulls.by_number.values():
        if pull.state == "open":
            repository.pulls.edit(pull, "max-weber", title=None, body=None, state="closed")
    repository.protect("main")
    repository.graph.branch("dev", "main")
    return repository.commit("dev", {f"{name}.txt": name}, f"Add {name}").sha


def newest(world: World) -> Pull:
    return list(infrastructure(world).pulls.by_number.values())[-1]


async def asked(world: World, *pieces: str) -> tuple[str, Message]:
    """Ana deploys to dev: how the operation's message begins, and the message once it shows the pieces."""
    number = f"#{len(operations_in(world)) + 1} "
    await types(world, "ana", "#dev", "/deploy dev")
    return number, await shows(world, "#dev", number, *pieces)


async def opened(world: World, *pieces: str) -> tuple[str, Message]:
    number, message = await asked(world, "No pull request is open")
    await clicks(world, "ana", message, OPEN)
    return number, await shows(world, "#dev", number, *pieces)


@pytest.mark.parametrize("phase", ["before", "after"])
async def test_a_kill_at_opening_and_at_merging_repeats_nothing(start_world: StartWorld, phase: Phase) -> None:
    world = await start_world(speed=60.0, config={DEV: PROMOTES})
    sha = ahead(world, "killed")
    _, message = await asked(world, "No pull request is open")
    opening = dies_at_github(world, "POST", "/pulls", phase)
    await clicks(world, "ana", message, OPEN)
    await opening.wait()
    await world.bot.start()
    message = await shows(world, "#dev", "#1 ", "ready to merge dev into main")
    merging = dies_at_github(world, "PUT", "/merge", phase)
    await clicks(world, "lee", message, MERGE)
    await merging.wait()
    await world.bot.start()
    done = await shows(world, "#dev", "#1 ", ":white_check_mark:", "Promoted:", "deployed")
    assert len(world.channel("#dev").messages) == 1
    assert not done.buttons
    repository = infrastructure(world)
    (pull,) = repository.pulls.by_number.values()
    assert pull.merge_commit == repository.graph.branches["main"]
    assert repository.graph.commits[pull.merge_commit or ""].parents[1] == sha
    runs = [run for run in repository.runs.values() if run.actor == BOT_LOGIN]
    assert [run.commit.sha for run in runs] == [pull.merge_commit]


async def test_what_takes_too_long_ends_and_leaves_the_pull_request(start_world: StartWorld) -> None:
    world = await start_world(config={DEV: PROMOTES.replace("wait: 1h", "wait: 2s")})
    ahead(world, "slow")
    infrastructure(world).protect("main", required=["lint"])
    _, _ = await opened(world, "not ended yet: lint")
    ended = await shows(world, "#dev", "#1 ", "could not be merged in time, so nothing was deployed")
    assert not ended.buttons
    assert newest(world).state == "open"
    assert not infrastructure(world).runs


async def test_it_can_be_left_out(shared_world: World) -> None:
    ahead(shared_world, "left")
    number, message = await asked(shared_world, "`dev` is 1 commit ahead of `main`", "Add left")
    await clicks(shared_world, "lee", message, SKIP)
    done = await shows(shared_world, "#dev", number, ":white_check_mark:", "deployed")
    assert "Not promoted, @lee chose to deploy without it" in done.rendered.replace("*", "")
    assert not [pull for pull in infrastructure(shared_world).pulls.by_number.values() if pull.state == "open"]


async def test_naming_a_ref_is_not_asked(shared_world: World) -> None:
    ahead(shared_world, "named")
    number = f"#{len(operations_in(shared_world)) + 1} "
    await types(shared_world, "ana", "#dev", "/deploy dev main")
    done = await shows(shared_world, "#dev", number, ":white_check_mark:", "deployed")
    assert "romot" not in done.rendered


async def test_commits_that_come_after_the_question_are_asked_for_again(shared_world: World) -> None:
    ahead(shared_world, "first")
    number, message = await opened(shared_world, "ready to merge")
    infrastructure(shared_world).commit("dev", {"later.txt": "1"}, "Come later")
    await clicks(shared_world, "lee", message, MERGE)
    # Either GitHub refuses the old head, or the bot hears of the new one before the press.
    message = await shows(shared_world, "#dev", number, "ready to merge", "Come later")
    assert not newest(shared_world).merged
    await clicks(shared_world, "lee", message, MERGE)
    await shows(shared_world, "#dev", number, "Promoted:", "deployed")


async def test_commits_that_come_while_it_merges_are_asked_for_again(shared_world: World) -> None:
    ahead(shared_world, "before")
    number, message = await opened(shared_world, "ready to merge")
    pushed = asyncio.Event()

    async def push(exchange: Exchange) -> None:
        if exchange.method == "PUT" and exchange.path.endswith("/merge") and not pushed.is_set():
            pushed.set()
            infrastructure(shared_world).commit("dev", {"meanwhile.txt": "1"}, "Come meanwhile")

    shared_world.github.on_request.append(push)
    await clicks(shared_world, "lee", message, MERGE)
    message = await shows(
        shared_world, "#dev", number, "ready to merge", "Come meanwhile", "GitHub refused the merge: Head branch"
    )
    shared_world.github.on_request.clear()
    assert not newest(shared_world).merged
    await clicks(shared_world, "lee", message, MERGE)
    await shows(shared_world, "#dev", number, "Promoted:", "deployed")


async def test_what_github_refuses_is_said_and_can_be_tried_again(shared_world: World) -> None:
    ahead(shared_world, "refused")
    infrastructure(shared_world).pulls.base_moves = 1
    number, message = await opened(shared_world, "ready to merge")
    await clicks(shared_world, "lee", message, MERGE)
    message = await shows(shared_world, "#dev", number, "GitHub refused the merge: Base branch was modified")
    await rejects(shared_world, "lee", message)
    await shows(shared_world, "#dev", number, "rejected, nothing was deployed")
    assert newest(shared_world).state == "open"


async def test_a_review_that_is_missing_is_waited_for(shared_world: World) -> None:
    ahead(shared_world, "reviewed")
    infrastructure(shared_world).protect("main", reviews=1)
    number, _ = await opened(shared_world, "a rule of the branch is not met yet")
    newest(shared_world).review("max-weber")
    message = await shows(shared_world, "#dev", number, "ready to merge")
    await rejects(shared_world, "ana", message)
    await shows(shared_world, "#dev", number, "rejected, nothing was deployed")


async def test_what_people_do_on_github_meanwhile_is_noticed(shared_world: World) -> None:
    ahead(shared_world, "by-hand")
    repository = infrastructure(shared_world)
    repository.protect("main", required=["lint"])
    number, _ = await opened(shared_world, "not ended yet: lint")
    repository.pulls.edit(newest(shared_world), "max-weber", title=None, body=None, state="closed")
    message = await shows(shared_world, "#dev", number, "was closed without being merged")
    await clicks(shared_world, "ana", message, OPEN)
    await shows(shared_world, "#dev", number, "not ended yet: lint")
    repository.protect("main")
    sha = newest(shared_world).head_sha
    repository.pulls.merge(newest(shared_world), method="merge", title=None, message=None, sha=sha, by="max-weber")
    await shows(shared_world, "#dev", number, "Promoted:", "deployed")


async def test_cancelling_leaves_the_pull_request(shared_world: World) -> None:
    ahead(shared_world, "cancelled")
    infrastructure(shared_world).protect("main", required=["lint"])
    number, message = await opened(shared_world, "not ended yet: lint")
    await clicks(shared_world, "ana", message, "Cancel")
    ended = await shows(shared_world, "#dev", number, "cancelled by @ana, nothing was deployed")
    assert not ended.buttons
    assert newest(shared_world).state == "open"


async def test_a_refusal_to_open_is_said_with_what_to_do(shared_world: World) -> None:
    ahead(shared_world, "forbidden")
    refuse = Fault(
        ("POST", "/pulls"), "before", lambda: GitHubError(403, "Resource not accessible by personal access token"), 9
    )
    shared_world.github.on_request.append(refuse)
    number, message = await opened(shared_world, "GitHub forbids it: Resource not accessible")
    shared_world.github.on_request.clear()
    await clicks(shared_world, "ana", message, SKIP)
    await shows(shared_world, "#dev", number, "Not promoted", "deployed")


async def test_what_was_merged_is_said_also_when_the_deploy_fails_after_it(shared_world: World) -> None:
    ahead(shared_world, "merged-only")
    number, message = await opened(shared_world, "ready to merge")
    refuse = Fault(("POST", "/dispatches"), "before", lambda: GitHubError(403, "Resource not accessible"), 9)
    shared_world.github.on_request.append(refuse)
    await clicks(shared_world, "lee", message, MERGE)
    failed = await shows(shared_world, "#dev", number, ":x:", "Promoted:")
    shared_world.github.on_request.clear()
    assert f"#{newest(shared_world).number} merged" in failed.rendered
    assert newest(shared_world).merged
