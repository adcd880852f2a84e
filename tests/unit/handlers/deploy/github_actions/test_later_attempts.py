"""A failed deploy that somebody mends in GitHub: its record and its message follow, once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bot.config import read as read_config
from bot.operations.registry import DueRun
from bot.slack.blocks.common import Head
from bot.slack.client import Posted
from bot.store.deployments import MachineCommits
from bot.store.operations import Request, Status
from handlers.deploy.github_actions import later_attempts, views
from handlers.deploy.views import Release
from runners.github import GitHub
from runners.github.runs.listing import run_with_jobs
from runners.results import Commit
from sandbox.github import GitHubStandIn, sandbox_repositories
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import FILE
from tests.unit.runners.conftest import TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.services import Services
    from sandbox.github.runs import Run
    from tests.unit.handlers.conftest import Desk

REPOSITORY, WORKFLOW = "PermanentOrg/infrastructure", "deploy-dev.yml"
CONFIG = FILE.replace("repository: o/r", f"repository: {REPOSITORY}").replace(
    '    channel: "#dev"\n    deploy: {github_actions: {workflow: d.yml, ref: trunk}}',
    f'    channel: "#dev"\n    machines: [backend, cron]\n    deploy: {{github_actions: {{workflow: {WORKFLOW}}}}}',
)
AT = Posted("C0DEV", "1.0")


class Failed:
    """A deploy to dev that failed at the job of cron, and what came of it."""

    def __init__(self, desk: Desk, github: GitHub, stand_in: GitHubStandIn) -> None:
        self.desk, self.repository, self.posts = desk, stand_in.repository(REPOSITORY), list[str]()
        config = read_config(CONFIG)
        both = vars(desk.services) | {"config": config, "github": github, "chat": self}
        machine_commits = MachineCommits(desk.store, desk.clock)
        self.services = cast("Services", SimpleNamespace(**both | {"machine_commits": machine_commits}))
        self.github = github

    async def read(self, at: Posted) -> object:
        return self.desk.chat.says.get(at)

    async def turn(self, _: object) -> None:
        """At once."""

    def redacted(self, content: object) -> object:
        return content

    async def update(self, at: Posted, message: object, _lane: object = None) -> None:
        self.desk.chat.says[at] = message  # type: ignore[assignment]

    async def post(self, _: str, message: object, **__: object) -> Posted:
        self.posts.append(read(message))  # type: ignore[arg-type]
        return Posted("C0DEV", "2.0")

    async def begin(self) -> Run:
        self.repository.fail_next(WORKFLOW, job="cron")
        run = self.repository.dispatch(WORKFLOW, "main")
        await self.repository.ended(run)
        request = Request("k", "deploy", "dev", "U0ANA", "Deploy main to dev", "C0DEV", {"ref": "main"})
        self.number = await self.desk.operations.create(request)
        await self.desk.operations.set_message(self.number, AT.channel, AT.ts)
        await self.desk.operations.set_status(self.number, Status.FAILED)
        await self.desk.run_claims.claim(self.number, run.run_id)
        await self.desk.annotations.add(self.number, later_attempts.FAILED_ATTEMPT, f"1 {run.commit.sha}")
        commit = Commit(REPOSITORY, run.commit.sha, "main", "Fix", "Lee", "https://github.com/o/r/commit/1")
        ended = await run_with_jobs(self.github, REPOSITORY, run.run_id)
        assert ended
        head = Head(self.number, "Deploy main to dev", "dev", "U0ANA")
        release = Release(commit, "before", "GitHub Actions", roles=("backend", "cron"))
        self.desk.chat.says[AT] = views.run_ended(head, release, None, ended)
        return run

    async def check(self) -> str:
        await later_attempts.check(self.services, DueRun("dev", 0.0))
        return read(self.desk.chat.says[AT])

    async def runs_now(self) -> set[str]:
        return {row.machine for row in await self.services.machine_commits.in_environment("dev")}


@pytest.fixture
async def failed(desk: Desk) -> AsyncIterator[Failed]:
    server = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=200)
    await server.start()
    client = GitHub(server.url, token=TOKEN, write_pause=0, read_pause=0.01)
    yield Failed(desk, client, server)
    await client.close()
    await server.stop()


async def test_a_rerun_in_github_that_mends_it_changes_message_and_record(failed: Failed) -> None:
    run = await failed.begin()
    assert "the run failed" in await failed.check()
    assert not await failed.runs_now()
    failed.repository.rerun(run, failed_only=True, actor="lee-park")
    await failed.repository.ended(run)
    await asyncio.sleep(0.1)
    rendered = await failed.check()
    assert ":white_check_mark: *#1 Deploy main to dev*: deployed" in rendered
    assert "started in GitHub by lee-park, after an attempt that failed" in rendered
    assert "Not certain" not in rendered
    current = await failed.services.deployments.current("dev")
    assert current
    assert (current.sha, current.ref, current.operation) == (run.commit.sha, "main", 1)
    assert await failed.runs_now() == {"backend", "cron"}
    await failed.check()
    assert len(failed.posts) == 1


async def test_a_rerun_that_fails_too_is_said_and_records_what_succeeded(failed: Failed) -> None:
    run = await failed.begin()
    failed.repository.fail_next(WORKFLOW, job="cron")
    failed.repository.rerun(run, actor="lee-park")
    await failed.repository.ended(run)
    rendered = await failed.check()
    assert ":x: *#1 Deploy main to dev*: attempt 2" in rendered
    assert await failed.services.deployments.current("dev") is None
    assert "cron" not in await failed.runs_now()


async def test_a_newer_deploy_decides_alone(failed: Failed) -> None:
    run = await failed.begin()
    request = Request("k2", "deploy", "dev", "U0ANA", "Deploy x to dev", "C0DEV", {"ref": "x"})
    await failed.desk.operations.create(request)
    failed.repository.rerun(run, failed_only=True, actor="lee-park")
    await failed.repository.ended(run)
    assert "the run failed" in await failed.check()
    assert await failed.services.deployments.current("dev") is None
