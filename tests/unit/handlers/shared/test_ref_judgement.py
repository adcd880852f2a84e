"""Whether a ref is allowed: by its name, under conditions, and never where GitHub does not say."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from bot.config import Refs
from bot.redaction import Redactor
from bot.slack.blocks.common import ApprovalView
from handlers.shared import ref_guard, ref_views
from handlers.shared.ref_judgement import RefRules, judge
from runners.errors import NotFoundError
from runners.github import GitHub, commits, ref_facts
from sandbox.github import GitHubStandIn
from sandbox.github.commits import Author

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from runners.results import RefStanding
    from sandbox.github import Repository

REPOSITORY, TOKEN = "acme/code", "ghp_all"
MALLORY = Author("Mallory", "m@lineside.example", "mallory")


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Repository, GitHub]]:
    server = GitHubStandIn(token=TOKEN, repositories={REPOSITORY: lambda _: None})
    await server.start()
    client = GitHub(server.url, token=TOKEN, write_pause=0, read_pause=0.01)
    repository = server.repository(REPOSITORY)
    repository.commit("main", {"main.tf": "", "notes.txt": ""}, "Begin")
    repository.graph.branch("release/1", "main")
    repository.commit("release/1", {"site.yml": "", "notes.txt": "x"}, "Release", MALLORY)
    try:
        yield repository, client
    finally:
        await client.close()
        await server.stop()


async def judged(github: GitHub, ref: str, refs: Refs) -> RefStanding:
    operation: Any = SimpleNamespace(services=SimpleNamespace(github=github, redact=Redactor(())))
    commit = await commits.resolve(github, REPOSITORY, ref)
    return await judge(operation, commit, RefRules(refs, "main", "environments.dev.refs"))


async def test_what_an_approver_reads_is_what_github_knows() -> None:
    async with world() as (repository, github):
        repository.pulls.open("release/1", "main", title="Release", user="mallory")
        standing = await judged(github, "release/1", Refs())
        assert not standing.allowed
        assert standing.refused == ""
        assert (standing.pusher, standing.pull.author if standing.pull else "") == ("mallory", "mallory")
        assert standing.difference
        assert (standing.difference.ahead, standing.difference.behind, standing.difference.files) == (1, 0, 2)
        assert standing.difference.deciding == ("site.yml",)
        text = "\n".join(ref_views.notices("dev", standing))
        for piece in (
            "branch `release/1`",
            "last pushed by mallory",
            "1 commit ahead",
            "`site.yml`",
            "does not allow it",
        ):
            assert piece in text


def protect(repository: Repository) -> None:
    repository.protect("release/1", reviews=1)


def review(repository: Repository) -> None:
    repository.pulls.open("release/1", "main", title="Release", user="mallory").review("lee-park")


@pytest.mark.parametrize(
    ("refs", "happens", "why"),
    [
        (Refs(allow=("release/*",)), lambda _: None, ""),
        (Refs(allow=("release/?",)), lambda _: None, ""),
        (Refs(allow=("refs/heads/release/1",)), lambda _: None, ""),
        (Refs(allow=("refs/tags/**",)), lambda _: None, "does not allow it"),
        (Refs(allow=("*",)), lambda _: None, "does not allow it"),
        (Refs(allow=("**",), contained_in_protected=True), lambda _: None, "no protected branch contains it"),
        (Refs(allow=("**",), contained_in_protected=True), protect, ""),
        (Refs(allow=("**",), reviewed=True), lambda _: None, "no open pull request into main"),
        (Refs(allow=("**",), reviewed=True), review, ""),
        (Refs(allow=("**",), reviewed=True, contained_in_protected=True), review, "no protected branch contains it"),
    ],
)
async def test_a_named_ref_has_to_meet_the_conditions(
    refs: Refs, happens: Callable[[Repository], None], why: str
) -> None:
    async with world() as (repository, github):
        happens(repository)
        standing = await judged(github, "release/1", refs)
        assert standing.allowed == (not why)
        assert why in standing.why
        refusing = await judged(github, "release/1", refs.model_copy(update={"otherwise": "refuse"}))
        assert bool(refusing.refused) == bool(why)


async def test_with_more_refs_than_are_searched_a_commit_is_refused_and_a_branch_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ref_facts, "PER_PAGE", 2)
    monkeypatch.setattr(ref_facts, "MOST_PAGES", 1)
    async with world() as (repository, github):
        commit = repository.graph.resolve("release/1")
        assert "too many" in (await judged(github, commit.sha, Refs())).refused
        assert not (await judged(github, "release/1", Refs())).refused


async def test_without_the_configured_ref_nothing_is_allowed() -> None:
    async with world() as (repository, github):
        del repository.graph.branches["main"]
        with pytest.raises(NotFoundError):
            await judged(github, "release/1", Refs(allow=("**",)))


@pytest.mark.parametrize(
    ("voters", "needed", "enough"),
    [(["U0ANA"], 1, False), (["U0LEE"], 1, True), (["U0ANA", "U0LEE"], 2, False), (["U0LEE", "U0MAX"], 2, True)],
)
def test_the_requester_never_counts(voters: list[str], needed: int, enough: bool) -> None:
    votes = tuple((voter, "approved", 1.0) for voter in voters)
    operation: Any = SimpleNamespace(record=SimpleNamespace(requester="U0ANA"))
    view = ApprovalView("id", needed, "approved", votes, 2.0, "anyone")
    assert ref_guard._voted_by_others(operation, view) is enough
