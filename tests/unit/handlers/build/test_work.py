"""Action an operation makes of its run: which jobs are read, what is carried over, what comes next, what runs again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.config import read as read_config
from bot.redaction import Redactor
from bot.slack.blocks.common import Head
from handlers.build import job_logs
from handlers.build.automatic_reruns import may_rerun, rate_limits_of
from handlers.build.command import BuildRequest, expected_slots
from handlers.build.followed_build import FollowedBuild
from handlers.build.follower import FORCE_AFTER, Action, Follower, NextAction
from handlers.build.matrix_cells import Annotation
from runners.errors import UnavailableError
from runners.github import GitHub
from runners.github.runs.workflow_file import WorkflowFile
from runners.results import Job, State, WorkflowRun
from sandbox.github import GitHubStandIn, sandbox_repositories

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.operations.operation import Operation
    from sandbox.github.runs import Run

REPOSITORY = "PermanentOrg/infrastructure"
WORKFLOW = "build-images.yml"
TOKEN = "ghp_SandboxSandboxSandboxSandbox01"
AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CONFIG = read_config("""
slack: {channel: "#ops"}
github: {repository: PermanentOrg/infrastructure}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0ANA]}
environments:
  dev: {machines: [backend, cron], deploy: {github_actions: {workflow: d.yml}}}
  prod: {machines: [backend], deploy: {github_actions: {workflow: d.yml}}}
