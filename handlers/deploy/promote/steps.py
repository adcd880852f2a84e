"""What a promotion changes on GitHub: pull requests opened and merged, each once whatever happens to the bot."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from handlers.deploy.promote.views import Promotion, Stage
from runners.errors import RunnerError, UnavailableError, UncertainError
from runners.github import commits, pulls
from runners.github.api.reads import CachedReads
from runners.results import PullState

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from runners.results import PullRequest

log = logging.getLogger(__name__)
TRIES = 3
PAUSE = 2.0  # seconds between them
LANDS_WITHIN = 30.0  # seconds until a branch shows what was merged into it; GitHub's copies may lag


async def open_all(operation: Operation, now: tuple[Promotion, ...], number: int, person: str) -> tuple[Promotion, ...]:
    """Durable: open a pull request wherever none is open, for this person."""
    opened = []
    for index, one in enumerate(now):
        if one.stage is Stage.UNOPENED:

            async def do(one: Promotion = one) -> Promotion:
                return await _open(operation, one, person)

            opened.append(await operation.once(f"open pull request {number}.{index}", do=do, recover=do))
        else:
            opened.append(one)
    return tuple(opened)


async def _open(operation: Operation, one: Promotion, person: str) -> Promotion:
    # It looks before it opens, and GitHub takes no second one from the same branch to the same branch.
    for left in reversed(range(TRIES)):
        try:
            pull = await pulls.open_or_find(
                operation.services.github,
                one.repository,
                one.source,
                one.target,
                title=f"Promote {one.source} to {one.target}",
                body=f"For the deploy to {operation.environment.name}, operation #{operation.number} of Signalbox.",
            )
        except UncertainError as error:
            if not left:
                return _not_opened(operation, one, error)
            await asyncio.sleep(PAUSE)
        except RunnerError as error:
            return _not_opened(operation, one, error)
        else:
            if pull:
                await operation.annotate(
                    "pull request", repository=one.repository, pull=f"#{pull.number}", url=pull.url, person=person
                )
            return replace(one, pull=pull, closed=None, refusal="")
    raise AssertionError("the last try returns")


def _not_opened(operation: Operation, one: Promotion, error: RunnerError) -> Promotion:
    log.warning("operation %s: %s", operation.number, operation.services.redact(str(error)))
    problem = f"{error.problem}. {error.remedy}" if error.remedy else error.problem
    return replace(one, refusal=operation.services.redact(f"The pull request was not opened: {problem}"))


async def merge_all(operation: Operation, now: tuple[Promotion, ...], number: int) -> tuple[Promotion, ...]:
    """Durable: merge what was approved, exactly those commits; what GitHub refuses says so."""
    merged = []
    for index, one in enumerate(now):
        if one.stage is Stage.READY:

            async def do(one: Promotion = one) -> Promotion:
                return await _merge(operation, one)

            merged.append(await operation.once(f"merge {number}.{index}", do=do, recover=do))
        else:
            merged.append(one)
    return tuple(merged)


async def _merge(operation: Operation, one: Promotion) -> Promotion:
    github, approved = operation.services.github, one.pull
    if approved is None:
        return one
    title = f"Promote {one.source} to {one.target}, #{approved.number}"
    for _ in range(TRIES):
        try:
            now = await pulls.read(CachedReads(github), one.repository, approved.number)
            if now.state is not PullState.OPEN:
                return await _noted(operation, replace(one, pull=now, refusal=""))
            # Merging names the approved commit, and a merged pull request cannot be merged again.
            answer = await pulls.merge(github, approved, title=title)
        except UnavailableError as error:
            log.warning("operation %s: %s", operation.number, operation.services.redact(str(error)))
            await asyncio.sleep(PAUSE)
            continue
        except RunnerError as error:
            return _not_merged(operation, one, error.problem)
        if answer.sha:
            merged = replace(approved, state=PullState.MERGED, merge_sha=answer.sha)
            return await _noted(operation, replace(one, pull=merged, refusal=""))
        refused = _not_merged(operation, one, answer.refusal)
        # With the head that is known now, the refusal stays in sight while its new commits are asked for.
        return replace(refused, pull=await _seen_again(operation, approved)) if answer.moved else refused
    return _not_merged(operation, one, "it does not answer")


def _not_merged(operation: Operation, one: Promotion, said: str) -> Promotion:
    return replace(one, refusal=operation.services.redact(f"GitHub refused the merge: {said}"))


async def _seen_again(operation: Operation, pull: PullRequest) -> PullRequest:
    try:
        return await pulls.read(CachedReads(operation.services.github), pull.repository, pull.number)
    except RunnerError as error:
        log.warning("operation %s: %s", operation.number, operation.services.redact(str(error)))
        return pull


async def _noted(operation: Operation, one: Promotion) -> Promotion:
    if one.pull and one.stage is Stage.MERGED:
        detail = {"repository": one.repository, "pull": f"#{one.pull.number}", "url": one.pull.url}
        await operation.annotate("merged", **detail, commit=one.pull.merge_sha[:7])
    return one


async def landed(operation: Operation, now: tuple[Promotion, ...]) -> None:
    """Durable: wait until the branch that is deployed shows what was merged into it, where it is the same branch."""
    repository, ref = operation.services.config.github.repository, operation.record.arguments["ref"]
    for one in now:
        if one.pull and one.pull.merge_sha and (one.repository.lower(), one.target) == (repository.lower(), ref):
            pull = one.pull
            await operation.step("the merge is there", lambda pull=pull: _wait_for(operation, pull, ref))  # type: ignore[misc]


async def _wait_for(operation: Operation, pull: PullRequest, ref: str) -> None:
    end = time.monotonic() + LANDS_WITHIN
    while True:
        found = await commits.difference(
            CachedReads(operation.services.github), pull.repository, pull.merge_sha, ref, lost=False
        )
        if found.behind == 0:
            return
        if time.monotonic() > end:
            raise RunnerError(
                f"looking for the merge of #{pull.number} on {ref}",
                f"{ref} does not have {pull.merge_sha[:7]}, although GitHub says that it was merged",
                remedy="Look at the branch on GitHub, then run /deploy again.",
            )
        await asyncio.sleep(PAUSE)
