"""The state of a promotion, read repeatedly from GitHub's stand-in."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bot.redaction import Redactor
from handlers.deploy.promote.state import PromotionReader, digest_text, same_to_merge
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
async def reader(stand_in: GitHubStandIn) -> AsyncIterator[PromotionReader]:
    github = GitHub(stand_in.url, token=TOKEN, write_pause=0, read_pause=0.01)
    services = SimpleNamespace(github=github, redact=Redactor([SECRET]), clock=lambda: 1_000.0)
    yield PromotionReader(cast("Services", services))
    await github.close()


async def becomes(reader: PromotionReader, promotions: tuple[Promotion, ...], stage: Stage) -> tuple[Promotion, ...]:
    """Read until the promotion has this stage: GitHub computes some of its facts only when they are read."""
    async with asyncio.timeout(60):
        while True:
            promotions = await reader.read(promotions)
            if promotions[0].stage is stage:
                return promotions
            await asyncio.sleep(0.02)


async def test_from_nothing_to_merged(reader: PromotionReader, repository: Repository) -> None:
    promotions = await reader.read(UNKNOWN)
    assert promotions[0].stage is Stage.UNOPENED
    repository.protect("staging", required=["lint"])
    pull = repository.pulls.open("dev", "staging", title="By hand")
    lint = repository.checks.check("dev", "lint", None)
    promotions = await becomes(reader, promotions, Stage.RUNNING)
    lint.complete("failure")
    promotions = await becomes(reader, promotions, Stage.FAILED)
    repository.checks.check("dev", "lint")
    promotions = await becomes(reader, promotions, Stage.READY)
    assert digest_text(promotions) == f"{APPLICATION}#1@{pull.head_sha}"
    repository.pulls.merge(pull, method="merge", title=None, message=None, sha=None, by="max-weber")
    promotions = await becomes(reader, promotions, Stage.MERGED)
    assert promotions[0].done


async def test_one_that_was_squashed_is_merged_as_well(reader: PromotionReader, repository: Repository) -> None:
    pull = repository.pulls.open("dev", "staging", title="By hand")
    promotions = await becomes(reader, UNKNOWN, Stage.READY)
    repository.pulls.merge(pull, method="squash", title=None, message=None, sha=None, by="max-weber")
    await becomes(reader, promotions, Stage.MERGED)


async def test_one_that_was_closed_is_named_and_another_one_is_found(
    reader: PromotionReader, repository: Repository
) -> None:
    first = repository.pulls.open("dev", "staging", title="First")
    promotions = await becomes(reader, UNKNOWN, Stage.READY)
    repository.pulls.edit(first, "max-weber", title=None, body=None, state="closed")
    promotions = await reader.read(promotions)
    assert (promotions[0].stage, promotions[0].closed) == (Stage.UNOPENED, 1)
    promotions = await reader.read(promotions)
    assert promotions[0].closed == 1
    repository.pulls.open("dev", "staging", title="Second")
    promotions = await becomes(reader, promotions, Stage.READY)
    assert (promotions[0].pull and promotions[0].pull.number, promotions[0].closed) == (2, None)


async def test_other_commits_are_not_the_same_to_merge(reader: PromotionReader, repository: Repository) -> None:
    repository.pulls.open("dev", "staging", title="First")
    promotions = await becomes(reader, UNKNOWN, Stage.READY)
    assert same_to_merge(promotions, await reader.read(promotions))
    repository.commit("dev", {"later": "1"}, "Come later")
    later = await becomes(reader, promotions, Stage.READY)
    assert not same_to_merge(promotions, later)


async def test_checks_that_turn_red_are_not_the_same_to_merge(reader: PromotionReader, repository: Repository) -> None:
    repository.pulls.open("dev", "staging", title="First")
    promotions = await becomes(reader, UNKNOWN, Stage.READY)
    repository.checks.check("dev", "lint", "failure")
    assert not same_to_merge(promotions, await reader.read(promotions))


async def test_a_conflict_is_told(reader: PromotionReader, repository: Repository) -> None:
    repository.commit("staging", {"src/upload.php": "another way"}, "Go another way")
    repository.pulls.open("dev", "staging", title="First")
    await becomes(reader, UNKNOWN, Stage.CONFLICT)


async def test_a_repository_that_is_not_there_is_a_problem_with_a_remedy(reader: PromotionReader) -> None:
    (promotion,) = await reader.read((Promotion("PermanentOrg/nothing", "dev", "staging"),))
    assert promotion.stage is Stage.PROBLEM
    assert "GitHub has nothing there, or hides it from us" in promotion.problem
    assert "may see the repository" in promotion.problem


async def test_silence_keeps_what_was_known_and_is_told_until_it_ends(
    reader: PromotionReader, stand_in: GitHubStandIn, repository: Repository
) -> None:
    promotions = await reader.read(UNKNOWN)

    def drop() -> None:
        raise DropConnectionError

    stand_in.on_request.append(Fault("GET", "/repos/", drop, times=99))
    assert await reader.read(promotions) == promotions
    assert reader.outage_since == 1_000.0
    stand_in.on_request.clear()
    repository.pulls.open("dev", "staging", title="Meanwhile")
    await becomes(reader, promotions, Stage.READY)
    assert reader.outage_since is None


async def test_a_rate_limit_says_until_when(reader: PromotionReader, stand_in: GitHubStandIn) -> None:
    def limit() -> None:
        raise GitHubError(403, "You have exceeded a secondary rate limit", headers={"Retry-After": "60"})

    stand_in.on_request.append(Fault("GET", "/repos/", limit, times=9))
    assert await reader.read(UNKNOWN) == UNKNOWN
    assert reader.retry_at is not None


async def test_secrets_in_commits_are_taken_out(reader: PromotionReader, repository: Repository) -> None:
    repository.commit("dev", {"x": "y"}, f"Set the word to {SECRET}")
    (promotion,) = await reader.read(UNKNOWN)
    assert promotion.difference
    assert promotion.difference.commits[0].subject == "Set the word to [redacted]"
