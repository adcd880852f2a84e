"""Dispatching, finding, following and reading workflow runs, against GitHub's stand-in."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from runners.errors import AccessDeniedError, NotFoundError, RunnerError, UnavailableError, UncertainError
from runners.github import GitHub, commits
from runners.github.runs import dispatch, logs, poller
from runners.github.runs.parsing import parse_run, parse_state
from runners.results import State, WorkflowRun
from sandbox.github import BOT_LOGIN, DropConnectionError, GitHubError, GitHubStandIn, sandbox_repositories
from tests.unit.runners.conftest import TOKEN, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REPOSITORY = "PermanentOrg/infrastructure"
DEPLOY = "deploy-staging.yml"


def raising(error: Exception) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


def posts(stand_in: GitHubStandIn) -> int:
    return sum(request.method == "POST" for request in stand_in.requests)


async def all_of(
    github: GitHub, run_id: int, interval: float = 0.05, *, outage_timeout: float = 900
) -> list[WorkflowRun]:
    watching = poller.watch_run(github, REPOSITORY, run_id, interval=interval, outage_timeout=outage_timeout)
    async with asyncio.timeout(60):
        return [run async for run in watching]


@pytest.mark.parametrize("ref", ["main", "staging", "last-applied"])
async def test_a_ref_resolves_to_its_commit(github: GitHub, stand_in: GitHubStandIn, ref: str) -> None:
    commit = await commits.resolve(github, REPOSITORY, ref)
    expected = stand_in.repository(REPOSITORY).graph.resolve(ref)
    assert (commit.sha, commit.ref, commit.repository) == (expected.sha, ref, REPOSITORY)
    assert commit.subject == expected.message.splitlines()[0]
    assert commit.author in {"ana-duarte", "lee-park", "max-weber"}
    assert commit.url.startswith(stand_in.url)
    assert (await commits.resolve(github, REPOSITORY, commit.sha)).sha == commit.sha


async def test_what_a_branch_has_that_a_commit_has_not_is_told_oldest_first(
    github: GitHub, stand_in: GitHubStandIn
) -> None:
    repository = stand_in.repository(REPOSITORY)
    before = repository.graph.resolve("main").sha
    made = [repository.commit("main", {f"{name}.txt": name}, f"Add {name}\n\nAt length.") for name in ("one", "two")]
    ahead = await commits.compare(github, REPOSITORY, before, "main")
    assert [(one.sha, one.subject, one.ref) for one in ahead] == [
        (made[0].sha, "Add one", "main"),
        (made[1].sha, "Add two", "main"),
    ]
    assert all(one.url.startswith(stand_in.url) for one in ahead)
    assert await commits.compare(github, REPOSITORY, "main", before) == ()
    assert await commits.compare(github, REPOSITORY, before, before) == ()


@pytest.mark.parametrize("head", ["nowhere", "../../../user?x=", "a/b"])
async def test_what_cannot_be_compared_is_not_found(github: GitHub, stand_in: GitHubStandIn, head: str) -> None:
    with pytest.raises(NotFoundError):
        await commits.compare(github, REPOSITORY, "main", head)
    assert all("/compare/" in request.path for request in stand_in.requests)


@pytest.mark.parametrize(("repository", "ref"), [(REPOSITORY, "nowhere"), ("PermanentOrg/nothing", "main")])
async def test_what_does_not_resolve_is_not_found(github: GitHub, repository: str, ref: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        await commits.resolve(github, repository, ref)
    assert caught.value.doing == f"resolving {ref} in {repository}"


@pytest.mark.parametrize("repository", ["a", "a/b/c", "../b", "a/..", "a/b?c", "a/b c", ""])
async def test_a_repository_that_is_no_name_is_refused(
    github: GitHub, stand_in: GitHubStandIn, repository: str
) -> None:
    for call in (commits.resolve(github, repository, "main"), dispatch.newest_run_id(github, repository, DEPLOY)):
        with pytest.raises(RunnerError, match="no name of a repository"):
            await call
    assert not stand_in.requests


async def test_a_ref_cannot_lead_to_another_address(github: GitHub, stand_in: GitHubStandIn) -> None:
    with pytest.raises(NotFoundError):
        await commits.resolve(github, REPOSITORY, "../../../../user?x=")
    assert all("/commits/" in request.path for request in stand_in.requests)


async def test_a_dispatch_tells_its_run(github: GitHub, stand_in: GitHubStandIn) -> None:
    assert await dispatch.newest_run_id(github, REPOSITORY, DEPLOY) == 0
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id in stand_in.repository(REPOSITORY).runs
    assert posts(stand_in) == 1
    await asyncio.sleep(0.4)
    assert await dispatch.newest_run_id(github, REPOSITORY, DEPLOY) == run_id


async def test_an_enterprise_server_that_does_not_tell_the_run_is_asked_without() -> None:
    server = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=200, enterprise=True)
    await server.start()
    client = GitHub(server.url, token=TOKEN, write_pause=0)
    assert await dispatch.dispatch(client, REPOSITORY, DEPLOY, "main") is None
    assert len(server.repository(REPOSITORY).runs) == 1
    with pytest.raises(NotFoundError, match="no such branch"):
        await dispatch.dispatch(client, REPOSITORY, DEPLOY, "nothing")
    await client.close()
    await server.stop()


@pytest.mark.parametrize(
    "error", [GitHubError(502, "Bad Gateway"), GitHubError(500, "Oops"), DropConnectionError()], ids=str
)
async def test_a_dispatch_without_an_answer_is_never_repeated_and_can_be_found(
    github: GitHub, stand_in: GitHubStandIn, error: Exception
) -> None:
    commit = await commits.resolve(github, REPOSITORY, "staging")
    baseline = await dispatch.newest_run_id(github, REPOSITORY, DEPLOY)
    stand_in.on_request.append(Fault("POST", "/dispatches", raising(error), phase="after"))
    with pytest.raises(UncertainError, match="may have happened"):
        await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert posts(stand_in) == 1
    found = await dispatch.find_dispatched(
        github,
        REPOSITORY,
        DEPLOY,
        ref="staging",
        head_sha=commit.sha,
        after_run_id=baseline,
        exclude=(),
        timeout=10,
        pause=0.1,
    )
    assert list(stand_in.repository(REPOSITORY).runs) == [found]


async def find(github: GitHub, *, exclude: Sequence[int] = (), sha: str = "", timeout: float = 1) -> int | None:
    return await dispatch.find_dispatched(
        github,
        REPOSITORY,
        DEPLOY,
        ref="staging",
        head_sha=sha,
        after_run_id=0,
        exclude=exclude,
        timeout=timeout,
        pause=0.1,
    )


async def test_a_dispatch_that_never_arrived_is_not_found(github: GitHub, stand_in: GitHubStandIn) -> None:
    stand_in.on_request.append(Fault("POST", "/dispatches", raising(DropConnectionError())))
    with pytest.raises(UncertainError):
        await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert await find(github) is None


async def test_runs_of_others_of_other_refs_and_claimed_ones_are_not_ours(
    github: GitHub, stand_in: GitHubStandIn
) -> None:
    repository = stand_in.repository(REPOSITORY)
    repository.dispatch(DEPLOY, "staging", actor="lee-park")
    repository.dispatch(DEPLOY, "main", actor=BOT_LOGIN)
    repository.dispatch("deploy-dev.yml", "staging", actor=BOT_LOGIN)
    claimed = repository.dispatch(DEPLOY, "staging", actor=BOT_LOGIN)
    assert await find(github, exclude=[claimed.run_id]) is None
    ours = repository.dispatch(DEPLOY, "staging", actor=BOT_LOGIN)
    assert await find(github, exclude=[claimed.run_id], timeout=5) == ours.run_id


async def test_a_run_at_the_resolved_commit_is_preferred_and_a_moved_branch_still_found(
    github: GitHub, stand_in: GitHubStandIn
) -> None:
    repository = stand_in.repository(REPOSITORY)
    sha = repository.graph.resolve("staging").sha
    repository.commit("staging", {"moved.txt": "on\n"}, "Move the branch")
    moved = repository.dispatch(DEPLOY, "staging", actor=BOT_LOGIN)
    assert await find(github, sha=sha, timeout=5) == moved.run_id
    assert await find(github, sha=moved.commit.sha, timeout=5) == moved.run_id


@pytest.mark.parametrize(
    ("workflow", "ref", "inputs", "refusal"),
    [
        ("nothing.yml", "main", {}, (NotFoundError, "there is no workflow nothing.yml")),
        (DEPLOY, "nowhere", {}, (NotFoundError, "No ref found for: nowhere")),
        (DEPLOY, "main", {"colour": "blue"}, (RunnerError, "Unexpected inputs")),
        ("checks.yml", "main", {}, (RunnerError, "'workflow_dispatch' trigger")),
    ],
)
async def test_a_refused_dispatch_says_what_github_says(
    github: GitHub, workflow: str, ref: str, inputs: dict[str, str], refusal: tuple[type[RunnerError], str]
) -> None:
    kind, words = refusal
    with pytest.raises(kind) as caught:
        await dispatch.dispatch(github, REPOSITORY, workflow, ref, inputs)
    assert words in caught.value.problem
    assert caught.value.remedy
    assert workflow in caught.value.doing


async def test_a_token_that_may_not_write_is_denied(stand_in: GitHubStandIn) -> None:
    github = GitHub(stand_in.url, token="ghp_reader")
    with pytest.raises(AccessDeniedError, match="forbids") as caught:
        await dispatch.dispatch(github, REPOSITORY, DEPLOY, "main")
    assert "permission" in caught.value.remedy
    await github.close()


async def test_a_token_that_is_wrong_is_denied_and_never_shown(stand_in: GitHubStandIn) -> None:
    github = GitHub(stand_in.url, token="ghp_wrong_canary", read_pause=0)
    for call in (
        commits.resolve(github, REPOSITORY, "main"),
        dispatch.newest_run_id(github, REPOSITORY, DEPLOY),
        logs.job_log_tail(github, REPOSITORY, 1),
    ):
        with pytest.raises(AccessDeniedError, match="credentials") as caught:
            await call
        assert "canary" not in repr(caught.value) + repr(caught.value.__dict__)
    await github.close()


async def test_the_rate_limit_names_the_time_when_it_ends(github: GitHub, stand_in: GitHubStandIn) -> None:
    stand_in.rate_limit.limit = 0
    for call in (commits.resolve(github, REPOSITORY, "main"), dispatch.newest_run_id(github, REPOSITORY, DEPLOY)):
        with pytest.raises(UnavailableError, match="rate limit") as caught:
            await call
        assert caught.value.retry_at
        assert caught.value.retry_at > datetime.now(UTC)
    with pytest.raises(UnavailableError, match="rate limit") as caught:
        await dispatch.dispatch(github, REPOSITORY, DEPLOY, "main")
    assert not isinstance(caught.value, UncertainError)


@pytest.mark.parametrize(
    "error",
    [
        GitHubError(502, "Bad Gateway"),
        DropConnectionError(),
        GitHubError(403, "You have exceeded a secondary rate limit", headers={"Retry-After": "0"}),
        GitHubError(429, "Too Many Requests", headers={"Retry-After": "1"}),
    ],
    ids=str,
)
async def test_reads_are_tried_again(github: GitHub, stand_in: GitHubStandIn, error: Exception) -> None:
    stand_in.on_request.append(Fault("GET", "/commits/", raising(error), times=2))
    assert (await commits.resolve(github, REPOSITORY, "main")).sha
    stand_in.on_request.append(Fault("GET", "/runs", raising(error), times=2))
    assert await dispatch.newest_run_id(github, REPOSITORY, DEPLOY) == 0


async def test_a_run_is_followed_to_its_end(github: GitHub, stand_in: GitHubStandIn) -> None:
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    seen = await all_of(github, run_id)
    assert [run.state.ended for run in seen] == [False] * (len(seen) - 1) + [True]
    last = seen[-1]
    assert last.state is State.SUCCEEDED
    assert {job.name for job in last.jobs} == {f"deploy ({name})" for name in ("backend", "cron", "taskrunner", "sftp")}
    assert all(job.state is State.SUCCEEDED and job.started_at and job.ended_at for job in last.jobs)
    assert last.ended_at == max(job.ended_at for job in last.jobs if job.ended_at)
    assert State.RUNNING in {run.state for run in seen}
    assert all(one != other for one, other in itertools.pairwise(seen))


async def test_looking_again_is_conditional_and_shared_by_all_who_watch(
    github: GitHub, stand_in: GitHubStandIn
) -> None:
    stand_in.repository(REPOSITORY).hang_next(DEPLOY, job="cron")
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    before = len(stand_in.requests)
    watching = [asyncio.create_task(all_of(github, run_id, 0.2)) for _ in range(5)]
    await asyncio.sleep(1.5)
    looks = list(stand_in.requests)[before:]
    assert len(looks) <= 2 * 9
    assert sum(look.status == 304 for look in looks) >= 4
    assert all(look.conditional for look in looks[2:])
    repository = stand_in.repository(REPOSITORY)
    await repository.cancel(repository.runs[run_id])
    ends = [(await one)[-1] for one in watching]
    assert {end.state for end in ends} == {State.CANCELLED}
    assert len({id(github.pollers[REPOSITORY])}) == len(github.pollers)


async def test_two_runs_are_watched_side_by_side(github: GitHub) -> None:
    ids = [await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging") for _ in range(2)]
    ends = await asyncio.gather(*(all_of(github, run_id) for run_id in ids if run_id))
    assert [end[-1].run_id for end in ends] == ids


async def test_who_stops_watching_stops_the_looking(github: GitHub, stand_in: GitHubStandIn) -> None:
    stand_in.repository(REPOSITORY).hang_next(DEPLOY, job="cron")
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    watching = asyncio.create_task(all_of(github, run_id))
    await asyncio.sleep(0.3)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    await asyncio.sleep(0.2)
    before = len(stand_in.requests)
    await asyncio.sleep(0.4)
    assert len(stand_in.requests) == before


async def test_a_failed_job_names_its_step_and_its_log_tells_why(github: GitHub, stand_in: GitHubStandIn) -> None:
    lines = [f"line {number}" for number in range(50)]
    stand_in.repository(REPOSITORY).fail_next(DEPLOY, job="cron", step="Run playbook", log=[*lines, "no such host"])
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    last = (await all_of(github, run_id))[-1]
    assert last.state is State.FAILED
    failed = next(job for job in last.failed_jobs if job.name == "deploy (cron)")
    assert failed.failing_step == "Run playbook"
    tail = await logs.job_log_tail(github, REPOSITORY, failed.job_id, lines=10)
    assert len(tail.splitlines()) == 10
    assert "no such host" in tail
    assert tail.splitlines()[-1].startswith("Error: ")
    assert "2026-" not in tail


async def test_a_job_without_a_log_has_an_empty_tail(github: GitHub, stand_in: GitHubStandIn) -> None:
    stand_in.repository(REPOSITORY).hang_next(DEPLOY, job="cron")
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    first = await anext(aiter(poller.watch_run(github, REPOSITORY, run_id, interval=0.05)))
    assert await logs.job_log_tail(github, REPOSITORY, first.jobs[0].job_id) == ""
    assert await logs.job_log_tail(github, REPOSITORY, 1) == ""


async def test_watching_outlives_an_outage(github: GitHub, stand_in: GitHubStandIn) -> None:
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    faults = itertools.cycle([GitHubError(502, "Bad Gateway"), DropConnectionError(), GitHubError(503, "Busy")])

    def act() -> object:
        raise next(faults)

    stand_in.on_request.append(Fault("GET", f"/runs/{run_id}", act, times=20))
    assert (await all_of(github, run_id))[-1].state is State.SUCCEEDED


async def test_watching_ends_when_the_outage_lasts(github: GitHub, stand_in: GitHubStandIn) -> None:
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    stand_in.on_request.append(Fault("GET", "/runs/", raising(GitHubError(502, "Bad Gateway")), times=10_000))
    with pytest.raises(UnavailableError, match="502"):
        await all_of(github, run_id, outage_timeout=0.5)


async def test_watching_a_run_that_is_not_there_ends(github: GitHub) -> None:
    with pytest.raises(NotFoundError):
        await all_of(github, 42, 0.02)


async def test_watching_with_a_refused_token_ends(stand_in: GitHubStandIn) -> None:
    github = GitHub(stand_in.url, token="ghp_wrong")
    with pytest.raises(AccessDeniedError):
        await all_of(github, 42)
    await github.close()


async def test_watching_an_answer_that_makes_no_sense_ends(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nonsense(*_: object, **__: object) -> object:
        raise KeyError("total_count")

    monkeypatch.setattr(github, "get", nonsense)
    with pytest.raises(RunnerError, match="makes no sense"):
        await all_of(github, 42)


async def test_the_token_goes_into_no_recorded_address(github: GitHub, stand_in: GitHubStandIn) -> None:
    await commits.resolve(github, REPOSITORY, "main")
    assert all(TOKEN not in request.path + repr(request.query) for request in stand_in.requests)


@pytest.mark.parametrize(
    ("status", "conclusion", "expected"),
    [
        ("queued", None, State.WAITING),
        ("pending", None, State.WAITING),
        ("something new", None, State.WAITING),
        ("in_progress", None, State.RUNNING),
        ("completed", None, State.RUNNING),
        ("completed", "success", State.SUCCEEDED),
        ("completed", "neutral", State.SUCCEEDED),
        ("completed", "failure", State.FAILED),
        ("completed", "timed_out", State.FAILED),
        ("completed", "startup_failure", State.FAILED),
        ("completed", "cancelled", State.CANCELLED),
        ("completed", "skipped", State.SKIPPED),
        ("completed", "action_required", State.UNKNOWN),
        ("completed", "something new", State.UNKNOWN),
    ],
)
def test_every_status_has_its_state(status: str, conclusion: str | None, expected: State) -> None:
    assert parse_state(status, conclusion) is expected


def test_a_run_without_jobs_ends_when_it_was_last_touched() -> None:
    run: dict[str, Any] = {
        "id": 1,
        "status": "completed",
        "conclusion": "startup_failure",
        "run_number": 3,
        "name": None,
        "path": ".github/workflows/deploy.yml",
        "head_sha": "a" * 40,
        "html_url": "https://github.example/1",
        "created_at": "2026-11-23T10:00:00Z",
        "updated_at": "2026-11-23T10:00:05Z",
    }
    seen = parse_run("o/r", run, [])
    assert (seen.state, seen.workflow, seen.attempt) == (State.FAILED, "deploy.yml", 1)
    assert seen.ended_at == datetime(2026, 11, 23, 10, 0, 5, tzinfo=UTC)
