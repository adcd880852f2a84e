"""A run belongs to one operation: nothing is started twice, and no run is taken that is not certainly the operation's."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.errors import UserError
from bot.operations.registry import Click
from bot.slack.blocks.common import Head
from bot.store.operations import Request
from handlers.shared import run_choice, run_search
from handlers.shared.dispatch import Dispatch, dispatch_once
from handlers.shared.run_choice_views import CHOOSE_RUN, NO_RUN
from runners.errors import RunnerError, UncertainError
from runners.github import GitHub, commits
from sandbox.github import BOT_LOGIN, DropConnectionError, GitHubStandIn, sandbox_repositories
from tests.unit.bot.drawn import read
from tests.unit.runners.conftest import TOKEN, Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from sandbox.github.repository import Repository
    from tests.unit.handlers.conftest import Desk

HOUR = timedelta(hours=1)
HEAD = Head(1, "Deploy main to dev", "dev", "U0ANA")
REPOSITORY, WORKFLOW = "PermanentOrg/infrastructure", "shared.yml"
TEXT = """
name: Shared
RUN_NAME
on: {workflow_dispatch: {inputs: {where: {}, mark: {}}}}
jobs:
  deploy: {runs-on: ubuntu-latest, steps: [{run: make}]}
"""
MARKED = TEXT.replace("RUN_NAME", "run-name: 'Deploy ${{ inputs.where }} ${{ inputs.mark }}'")
HIDDEN = TEXT.replace("RUN_NAME", "run-name: Deploy")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_search, "APPEARS_WITHIN", 1.5)
    monkeypatch.setattr(run_search, "TURN_WITHIN", 3.0)
    monkeypatch.setattr(run_search, "PAUSE", 0.1)
    monkeypatch.setattr(run_choice, "CHECK_INTERVAL", 0.05)


@asynccontextmanager
async def github_at(text: str, *, enterprise: bool) -> AsyncIterator[tuple[GitHubStandIn, GitHub]]:
    server = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=200, enterprise=enterprise)
    await server.start()
    server.repository(REPOSITORY).commit("main", {f".github/workflows/{WORKFLOW}": text}, "Share a workflow")
    client = GitHub(server.url, token=TOKEN, write_pause=0, read_pause=0.01)
    yield server, client
    await client.close()
    await server.stop()


class Killed(BaseException):
    """The process dies here."""


@dataclasses.dataclass
class World:
    """Operations at a desk whose GitHub is the stand-in, with durable steps that a killed operation replays."""

    desk: Desk
    github: GitHub
    repository: Repository
    mark_input: str = ""
    steps: dict[tuple[int, str], Any] = dataclasses.field(default_factory=dict)
    messages: dict[int, Message] = dataclasses.field(default_factory=dict)
    displayed: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    def operation(self, number: int) -> Operation:
        services = SimpleNamespace(
            github=self.github,
            run_claims=self.desk.run_claims,
            annotations=self.desk.services.annotations,
            clock=self.desk.services.clock,
            engine=SimpleNamespace(wait=asyncio.sleep),
        )

        async def step(name: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
            if name == "answer":  # a loop's step has a result each time
                return await work()
            if (number, name) not in self.steps:
                self.steps[number, name] = await work()
            return self.steps[number, name]

        async def once(name: str, *, do: Callable[[], Any], recover: Callable[[], Any]) -> Any:
            first = await self.desk.services.operations.begin_side_effect(number, name)
            return await step(name, do if first else recover)

        async def annotate(*_: str, **__: str) -> None:
            """The audit log is tested elsewhere."""

        async def show(_: str, message: Message, *__: object, **___: object) -> None:
            self.messages[number] = message
            self.displayed.set()

        made = SimpleNamespace(
            number=number,
            record=SimpleNamespace(created_at=1_700_000_000.0),
            target=SimpleNamespace(approval=SimpleNamespace(expires_after=HOUR)),
            head=HEAD,
            services=services,
            step=step,
            once=once,
            annotate=annotate,
            show=show,
        )
        return cast("Operation", made)

    async def deploy(self, number: int, where: str = "dev") -> int:
        commit = await commits.resolve(self.github, REPOSITORY, "main")
        wanted = Dispatch(REPOSITORY, WORKFLOW, commit, "/deploy", {"where": where}, mark_input=self.mark_input)
        return await dispatch_once(self.operation(number), wanted)

    @property
    def ran(self) -> dict[int, str]:
        """Where each run of the bot deployed to, by the run's id."""
        return {
            run.run_id: run.inputs["where"]
            for run in self.repository.runs.values()
            if run.workflow.filename == WORKFLOW and run.actor == BOT_LOGIN
        }

    async def says(self, number: int, run: str, user: str = "U0LEE") -> None:
        await self.desk.services.annotations.add(number, run_choice.CHOSEN, f"{run} {user}")

    async def asked(self, number: int) -> str:
        await asyncio.wait_for(self.displayed.wait(), 20)
        return read(self.messages[number])


def lost(stand_in: GitHubStandIn, phase: str = "after", times: int = 1) -> None:
    """Lose the answers to the next dispatches."""

    def drop() -> None:
        raise DropConnectionError

    stand_in.on_request.append(Fault("POST", "/dispatches", drop, phase=phase, times=times))


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


