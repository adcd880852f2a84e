"""A commit counts as reviewed only by somebody who has no part in it; each fact that is missing speaks against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runners.github import commits, ref_facts, ref_reviews
from runners.github.api.reads import CachedReads
from sandbox.github.commits import Author

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.github import GitHub
    from sandbox.github import GitHubStandIn, Repository
    from sandbox.github.records import Pull

HERE = "PermanentOrg/infrastructure"
MALLORY = Author("Mallory", "m@lineside.example", "mallory")


def opened(stand_in: GitHubStandIn, base: str = "main", user: str = "mallory") -> tuple[Repository, Pull]:
    repository = stand_in.repository(HERE)
    repository.graph.branch("feature", "main")
    repository.commit("feature", {"a.txt": "a"}, "Add a", MALLORY)
    return repository, repository.pulls.open("feature", base, title="Add a", user=user)


async def reason(github: GitHub) -> str:
    commit = await commits.resolve(github, HERE, "feature")
    reads = CachedReads(github)
    return await ref_reviews.not_reviewed(reads, commit, "main", await ref_facts.pulls_of(reads, HERE, commit.sha))


async def test_somebody_elses_approval_of_this_commit_counts(github: GitHub, stand_in: GitHubStandIn) -> None:
    _, pull = opened(stand_in)
    pull.review("lee-park")
    assert await reason(github) == ""


def stale(repository: Repository, pull: Pull) -> None:
    pull.review("lee-park")
    repository.commit("feature", {"b.txt": "b"}, "Add b", MALLORY)


def pushed_by_the_reviewer(repository: Repository, pull: Pull) -> None:
    repository.commit("feature", {"b.txt": "b"}, "Add b", Author("Lee", "l@lineside.example", "lee-park"))
    pull.review("lee-park")


def of_unknown_pusher(repository: Repository, pull: Pull) -> None:
    pull.review("lee-park")
    repository.activities.clear()


def requests_changes(_: Repository, pull: Pull) -> None:
    pull.review("lee-park")
    pull.review("max-weber", "CHANGES_REQUESTED")


def taken_back(_: Repository, pull: Pull) -> None:
    pull.review("lee-park")
    pull.review("lee-park", "DISMISSED")


def with_a_failed_check(repository: Repository, pull: Pull) -> None:
    repository.protect("main", required=["lint"])
    pull.review("lee-park")
    repository.checks.check("feature", "lint", "failure")


def with_a_check_that_nobody_reported(repository: Repository, pull: Pull) -> None:
    repository.protect("main", required=["lint"])
    pull.review("lee-park")


def closed(repository: Repository, pull: Pull) -> None:
    pull.review("lee-park")
    repository.pulls.edit(pull, "mallory", title=None, body=None, state="closed")


AGAINST = {
    "nobody else approved": lambda _repository, _pull: None,
    "nobody else approved, ": lambda _repository, pull: pull.review("mallory"),
    "nobody else approved, by the account of nobody": lambda _repository, pull: pull.review("a-stranger"),
    "nobody else approved, by a comment": lambda _repository, pull: pull.review("lee-park", "COMMENTED"),
    "nobody else approved, after": stale,
    "nobody else approved, own": pushed_by_the_reviewer,
    "nobody else approved, any more": taken_back,
    "who pushed #1": of_unknown_pusher,
    "max-weber requests changes": requests_changes,
    "its checks are not green: lint": with_a_failed_check,
    "its checks are not green: lint, unreported": with_a_check_that_nobody_reported,
    "no open pull request": closed,
}


@pytest.mark.parametrize("words", AGAINST)
async def test_nothing_less_counts(github: GitHub, stand_in: GitHubStandIn, words: str) -> None:
    happens: Callable[[Repository, Pull], None] = AGAINST[words]
    happens(*opened(stand_in))
    assert (await reason(github)).startswith(words.partition(", ")[0])


async def test_a_pull_request_into_another_branch_does_not_count(github: GitHub, stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository(HERE)
    repository.graph.branch("mine", "main")
    _, pull = opened(stand_in, base="mine")
    pull.review("lee-park")
    assert (await reason(github)).startswith("no open pull request into main")
