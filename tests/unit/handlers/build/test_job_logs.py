"""A job's log: read, redacted, and its end attached to the thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from handlers.build import job_logs
from handlers.build.followed_build import FollowedBuild
from handlers.shared import log_reading
from handlers.shared.log_reading import ReadLog, read_log
from runners.github import GitHub
from runners.results import Job, LogFinding, LogReading, State
from sandbox.github import GitHubStandIn, sandbox_repositories
from tests.unit.handlers.build.followed import (
    AT,
    operation,
    run,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.github.runs import Run

REPOSITORY = "PermanentOrg/infrastructure"
WORKFLOW = "build-images.yml"
TOKEN = "ghp_SandboxSandboxSandboxSandbox01"


@pytest.fixture
async def stand_in() -> AsyncIterator[GitHubStandIn]:
    server = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=200)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def build(stand_in: GitHubStandIn, tmp_path: Path) -> AsyncIterator[FollowedBuild]:
    github = GitHub(stand_in.url, token=TOKEN, write_pause=0, read_pause=0.01)
    yield FollowedBuild(operation(services={"github": github}, scratch=tmp_path / "7"), 5)
    await github.close()


async def ended_job(stand_in: GitHubStandIn, *, lost: bool = False) -> Job:
    repository = stand_in.repository(REPOSITORY)
    lines = ["password is hunter22", "RequestLimitExceeded: Request limit exceeded."]
    repository.fail_next("deploy-dev.yml", job="cron", log=lines)
    made: Run = repository.dispatch("deploy-dev.yml", "main")
    async with asyncio.timeout(60):
        while not made.finished:  # noqa: ASYNC110  -- the stand-in's run sets no event
            await asyncio.sleep(0.01)
    made.logs_expired = lost
    failed = next(job for job in made.jobs if job.conclusion == "failure")
    return Job(failed.job_id, failed.name, State.FAILED, "", AT, AT)


async def test_a_log_is_read_redacted_and_told_why(build: FollowedBuild, stand_in: GitHubStandIn) -> None:
    read = await read_log(build.operation, build.repository, await ended_job(stand_in), build.images)
    assert read.reading
    assert "RequestLimitExceeded" in read.reading.rate_limited
    assert "hunter22" not in repr(read)
    assert any("password is" in line for line in read.reading.tail)
    assert (read.why, list(build.operation.scratch.iterdir()) != []) == ("", True)


async def test_a_log_that_is_no_more_is_not_waited_for(build: FollowedBuild, stand_in: GitHubStandIn) -> None:
    missing = await ended_job(stand_in, lost=True)
    read = await read_log(build.operation, build.repository, missing, build.images)
    assert (read.reading, read.why) == (None, "GitHub has no log of it (any more)")
    assert [item.status for item in stand_in.requests if item.path.endswith("/logs")] == [410], "asked for it again"


async def test_of_a_large_log_the_end_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    path.write_bytes(b"\x1b[36mline\x1b[0m of a log\n" * 200_000 + b"the end\n")
    text = log_reading.end_of(path)
    assert text.startswith("(the last 1 MB of 4 MB; GitHub has the whole log)\nline of a log\n")
    assert text.endswith("the end\n")
    path.write_bytes(b"\x1b[31mall\x1b[0m")
    assert log_reading.end_of(path) == "all"


@pytest.mark.parametrize(("weight", "weak"), [(1, 1), (3, 0)])
async def test_findings_below_the_threshold_are_kept_for_the_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, weight: int, weak: int
) -> None:
    finding = LogFinding("shell: no such file", 7, "rm: cannot remove 'x': No such file or directory", weight=weight)

    async def read(*_: object) -> ReadLog:
        return ReadLog(LogReading(lines=9, findings=(finding,)))

    async def step(_: str, work: Any) -> Any:
        return await work()

    async def details(*_: object) -> None:
        """Into the thread."""

    monkeypatch.setattr(job_logs, "read_log", read)
    build = FollowedBuild(operation(step=step, details=details, scratch=tmp_path), 5)
    await job_logs.process_log(build, run(), Job(7, "notify", State.SUCCEEDED, "", AT, AT))
    assert len(build.weak) == weak
    assert build.annotations[7].suspect is (weak == 0)
