"""A run belongs to one operation: nothing is started twice, and no run is taken that is not certainly the operation's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from handlers.shared.dispatch import Dispatch, dispatch_once
from runners.errors import RunnerError, UncertainError
from runners.github import commits
from tests.unit.handlers.shared.dispatch_world import (
    HIDDEN,
    MARKED,
    REPOSITORY,
    WORKFLOW,
    Killed,
    World,
    github_at,
    lost,
)
from tests.unit.runners.conftest import Fault

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk


@pytest.mark.parametrize("enterprise", [True, False], ids=["no run details", "answers lost"])
async def test_two_deploys_at_once_have_their_own_runs_by_their_marks(desk: Desk, enterprise: bool) -> None:
    async with github_at(MARKED, enterprise=enterprise) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY), mark_input="mark")
        if not enterprise:
            lost(stand_in, times=2)
        dev, prod = await asyncio.gather(world.deploy(1, "dev"), world.deploy(2, "prod"))
        assert world.ran == {dev: "dev", prod: "prod"}


@pytest.mark.parametrize("mark_input", ["", "mark"], ids=["no mark", "a mark that GitHub does not show"])
async def test_without_a_mark_one_waits_until_the_other_has_its_run(desk: Desk, mark_input: str) -> None:
    async with github_at(HIDDEN, enterprise=True) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY), mark_input=mark_input)
        dev, prod = await asyncio.gather(world.deploy(1, "dev"), world.deploy(2, "prod"))
        assert world.ran == {dev: "dev", prod: "prod"}


@pytest.mark.parametrize("mark_input", ["", "mark"])
async def test_a_start_without_an_answer_and_without_a_run_is_uncertain(desk: Desk, mark_input: str) -> None:
    async with github_at(MARKED, enterprise=False) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY), mark_input=mark_input)
        lost(stand_in, "before")
        with pytest.raises(UncertainError, match="no run of it has appeared") as caught:
            await world.deploy(1)
        assert "Look at the repository's Actions page before you run /deploy again" in caught.value.remedy


async def test_a_refused_start_holds_nobody_back(desk: Desk) -> None:
    async with github_at(HIDDEN, enterprise=True) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY), mark_input="no-such-input")
        with pytest.raises(RunnerError, match="Unexpected inputs"):
            await world.deploy(1)
        world.mark_input = ""
        assert await world.deploy(2) in world.ran


DEATHS = [
    ("begin_dispatch", "before", 1),
    ("begin_dispatch", "after", 0),
    ("claim", "before", 1),
    ("claim", "after", 1),
]


@pytest.mark.parametrize("enterprise", [True, False])
@pytest.mark.parametrize(("method", "phase", "runs"), DEATHS)
async def test_killed_at_every_moment_nothing_is_started_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, method: str, phase: str, runs: int, *, enterprise: bool
) -> None:
    async with github_at(HIDDEN, enterprise=enterprise) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY))
        whole = getattr(desk.run_claims, method)

        async def dies(*given: Any, **named: Any) -> Any:
            if phase == "after":
                await whole(*given, **named)
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(desk.run_claims, method, dies)
            with pytest.raises(Killed):
                await world.deploy(1)
        if runs:
            assert await world.deploy(1) in world.ran
        else:  # the request may have been sent: nobody knows, so nothing is sent again
            with pytest.raises(UncertainError, match="Signalbox was stopped at that moment"):
                await world.deploy(1)
        assert len(world.ran) == runs


async def test_a_run_of_another_commit_than_the_approved_one_is_cancelled(desk: Desk) -> None:
    """The branch moves between the last check and GitHub's start, which takes nothing but the branch's name."""
    async with github_at(MARKED, enterprise=False) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY))
        commit = await commits.resolve(github, REPOSITORY, "main")
        wanted = Dispatch(REPOSITORY, WORKFLOW, commit, "/deploy", {"where": "dev"}, moved_on="so nothing was started.")

        def move() -> None:
            world.repository.commit("main", {"evil.sh": "env"}, "Move in the same moment")

        stand_in.on_request.append(Fault("POST", "/dispatches", move))
        world.repository.hang_next(WORKFLOW, job="deploy")  # it ends by being cancelled only
        run = world.repository.runs[await dispatch_once(world.operation(1), wanted)]
        assert run.commit.sha != commit.sha
        await world.repository.ended(run)
        assert run.conclusion == "cancelled"


@pytest.mark.parametrize("ref", ["main", "refs/heads/main"])
async def test_a_workflow_starts_at_the_full_name_of_its_ref(desk: Desk, ref: str) -> None:
    """A tag that somebody gives the branch's name after the last check is never what starts."""
    async with github_at(MARKED, enterprise=False) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY))
        commit = await commits.resolve(github, REPOSITORY, ref)
        evil = world.repository.commit("evil", {"evil.sh": "env"}, "Take the branch's name")
        world.repository.graph.tag("main", evil.sha)
        run = world.repository.runs[
            await dispatch_once(world.operation(1), Dispatch(REPOSITORY, WORKFLOW, commit, "/deploy", {"where": "dev"}))
        ]
        assert run.commit.sha == commit.sha