async def test_runs_that_look_alike_are_asked_about_and_the_answer_is_taken(desk: Desk) -> None:
    async with github_at(HIDDEN, enterprise=False) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY), mark_input="mark")
        lost(stand_in)
        world.steps[1, "newest run"] = 0
        foreign = world.repository.dispatch(WORKFLOW, "main", {"where": "prod"}, actor=BOT_LOGIN)
        deploying = asyncio.create_task(world.deploy(1, "dev"))
        text = await world.asked(1)
        (ours,) = world.ran.keys() - {foreign.run_id}
        assert "Which run is it?" in text
        assert "do not show `mark`" in text
        buttons = [block["accessory"]["value"] for block in world.messages[1].blocks if "accessory" in block]
        assert buttons == [f"1:{foreign.run_id}", f"1:{ours}"]
        assert await desk.run_claims.run_of(1) is None, "nothing is guessed"
        await world.says(1, str(ours))
        assert await deploying == ours
        assert await desk.run_claims.run_of(1) == ours


async def test_none_of_the_runs_ends_it_and_nothing_is_started_again(desk: Desk) -> None:
    async with github_at(HIDDEN, enterprise=False) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY))
        lost(stand_in, "before")
        world.steps[1, "newest run"] = 0
        for where in ("a", "b"):
            world.repository.dispatch(WORKFLOW, "main", {"where": where}, actor=BOT_LOGIN)
        deploying = asyncio.create_task(world.deploy(1))
        await world.asked(1)
        await world.says(1, NO_RUN)
        with pytest.raises(RunnerError, match="none of the runs") as caught:
            await deploying
        assert not isinstance(caught.value, UncertainError)
        assert len(world.ran) == 2


async def test_a_run_whose_rival_has_found_its_own_becomes_certain(desk: Desk) -> None:
    async with github_at(HIDDEN, enterprise=True) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY))
        await desk.run_claims.begin_dispatch(2, f"{REPOSITORY} {WORKFLOW} main")
        deploying = asyncio.create_task(world.deploy(1))
        await world.asked(1)
        (ours,) = world.ran
        foreign = world.repository.dispatch(WORKFLOW, "main", {"where": "x"}, actor=BOT_LOGIN)
        await asyncio.sleep(0.5)
        assert not deploying.done()
        assert await desk.run_claims.claim(2, foreign.run_id)
        assert await deploying == ours


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


async def test_who_may_approve_or_asked_says_which_run_it_is(desk: Desk) -> None:
    number = await desk.operations.create(Request("k", "deploy", "dev", "U0ANA", "Deploy main to dev", "C0DEV", {}))
    await desk.operations.set_message(number, "C0DEV", "1.0")
    click = Click("U0ANA", "C0DEV", "1.0", CHOOSE_RUN, "", "t", "")

    async def press(user: str, value: str) -> object:
        return await run_choice.choose(desk.services, dataclasses.replace(click, user=user, value=value))

    await desk.run_claims.claim(99, 5)
    with pytest.raises(UserError, match="belongs to another operation"):
        await press("U0LEE", f"{number}:5")
    with pytest.raises(UserError):
        await press("U0NOBODY", f"{number}:6")
    assert not await desk.services.annotations.values_of(number, run_choice.CHOSEN)
    await press("U0LEE", f"{number}:6")
    assert await desk.services.annotations.values_of(number, run_choice.CHOSEN) == ("6 U0LEE",)
    assert desk.engine.woken == [number]


async def test_who_answers_late_learns_that_the_run_is_known_and_changes_nothing(desk: Desk) -> None:
    number = await desk.operations.create(Request("k", "deploy", "dev", "U0ANA", "Deploy main to dev", "C0DEV", {}))
    await desk.operations.set_message(number, "C0DEV", "1.0")
    await desk.run_claims.claim(number, 5)
    for run in ("5", "6", NO_RUN):
        click = Click("U0LEE", "C0DEV", "1.0", CHOOSE_RUN, f"{number}:{run}", "t", "")
        with pytest.raises(UserError, match="has its run already"):
            await run_choice.choose(desk.services, click)
    assert not await desk.services.annotations.values_of(number, run_choice.CHOSEN)
    assert not desk.engine.woken


@pytest.mark.parametrize("then", ["", NO_RUN, "6"])
async def test_killed_while_it_takes_the_answer_the_claimed_run_counts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    async with github_at(HIDDEN, enterprise=False) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY))
        lost(stand_in)
        world.steps[1, "newest run"] = 0
        foreign = world.repository.dispatch(WORKFLOW, "main", {"where": "prod"}, actor=BOT_LOGIN)
        whole = desk.run_claims.claim

        async def dies(operation: int, run_id: int) -> bool:
            await whole(operation, run_id)
            raise Killed

        deploying = asyncio.create_task(world.deploy(1))
        await world.asked(1)
        (ours,) = world.ran.keys() - {foreign.run_id}
        with monkeypatch.context() as patch:
            patch.setattr(desk.run_claims, "claim", dies)
            await world.says(1, str(ours))
            with pytest.raises(Killed):
                await deploying
        if then:
            await world.says(1, then)
        async with asyncio.timeout(10):
            assert await world.deploy(1) == ours


async def test_a_run_that_appears_after_none_of_them_is_no_other_operations(desk: Desk) -> None:
    key = f"{REPOSITORY} {WORKFLOW} main"
    async with github_at(HIDDEN, enterprise=False) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY))
        lost(stand_in, "before")
        world.steps[1, "newest run"] = 0
        for where in ("a", "b"):
            world.repository.dispatch(WORKFLOW, "main", {"where": where}, actor=BOT_LOGIN)
        deploying = asyncio.create_task(world.deploy(1))
        await world.asked(1)
        await world.says(1, NO_RUN)
        with pytest.raises(RunnerError, match="none of the runs"):
            await deploying
        assert await desk.run_claims.rivals(2, key, 0.0) == 1
