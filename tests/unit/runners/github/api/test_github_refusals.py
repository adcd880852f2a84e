"""Whatever GitHub refuses, at whichever call: an error that says what was being done, what is wrong and what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from runners.errors import (
    AccessDeniedError,
    NoSuchRefError,
    NotFoundError,
    RunnerError,
    UnavailableError,
    UncertainError,
)
from runners.github import GitHub, checks, commits, deployments, pulls, rights
from runners.github.api.client import ANSWER_TIMEOUT
from runners.github.api.reads import CachedReads
from runners.github.runs import dispatch, listing, logs, poller, reruns, workflow_file
from runners.results import PullRequest, PullState

HERE = "acme/infrastructure"
NOWHERE = Path("/nonexistent/log")
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
PULL = PullRequest(HERE, 3, "https://github.example/3", PullState.OPEN, "a" * 40)
RECORD = deployments.DeploymentRequest(HERE, "a" * 40, "dev", "#1", production=False, marker={"operation": 1})
Call = Callable[[GitHub], Coroutine[Any, Any, object]]


async def watch(github: GitHub) -> object:
    return [run async for run in poller.watch_run(github, HERE, 7, interval=0.01, outage_timeout=0.05)]


READS: dict[str, Call] = {
    "resolve": lambda github: commits.resolve(github, HERE, "main"),
    "compare": lambda github: commits.compare(github, HERE, "main", "dev"),
    "newest_run_id": lambda github: dispatch.newest_run_id(github, HERE, "deploy.yml"),
    "watch": watch,
    "difference": lambda github: commits.difference(CachedReads(github), HERE, "main", "dev"),
    "checks_of": lambda github: checks.checks_of(CachedReads(github), HERE, "a" * 40, branch=None),
    "find deployment": lambda github: deployments.find(github, RECORD),
    "find pull": lambda github: pulls.find(CachedReads(github), HERE, "dev", "staging"),
    "look at pull": lambda github: pulls.read(CachedReads(github), HERE, 3),
    "look at run": lambda github: reruns.newest_attempt(github, HERE, 7),
    "under_way": lambda github: listing.unfinished_runs(github, HERE, "build.yml"),
    "runs_since": lambda github: listing.runs_since(github, HERE, "build.yml", SINCE),
    "run list": lambda github: listing.RunList(github, HERE, "build.yml").created_since(SINCE),
    "read_run": lambda github: listing.read_run(github, HERE, 7),
    "rights": lambda github: rights.read_rights(github, HERE),
    "workflow file": lambda github: workflow_file.read(github, HERE, "build.yml", "main"),
    "workflow state": lambda github: workflow_file.state(github, HERE, "build.yml"),
}
# What may not be there without anything being wrong: a log not yet, or no more.
MAY_BE_MISSING: dict[str, Call] = {
    "job_log_tail": lambda github: logs.job_log_tail(github, HERE, 7),
    "download_job_log": lambda github: logs.download_job_log(github, HERE, 7, NOWHERE),
    "run_with_jobs": lambda github: listing.run_with_jobs(github, HERE, 7),
}
CHANGES: dict[str, Call] = {
    "dispatch": lambda github: dispatch.dispatch(github, HERE, "deploy.yml", "main"),
    "create deployment": lambda github: deployments.create(github, RECORD),
    "say": lambda github: deployments.set_state(github, HERE, 7, "success"),
    "merge": lambda github: pulls.merge(github, PULL, title="Promote"),
    "rerun": lambda github: reruns.rerun_failed(github, HERE, 7, attempt=1, timeout=0.05),
    "cancel": lambda github: reruns.cancel(github, HERE, 7),
    "open pull": lambda github: pulls.open_or_find(github, HERE, "dev", "staging", title="Promote", body="All"),
}
EVERY = READS | MAY_BE_MISSING | CHANGES
KINDS: dict[int, type[RunnerError]] = {
    401: AccessDeniedError,
    403: AccessDeniedError,
    404: NotFoundError,
    409: RunnerError,
    410: NotFoundError,
    422: RunnerError,
    429: UnavailableError,
    500: UnavailableError,
    503: UnavailableError,
}
HAS_NO_REMEDY = {422}  # what GitHub says is all there is


async def answered(
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    handler: Callable[[web.Request], Coroutine[Any, Any, web.Response]],
    *,
    answer_timeout: int = ANSWER_TIMEOUT,
) -> object:
    """What comes of a call when GitHub answers everything so."""
    monkeypatch.setattr("runners.github.api.client.LONGEST_WAIT", 0.0)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        url = str(server.make_url(""))
        github = GitHub(url, token="ghp_canary", write_pause=0, read_pause=0, answer_timeout=answer_timeout)
        try:
            async with asyncio.timeout(60):
                (outcome,) = await asyncio.gather(call(github), return_exceptions=True)
        finally:
            await github.close()
        return outcome


@pytest.mark.parametrize(
    ("name", "status"),
    # Watchers wait a rate limit out.
    [(name, status) for name in EVERY for status in KINDS if (name, status) != ("watch", 429)],
)
async def test_every_refusal_at_every_call_is_an_error_in_words(
    monkeypatch: pytest.MonkeyPatch, name: str, status: int
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"message": "So says GitHub"}, status=status)

    outcome = await answered(EVERY[name], monkeypatch, refuse)
    if status in (404, 410) and name in MAY_BE_MISSING:
        assert not outcome
        return
    if status in (409, 422) and name == "merge":  # an answer in itself
        assert outcome.refusal == "So says GitHub"  # type: ignore[attr-defined]
        return
    assert isinstance(outcome, KINDS[status]), repr(outcome)
    check_words(outcome, status)


def check_words(error: RunnerError, status: int) -> None:
    """What it says helps who reads it, and gives nothing away."""
    assert any(piece in error.doing for piece in (HERE, "deploy.yml", "deployment 7")), error.doing
    assert error.problem
    assert error.remedy or status in HAS_NO_REMEDY, f"{error} says not what to do"
    assert "canary" not in repr(error.__dict__)


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_in_githubs_fault_is_uncertain_where_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def fail_changes(request: web.Request) -> web.Response:
        if request.method != "GET":
            return web.json_response({"message": "Bad Gateway"}, status=502)
        status = "completed" if name == "rerun" else "in_progress"
        run = {"run_attempt": 1, "status": status, "conclusion": None, "head_sha": "a" * 40}
        return web.json_response([] if request.path.endswith("/pulls") else run)

    outcome = await answered(CHANGES[name], monkeypatch, fail_changes)
    if name == "cancel":
        assert outcome is True  # followers of the run see whether it ends
        return
    assert isinstance(outcome, UncertainError), repr(outcome)
    assert "Look on GitHub" in outcome.remedy


async def test_what_never_answers_is_given_up_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(6)
        return web.Response()

    names = [name for name in EVERY if name not in MAY_BE_MISSING]  # logs have a longer patience of their own

    async def all_of_them(github: GitHub) -> object:
        return await asyncio.gather(*(EVERY[name](github) for name in names), return_exceptions=True)

    outcomes = await answered(all_of_them, monkeypatch, hang, answer_timeout=1)
    assert isinstance(outcomes, list)
    for name, outcome in zip(names, outcomes, strict=True):
        assert isinstance(outcome, UnavailableError), f"{name}: {outcome!r}"
        assert "in time" in outcome.problem or "broke" in outcome.problem or "reached" in outcome.problem
        check_words(outcome, 0)


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "{}", '{"workflow_runs": 7}', "<html>"])
@pytest.mark.parametrize("name", READS)
async def test_an_answer_of_another_shape_never_passes_for_one(
    monkeypatch: pytest.MonkeyPatch, name: str, body: str
) -> None:
    async def nonsense(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    outcome = await answered(READS[name], monkeypatch, nonsense)
    harmless = {("find pull", "[]"), ("find deployment", "[]"), ("find pull", "{}"), ("find deployment", "{}")}
    if (name, body) not in harmless:
        assert isinstance(outcome, Exception) or name == "rights", repr(outcome)


@pytest.mark.parametrize(
    ("message", "kind", "remedy"),
    [
        ("Cannot trigger a 'workflow_dispatch' on a disabled workflow", RunnerError, "Enable the workflow"),
        ("Workflow does not have 'workflow_dispatch' trigger", RunnerError, "Add `workflow_dispatch`"),
        ('Unexpected inputs provided: ["colour"]', RunnerError, "Compare the inputs"),
        ("Required input 'machines' not provided", RunnerError, "Compare the inputs"),
        ("No ref found for: gone", NoSuchRefError, "Check the ref"),
    ],
)
async def test_why_a_workflow_does_not_start_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, message: str, kind: type[RunnerError], remedy: str
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"message": message}, status=422)

    outcome = await answered(CHANGES["dispatch"], monkeypatch, refuse)
    assert type(outcome) is kind
    assert message in outcome.problem
    assert remedy in outcome.remedy
    assert outcome.doing == f"dispatching deploy.yml at main in {HERE}"
