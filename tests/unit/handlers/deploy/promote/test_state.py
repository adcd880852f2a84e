"""How a promotion stands on GitHub, looked at again and again, against GitHub's stand-in."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bot.redaction import Redactor
from handlers.deploy.promote.state import Looking, digest_text, same_to_merge
from handlers.deploy.promote.views import Promotion, Stage
from runners.github import GitHub
from sandbox.github import DropConnectionError, GitHubError, GitHubStandIn, sandbox_repositories
from tests.unit.runners.conftest import TOKEN, Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.services import Services
    from sandbox.github import Repository

APPLICATION = "PermanentOrg/application"
UNKNOWN = (Promotion(APPLICATION, "dev", "staging"),)
SECRET = "hunter2-and-more"


@pytest.fixture
async def stand_in() -> AsyncIterator[GitHubStandIn]:
    server = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=200)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository(APPLICATION)


@pytest.fixture
async def looking(stand_in: GitHubStandIn) -> AsyncIterator[Looking]:
    github = GitHub(stand_in.url, token=TOKEN, write_pause=0, read_pause=0.01)
    services = SimpleNamespace(github=github, redact=Redactor([SECRET]), clock=lambda: 1_000.0)
    yield Looking(cast("Services", services))
    await github.close()


async def becomes(looking: Looking, known: tuple[Promotion, ...], stage: Stage) -> tuple[Promotion, ...]:
    """Look until it stands so: GitHub works some things out only when it is looked at."""
    async with asyncio.timeout(60):
        while True:
            known = await looking.again(known)
            if known[0].stage is stage:
                return known
            await asyncio.sleep(0.02)


async def test_from_nothing_to_merged(looking: Looking, repository: Repository) -> None:
    known = await looking.again(UNKNOWN)
    assert known[0].stage is Stage.UNOPENED
    repository.protect("staging", required=["lint"])
    pull = repository.pulls.open("dev", "staging", title="By hand")
    lint = repository.checks.check("dev", "lint", None)
    known = await becomes(looking, known, Stage.RUNNING)
    lint.complete("failure")
    known = await becomes(looking, known, Stage.FAILED)
    repository.checks.check("dev", "lint")
    known = await becomes(looking, known, Stage.READY)
    assert digest_text(known) == f"{APPLICATION}#1@{pull.head_sha}"
    repository.pulls.merge(pull, method="merge", title=None, message=None, sha=None, by="max-weber")
    known = await becomes(looking, known, Stage.MERGED)
    assert known[0].over


async def test_one_that_was_squashed_is_merged_as_well(looking: Looking, repository: Repository) -> None:
    pull = repository.pulls.open("dev", "staging", title="By hand")
    known = await becomes(looking, UNKNOWN, Stage.READY)
    repository.pulls.merge(pull, method="squash", title=None, message=None, sha=None, by="max-weber")
    await becomes(looking, known, Stage.MERGED)


async def test_one_that_was_closed_is_named_and_another_one_is_found(looking: Looking, repository: Repository) -> None:
    first = repository.pulls.open("dev", "staging", title="First")
    known = await becomes(looking, UNKNOWN, Stage.READY)
    repository.pulls.edit(first, "max-weber", title=None, body=None, state="closed")
    known = await looking.again(known)
    assert (known[0].stage, known[0].closed) == (Stage.UNOPENED, 1)
    known = await looking.again(known)
    assert known[0].closed == 1
    repository.pulls.open("dev", "staging", title="Second")
    known = await becomes(looking, known, Stage.READY)
    assert (known[0].pull and known[0].pull.number, known[0].closed) == (2, None)


async def test_other_commits_are_not_the_same_to_merge(looking: Looking, repository: Repository) -> None:
    repository.pulls.open("dev", "staging", title="First")
    known = await becomes(looking, UNKNOWN, Stage.READY)
    assert same_to_merge(known, await looking.again(known))
    repository.commit("dev", {"later": "1"}, "Come later")
    later = await becomes(looking, known, Stage.READY)
    assert not same_to_merge(known, later)


async def test_checks_that_turn_red_are_not_the_same_to_merge(looking: Looking, repository: Repository) -> None:
    repository.pulls.open("dev", "staging", title="First")
    known = await becomes(looking, UNKNOWN, Stage.READY)
    repository.checks.check("dev", "lint", "failure")
    assert not same_to_merge(known, await looking.again(known))


async def test_a_conflict_is_told(looking: Looking, repository: Repository) -> None:
    repository.commit("staging", {"src/upload.php": "another way"}, "Go another way")
    repository.pulls.open("dev", "staging", title="First")
    await becomes(looking, UNKNOWN, Stage.CONFLICT)


async def test_a_repository_that_is_not_there_is_a_problem_with_a_remedy(looking: Looking) -> None:
    (found,) = await looking.again((Promotion("PermanentOrg/nothing", "dev", "staging"),))
    assert found.stage is Stage.PROBLEM
    assert "GitHub has nothing there, or hides it from us" in found.problem
    assert "may see the repository" in found.problem


async def test_silence_keeps_what_was_known_and_is_told_until_it_ends(
    looking: Looking, stand_in: GitHubStandIn, repository: Repository
) -> None:
    known = await looking.again(UNKNOWN)

    def drop() -> None:
        raise DropConnectionError

    stand_in.on_request.append(Fault("GET", "/repos/", drop, times=99))
    assert await looking.again(known) == known
    assert looking.silent_since == 1_000.0
    stand_in.on_request.clear()
    repository.pulls.open("dev", "staging", title="Meanwhile")
    await becomes(looking, known, Stage.READY)
    assert looking.silent_since is None


async def test_a_rate_limit_says_until_when(looking: Looking, stand_in: GitHubStandIn) -> None:
    def limit() -> None:
        raise GitHubError(403, "You have exceeded a secondary rate limit", headers={"Retry-After": "60"})

    stand_in.on_request.append(Fault("GET", "/repos/", limit, times=9))
    assert await looking.again(UNKNOWN) == UNKNOWN
    assert looking.patience_until is not None


async def test_secrets_in_commits_are_taken_out(looking: Looking, repository: Repository) -> None:
    repository.commit("dev", {"x": "y"}, f"Set the word to {SECRET}")
    (found,) = await looking.again(UNKNOWN)
    assert found.difference
    assert found.difference.commits[0].subject == "Set the word to [redacted]"
