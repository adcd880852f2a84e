"""What a push has to start and what it started, against GitHub's stand-in and its own reading of the filters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given, strategies as st

from runners.errors import AccessDeniedError
from runners.github.api.reads import CachedReads
from runners.github.runs import push_runs
from runners.results import State
from sandbox.github import GitHubError, push_filters
from tests.unit.runners.conftest import Fault

if TYPE_CHECKING:
    from runners.github import GitHub
    from sandbox.github import GitHubStandIn, Repository

APPLICATION = "PermanentOrg/application"
JOBS = "jobs: {build: {runs-on: x, steps: [{run: make}]}}\n"
PATTERNS = st.lists(
    st.sampled_from(["**", "*", "staging", "!staging", "rel/*", "src/**", "!src/**", "*.md"]), max_size=3
)


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    repository = stand_in.repository(APPLICATION)
    repository.runs_on_push = True
    return repository


def push(repository: Repository, message: str = "Change", **on: str) -> str:
    """A push to staging of workflows with these triggers, by file name without its suffix; the commit."""
    files = {f".github/workflows/{name}.yml": f"on: {trigger}\n{JOBS}" for name, trigger in on.items()}
    return repository.commit("staging", files, message).sha


async def of(github: GitHub, sha: str) -> push_runs.Expected:
    return await push_runs.expected(CachedReads(github), APPLICATION, sha, "staging")


async def test_what_a_push_has_to_start_is_what_it_started(
    github: GitHub, stand_in: GitHubStandIn, repository: Repository
) -> None:
    sha = push(
        repository,
        all="push",
        listed="[push, pull_request]",
        here="{push: {branches: [staging, main]}}",
        elsewhere="{push: {branches: [main]}}",
        ignored="{push: {branches-ignore: ['stag*']}}",
        tags="{push: {tags: [v1]}}",
        hand="workflow_dispatch",
    )
    expected = await of(github, sha)
    assert (expected.files, expected.skipped) == (("all.yml", "here.yml", "listed.yml"), False)
    await asyncio.gather(*map(repository.ended, list(repository.runs.values())))
    stand_in.site.listing_lag = 0.0
    runs = await push_runs.started(CachedReads(github), APPLICATION, sha, "staging")
    assert [(each.file, each.state) for each in runs] == [(name, State.SUCCEEDED) for name in expected.files]
    assert await push_runs.started(CachedReads(github), APPLICATION, sha, "main") == ()


@pytest.mark.parametrize("mark", ["[skip ci]", "[no ci]", "[actions skip]"])
async def test_a_message_that_forbids_runs_is_read(github: GitHub, repository: Repository, mark: str) -> None:
    sha = push(repository, f"Change {mark}", all="push")
    expected = await of(github, sha)
    assert (expected.files, expected.skipped) == ((), True)
    assert not repository.runs


async def test_paths_count_for_a_merge_only(github: GitHub, repository: Repository) -> None:
    sha = push(repository, source="{push: {paths: ['src/**']}}", docs="{push: {paths: ['docs/**']}}")
    assert (await of(github, sha)).files == ()
    repository.runs.clear()
    repository.graph.branch("feature", "staging")
    repository.commit("feature", {"src/new.php": "<?php\n"}, "Add a file")
    pull = repository.pulls.open("feature", "staging", title="Promote")
    repository.pulls.merge(pull, method="merge", title=None, message=None, sha=None, by="max-weber")
    assert (await of(github, pull.merge_commit or "")).files == ("source.yml",)
    assert [run.workflow.filename for run in repository.runs.values() if run.branch == "staging"] == ["source.yml"]


async def test_a_disabled_workflow_and_one_that_is_no_yaml_start_nothing(
    github: GitHub, repository: Repository
) -> None:
    repository.commit("main", {".github/workflows/all.yml": f"on: push\n{JOBS}"}, "Build")
    workflow = repository.workflow("all.yml")
    assert workflow is not None
    workflow.state = "disabled_manually"
    sha = push(repository, all="push")
    assert (await of(github, sha)).files == ()
    repository.runs_on_push = False
    graph = repository.graph
    odd = graph.commit(
        "staging", {".github/workflows/odd.yml": "- ["}, "Break it", repository.graph.resolve(sha).author
    )
    assert (await of(github, odd.sha)).files == ()


async def test_without_the_permission_the_error_says_so(github: GitHub, stand_in: GitHubStandIn) -> None:
    def refuse() -> None:
        raise GitHubError(403, "Resource not accessible by personal access token")

    stand_in.on_request.append(Fault("GET", "/actions/runs", refuse, times=9))
    with pytest.raises(AccessDeniedError):
        await push_runs.started(CachedReads(github), APPLICATION, "a" * 40, "staging")


@given(
    branches=PATTERNS,
    paths=PATTERNS,
    ignoring=st.booleans(),
    files=st.lists(st.sampled_from(["src/a", "b.md", "c"]), min_size=1),
)
def test_the_filters_are_those_of_the_stand_in(
    branches: list[str], paths: list[str], ignoring: bool, files: list[str]
) -> None:
    """The stand-in decides by code of its own, written from the same documentation."""
    suffix = "-ignore" if ignoring else ""
    usable = [pattern for pattern in paths if not (ignoring and pattern.startswith("!"))]
    filters = {key: value for key, value in {"branches": branches, f"paths{suffix}": usable}.items() if value}
    trigger = push_runs.push_trigger(yaml.safe_dump({"on": {"push": filters or None}}).encode())
    assert trigger is not None
    for branch in ("staging", "rel/1", "rel/a/b"):
        assert trigger.starts(branch, files) == push_filters.is_started(filters or None, branch, files), branch
