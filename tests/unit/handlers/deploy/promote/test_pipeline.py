"""The pipeline of a promotion: what it waits for, and its message, whatever is in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, strategies as st

from bot.redaction import Redactor
from bot.slack.blocks import kit
from bot.slack.blocks.common import CANCEL, Head
from handlers.deploy.promote import pipeline_views as views
from handlers.deploy.promote.pipeline import YOUNG, PipelineReader, PipelineResult, pipelines_of
from handlers.deploy.promote.pipeline_views import Pipeline
from handlers.deploy.promote.views import SKIP
from runners.github import GitHub
from runners.results import State, WorkflowRun
from sandbox.github import GitHubError, GitHubStandIn, sandbox_repositories
from tests.unit.bot.drawn import buttons, hostile, read
from tests.unit.handlers.deploy.promote.test_views import MERGED, NOTHING, READY
from tests.unit.runners.conftest import TOKEN, Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.config import Promote
    from bot.operations.operation import Operation
    from sandbox.github import Repository

APPLICATION = "PermanentOrg/application"
HEAD = Head(7, "Deploy main to staging", "staging", "U0ANA")
BUILD = "on: push\njobs: {build: {runs-on: x, steps: [{run: make}]}}\n"
STATES = st.sampled_from([state for state in State if state not in (State.UNREACHABLE, State.NOT_REACHED)])


@pytest.fixture
async def stand_in() -> AsyncIterator[GitHubStandIn]:
    server = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=200)
    server.site.listing_lag = 0.0
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository(APPLICATION)


@pytest.fixture
async def github(stand_in: GitHubStandIn) -> AsyncIterator[GitHub]:
    github = GitHub(stand_in.url, token=TOKEN, write_pause=0, read_pause=0.01)
    yield github
    await github.close()


def reader(github: GitHub, at: float, chosen: bool | tuple[str, ...] = True) -> PipelineReader:
    services = SimpleNamespace(github=github, redact=Redactor([]), clock=lambda: at)
    settings = cast("Promote", SimpleNamespace(pipeline=chosen))
    return PipelineReader(cast("Operation", SimpleNamespace(services=services)), settings)


@pytest.mark.parametrize("merged", [True, False])
async def test_a_run_that_has_not_appeared_is_waited_for_while_it_may_appear(
    github: GitHub, repository: Repository, merged: bool
) -> None:
    commit = repository.commit("staging", {".github/workflows/build.yml": BUILD}, "Build")
    begun = (Pipeline(APPLICATION, "staging", sha=commit.sha if merged else "", merged=merged),)
    young, old = commit.at.timestamp(), (commit.at + YOUNG + timedelta(minutes=1)).timestamp()
    (now,) = await reader(github, young).read(begun)
    assert (now.sha, now.missing, now.ended) == (commit.sha, ("build.yml",), False)
    (later,) = await reader(github, old).read(begun)
    assert later.ended is not merged
    (other,) = await reader(github, young, ("release.yml",)).read(begun)
    assert other.passed


async def test_what_github_does_not_answer_is_no_end(github: GitHub, stand_in: GitHubStandIn) -> None:
    def fail() -> None:
        raise GitHubError(502, "Bad Gateway")

    stand_in.on_request.append(Fault("GET", "/commits/", fail, times=9))
    (now,) = await reader(github, 0.0).read((Pipeline(APPLICATION, "staging"),))
    assert now.problem
    assert not now.ended
    assert now.problem[:20] in read(views.waiting(HEAD, [now]))


def test_what_was_merged_and_what_needed_no_merge_is_waited_for() -> None:
    assert [each.merged for each in pipelines_of((MERGED, NOTHING, READY), merged_only=False)] == [True, False]
    assert [each.sha for each in pipelines_of((MERGED, NOTHING, READY), merged_only=True)] == ["c" * 40]


def run(state: State, name: str = "Build") -> WorkflowRun:
    moment = datetime(2026, 11, 20, 10, tzinfo=UTC)
    return WorkflowRun("o/app", 4, 2, 1, name, "c" * 40, state, "https://github.com/r/4", moment)


@given(st.lists(STATES, min_size=1, max_size=9), st.booleans())
def test_it_passes_only_if_every_run_ended_well(states: list[State], missing: bool) -> None:
    runs = tuple(run(state) for state in states)
    pipeline = Pipeline("o/app", "staging", "c" * 40, runs=runs, missing=("x.yml",) if missing else (), read=True)
    well = set(states) <= {State.SUCCEEDED, State.SKIPPED} and not missing
    assert PipelineResult((pipeline,)).passed is well
    assert pipeline.failed is any(state in (State.FAILED, State.CANCELLED, State.UNKNOWN) for state in states)
    assert PipelineResult((pipeline,), "U0LEE").passed


@given(hostile)
def test_slack_takes_whatever_is_in_it(text: str) -> None:
    pipeline = Pipeline(text, text, text, True, (run(State.FAILED, text),), (text,), problem=text, read=True)
    for message in (
        views.waiting(HEAD, [pipeline] * 9),
        views.stopped(HEAD, [pipeline] * 9, f"*{kit.escape(text)}*", text),
    ):
        read(message)


def test_the_messages_say_what_happens_and_what_to_do() -> None:
    running = Pipeline(
        "o/app", "staging", "c" * 40, merged=True, runs=(run(State.RUNNING),), missing=("x.yml",), read=True
    )
    waits = views.waiting(HEAD, [running])
    assert "waiting for the pipeline of o/app" in read(waits)
    assert "`x.yml`: its run has not appeared yet" in read(waits)
    assert buttons(waits) == [SKIP, CANCEL]
    failed = replace(running, runs=(run(State.FAILED),))
    stopped = read(views.stopped(HEAD, [failed], "promoted", "/deploy staging"))
    assert "the pipeline of o/app failed, so nothing was deployed" in stopped
    assert "`/deploy staging`" in stopped
    late = read(views.stopped(HEAD, [running], "promoted", "/deploy staging"))
    assert "did not end in time" in late
    done = replace(running, runs=(run(State.SUCCEEDED),), missing=())
    assert "Build, run 2> passed" in views.notice([done])
    assert "No workflow of *o/app* ran" in views.notice([replace(done, runs=())])
    assert "nothing runs for it" in views.notice([replace(done, runs=(), skipped=True)])
    assert "@lee chose not to wait" in read(views.stopped(HEAD, [done], views.notice([running], "U0LEE"), ""))