images: {workflow: build-images.yml}
""")


class Operations:
    """Who pressed Cancel."""

    person: str | None = None

    async def cancel_requested(self, _: int) -> str | None:
        return self.person


def operation(**more: Any) -> Operation:
    now = AT.timestamp() + 900
    services = SimpleNamespace(config=CONFIG, clock=lambda: now, operations=Operations(), redact=Redactor(["hunter22"]))
    services.__dict__.update(more.pop("services", {}))
    made = SimpleNamespace(services=services, number=7, head=Head(7, "Build", "image builds", "U0ANA"), **more)
    return cast("Operation", made)


def job(name: str, state: State, number: int, began: int = 0, ended: int = 12) -> Job:
    times = (AT + timedelta(minutes=began), AT + timedelta(minutes=ended) if state.ended else None)
    return Job(number, name, state, "https://github.com/o/r/job/1", *times)


def run(*jobs: Job, state: State = State.RUNNING, attempt: int = 1) -> WorkflowRun:
    ends = [job.ended_at for job in jobs if job.ended_at]
    url = "https://github.com/o/r/actions/runs/5"
    ended = max(ends) if ends and state.ended else None
    return WorkflowRun("o/r", 5, 3, attempt, "Build", "a" * 40, state, url, AT, jobs, ended)


def test_jobs_are_read_once_in_the_order_of_their_ids_and_cancelled_ones_never() -> None:
    build = FollowedBuild(operation(), 5)
    seen = run(
        job("build (cron, dev)", State.SUCCEEDED, 9),
        job("build (backend, dev)", State.FAILED, 4),
        job("build (backend, prod)", State.CANCELLED, 3),
        job("notify", State.SKIPPED, 2),
        job("slow", State.RUNNING, 1),
    )
    order = []
    while found := build.next_to_read(seen):
        order.append(found.job_id)
        build.record(found, Annotation(), "")
    assert order == [4, 9]


@pytest.mark.parametrize("carried_id", [9, 109], ids=["kept", "copied under a new id"])
def test_a_job_that_is_carried_over_is_not_read_again_and_keeps_what_was_known(carried_id: int) -> None:
    build = FollowedBuild(operation(), 5)
    good, bad = job("build (cron, dev)", State.SUCCEEDED, 9), job("build (backend, dev)", State.FAILED, 4)
    build.record(good, Annotation(image="ami-1", suspect=True), "")
    build.record(bad, Annotation(), "RequestLimitExceeded")
    build.next_attempt(run(good, bad, state=State.FAILED))
    again = job("build (backend, dev)", State.SUCCEEDED, 110, began=20, ended=31)
    seen = run(replace(good, job_id=carried_id), again, attempt=2)
    assert build.attempt == 2
    unread = build.next_to_read(seen)
    assert unread == again
    annotations = build.matrix(seen).annotations
    assert annotations[carried_id] == Annotation(image="ami-1", suspect=True)
    assert annotations[110] == Annotation(reruns=1)


def test_images_of_the_attempt_before_stay_although_github_lists_only_what_runs_again() -> None:
    build = FollowedBuild(operation(), 5)
    good, bad = job("build (cron, dev)", State.SUCCEEDED, 9), job("build (backend, dev)", State.FAILED, 4)
    build.record(good, Annotation(image="ami-1"), "")
    build.next_attempt(run(good, bad, state=State.FAILED))
    board = build.matrix(run(job("build (backend, dev)", State.RUNNING, 110, began=20), attempt=2))
    assert {place: one.job_id for place, one in board.grid.cells.items()} == {
        ("backend", "dev"): 110,
        ("cron", "dev"): 9,
    }
    assert board.annotations[9].image == "ami-1"


LIMITED, OTHER = job("build (cron, dev)", State.FAILED, 1), job("build (backend, dev)", State.FAILED, 2)
SIBLING, DONE = job("build (backend, prod)", State.CANCELLED, 3), job("notify", State.SUCCEEDED, 4)


@pytest.mark.parametrize(
    ("jobs", "state", "changed", "expected"),
    [
        ([LIMITED, DONE], State.FAILED, {}, True),
        ([LIMITED, SIBLING, DONE], State.FAILED, {}, True),
        ([LIMITED, OTHER], State.FAILED, {}, False),
        ([OTHER], State.FAILED, {}, False),
        ([SIBLING], State.CANCELLED, {}, False),
        ([LIMITED, SIBLING], State.CANCELLED, {}, False),
        ([LIMITED, replace(OTHER, state=State.UNKNOWN)], State.FAILED, {}, False),
        ([DONE], State.SUCCEEDED, {}, False),
        ([], State.FAILED, {}, False),
        ([LIMITED], State.FAILED, {"reruns": 2}, False),
        ([LIMITED], State.FAILED, {"reruns": 1}, True),
        ([LIMITED], State.FAILED, {"cancelled_by": "U0LEE"}, False),
    ],
)
def test_only_what_failed_for_a_rate_limit_alone_runs_again(
    jobs: list[Job], state: State, changed: dict[str, Any], expected: bool
) -> None:
    build = FollowedBuild(operation(), 5, limited={LIMITED.job_id: "RequestLimitExceeded"}, **changed)
    assert CONFIG.images
    assert may_rerun(build, run(*jobs, state=state), CONFIG.images.rerun) is expected


def test_the_first_jobs_are_named_with_what_they_were_refused_for() -> None:
    names = ("build (cron, dev)", "build (backend, dev)", "build (backend, prod)", "notify", "lint")
    jobs = [job(name, State.FAILED, number) for number, name in enumerate(names)]
    said = "api error RequestLimitExceeded: Request limit exceeded."
    build = FollowedBuild(operation(), 5, limited=dict.fromkeys(range(len(names)), said))
    assert CONFIG.images
    rules = CONFIG.images.rerun
    assert rate_limits_of(build, run(jobs[0]), rules) == "cron dev: `RequestLimitExceeded`"
    four = rate_limits_of(build, run(*jobs), rules)
    assert four.startswith("cron dev: `RequestLimitExceeded`, backend dev: ")
    assert four.endswith("backend prod: `RequestLimitExceeded`, and 2 more")


def test_a_green_job_that_mentions_a_rate_limit_did_not_fail_for_it() -> None:
    build = FollowedBuild(operation(), 5)
    build.record(DONE, Annotation(), "RequestLimitExceeded, trying again")
    assert not build.limited


async def upcoming(build: FollowedBuild, seen: WorkflowRun) -> NextAction | None:
    return await Follower(build)._next_action(seen)


async def test_a_cancel_comes_before_logs_and_logs_before_the_end() -> None:
    build = FollowedBuild(operation(), 5)
    operations = cast("Operations", build.operation.services.operations)
    going = run(LIMITED, job("slow", State.RUNNING, 8))
    operations.person = "U0LEE"
    found = await upcoming(build, going)
    assert found
    assert (found.action, found.person, found.run.jobs) == (Action.CANCEL, "U0LEE", ())
    build.cancelled_by, build.cancelled_at = "U0LEE", build.operation.services.clock()
    found = await upcoming(build, going)
    assert found
    assert (found.action, found.job, found.run.jobs) == (Action.READ, LIMITED, ())
    build.record(LIMITED, Annotation(), "")
    assert await upcoming(build, going) is None
    found = await upcoming(build, run(LIMITED, state=State.CANCELLED))
    assert found
    assert (found.action, found.run.jobs) == (Action.END, (LIMITED,))


async def test_a_run_that_does_not_end_when_cancelled_is_ended_by_force_once() -> None:
    build = FollowedBuild(operation(), 5, cancelled_by="U0LEE")
    going = run(job("slow", State.RUNNING, 8))
    build.cancelled_at = build.operation.services.clock() - FORCE_AFTER + 1
    assert await upcoming(build, going) is None
    build.cancelled_at -= 2
    found = await upcoming(build, going)
    assert found
    assert found.action is Action.FORCE
    build.forced = True
    assert await upcoming(build, going) is None


async def test_a_cancel_after_the_end_changes_nothing() -> None:
    build = FollowedBuild(operation(), 5)
    cast("Operations", build.operation.services.operations).person = "U0LEE"
    found = await upcoming(build, run(SIBLING, state=State.FAILED))
    assert found
    assert found.action is Action.END


async def test_an_error_of_watching_is_raised_where_news_are_awaited() -> None:
    follower = Follower(FollowedBuild(operation(), 5))
    follower._error = UnavailableError("watching", "GitHub cannot be reached")
    with pytest.raises(UnavailableError):
        await follower.next()


@pytest.mark.parametrize(
    ("jobs", "wanted", "places"),
    [
        (
            ("build (cron, dev)", "build (backend, prod)", "validate (cron)"),
            None,
            {("cron", "dev"), ("backend", "prod")},
        ),
        (("build (cron, dev)", "build (backend, prod)"), BuildRequest(("cron",), (), "main"), {("cron", "dev")}),
        ((), BuildRequest((), ("dev",), "main"), {("backend", "dev"), ("cron", "dev")}),
        ((), BuildRequest(("backend",), (), "main"), {("backend", "dev"), ("backend", "prod")}),
        ((), BuildRequest((), (), "main"), set()),
        ((), None, set()),
    ],
)
def test_what_is_expected_comes_from_the_file_or_the_words(
    jobs: tuple[str, ...], wanted: BuildRequest | None, places: set[tuple[str, str]]
) -> None:
    file = WorkflowFile("Build", dispatchable=True, jobs=jobs)
    assert expected_slots(CONFIG, file, wanted) == places


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
    read = await job_logs._read(build, await ended_job(stand_in))
    assert read.reading
    assert "RequestLimitExceeded" in read.reading.rate_limited
    assert "hunter22" not in repr(read)
    assert any("password is" in line for line in read.reading.tail)
    assert (read.why, list(build.operation.scratch.iterdir()) != []) == ("", True)


async def test_a_log_that_is_no_more_is_not_waited_for(build: FollowedBuild, stand_in: GitHubStandIn) -> None:
    gone = await ended_job(stand_in, lost=True)
    async with asyncio.timeout(job_logs.LOG_DELAY / 2):
        read = await job_logs._read(build, gone)
    assert (read.reading, read.why) == (None, "GitHub has no log of it (any more)")


async def test_of_a_large_log_the_end_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    path.write_bytes(b"\x1b[36mline\x1b[0m of a log\n" * 200_000 + b"the end\n")
    text = job_logs._end_of(path)
    assert text.startswith("(the last 1 MB of 4 MB; GitHub has the whole log)\nline of a log\n")
    assert text.endswith("the end\n")
    path.write_bytes(b"\x1b[31mall\x1b[0m")
    assert job_logs._end_of(path) == "all"
