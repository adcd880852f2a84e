"""Operations that start a workflow at GitHub's stand-in, and may be killed meanwhile."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from bot.slack.blocks.common import Head
from handlers.shared import run_choice
from handlers.shared.dispatch import Dispatch, dispatch_once
from runners.github import GitHub, commits
from sandbox.github import BOT_LOGIN, DropConnectionError, GitHubStandIn, sandbox_repositories
from tests.unit.bot.drawn import read
from tests.unit.runners.conftest import TOKEN, Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from bot.engine.watch import Watch
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


@asynccontextmanager
async def github_at(text: str, *, enterprise: bool) -> AsyncIterator[tuple[GitHubStandIn, GitHub]]:
    server = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=200, enterprise=enterprise)
    await server.start()
    server.repository(REPOSITORY).commit("main", {f".github/workflows/{WORKFLOW}": text}, "Share a workflow")
    client = GitHub(server.url, token=TOKEN, write_pause=0, read_pause=0.01)
    yield server, client
    await client.close()
    await server.stop()


async def wait(timeout: float, watch: Watch) -> None:
    """As the engine waits, without a wake-up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout):
            while True:
                if await watch.check():
                    return
                await asyncio.sleep(watch.interval)


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
    thread: list[str] = dataclasses.field(default_factory=list)
    displayed: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    def operation(self, number: int) -> Operation:
        services = SimpleNamespace(
            github=self.github,
            run_claims=self.desk.run_claims,
            annotations=self.desk.services.annotations,
            clock=self.desk.services.clock,
            engine=SimpleNamespace(wait=wait),
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

        async def details(_: str, message: Message) -> None:
            self.thread.append(read(message))

        record = SimpleNamespace(created_at=1_700_000_000.0)
        target = SimpleNamespace(approval=SimpleNamespace(expires_after=HOUR))
        values = {"number": number, "record": record, "target": target, "head": HEAD, "services": services}
        functions = {"details": details, "step": step, "once": once, "annotate": annotate, "show": show}
        return cast("Operation", SimpleNamespace(**values, **functions, check_authorized=annotate))

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
