"""What a promotion changes on GitHub: pull requests opened and merged, each once also when the bot is killed."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from handlers.deploy.promote.views import Promotion, Stage
from runners.errors import RunnerError, UnavailableError, UncertainError
from runners.github import commits, pulls
from runners.github.api.reads import CachedReads
from runners.results import PullState

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.operations.operation import Operation
    from runners.results import PullRequest

    Change = Callable[[Operation, Promotion], Coroutine[None, None, Promotion]]

log = logging.getLogger(__name__)
TRIES = 3
PAUSE = 2.0  # seconds between them
VISIBLE_WITHIN = 30.0  # seconds until a branch has what was merged into it; GitHub's replicas may lag


async def open_all(
    operation: Operation, promotions: tuple[Promotion, ...], number: int, person: str
) -> tuple[Promotion, ...]:
    """Durable: open the missing pull requests, for this person."""
    change = partial(_open, person=person)
    return await _change_all(operation, promotions, Stage.UNOPENED, f"open pull request {number}", change)


async def merge_all(operation: Operation, promotions: tuple[Promotion, ...], number: int) -> tuple[Promotion, ...]:
    """Durable: merge exactly the approved commits; a promotion has the reason where GitHub refuses."""
    return await _change_all(operation, promotions, Stage.READY, f"merge {number}", _merge)


async def _change_all(
    operation: Operation, promotions: tuple[Promotion, ...], stage: Stage, name: str, change: Change
) -> tuple[Promotion, ...]:
    changed = [
        await _change_once(operation, promotion, f"{name}.{index}", change) if promotion.stage is stage else promotion
        for index, promotion in enumerate(promotions)
    ]
    return tuple(changed)


async def _change_once(operation: Operation, promotion: Promotion, name: str, change: Change) -> Promotion:
    async def do() -> Promotion:
        return await change(operation, promotion)

    return await operation.once(name, do=do, recover=do)


async def _open(operation: Operation, promotion: Promotion, *, person: str) -> Promotion:
    # Safe to repeat: it searches before it opens, and GitHub takes no second pull request between the same branches.
    for remaining in reversed(range(TRIES)):
        try:
            pull = await pulls.open_or_find(
                operation.services.github,
                promotion.repository,
                promotion.source,
                promotion.target,
                title=f"Promote {promotion.source} to {promotion.target}",
                body=f"For the deploy to {operation.environment.name}, operation #{operation.number} of Signalbox.",
            )
        except UncertainError as error:
            if not remaining:
                return _not_opened(operation, promotion, error)
            await asyncio.sleep(PAUSE)
        except RunnerError as error:
            return _not_opened(operation, promotion, error)
        else:
            if pull:
                detail = {"repository": promotion.repository, "pull": f"#{pull.number}", "url": pull.url}
                await operation.annotate("pull request", **detail, person=person)
            return replace(promotion, pull=pull, closed=None, refusal="")
    raise AssertionError("the last try returns")


def _not_opened(operation: Operation, promotion: Promotion, error: RunnerError) -> Promotion:
    log.warning("operation %s: %s", operation.number, operation.services.redact(str(error)))
    problem = f"{error.problem}. {error.remedy}" if error.remedy else error.problem
    return replace(promotion, refusal=operation.services.redact(f"The pull request was not opened: {problem}"))


async def _merge(operation: Operation, promotion: Promotion) -> Promotion:
    github, approved = operation.services.github, promotion.pull
    if approved is None:
        return promotion
    title = f"Promote {promotion.source} to {promotion.target}, #{approved.number}"
    await operation.check_authorized(f"merge {approved.number}")
    for _ in range(TRIES):
        try:
            pull = await pulls.read(CachedReads(github), promotion.repository, approved.number)
            if pull.state is not PullState.OPEN:
                return await _annotated(operation, replace(promotion, pull=pull, refusal=""))
            # Safe to repeat: merging names the approved commit, and a merged pull request cannot be merged again.
            answer = await pulls.merge(github, approved, title=title)
        except UnavailableError as error:
            log.warning("operation %s: %s", operation.number, operation.services.redact(str(error)))
            await asyncio.sleep(PAUSE)
            continue
        except RunnerError as error:
            return _not_merged(operation, promotion, error.problem)
        if answer.sha:
            merged = replace(approved, state=PullState.MERGED, merge_sha=answer.sha)
            return await _annotated(operation, replace(promotion, pull=merged, refusal=""))
        refused = _not_merged(operation, promotion, answer.refusal)
        # With the new head the refusal stays in the message while approval of the new commits is asked for.
        return replace(refused, pull=await _read_again(operation, approved)) if answer.moved else refused
    return _not_merged(operation, promotion, "it does not answer")


def _not_merged(operation: Operation, promotion: Promotion, reason: str) -> Promotion:
    return replace(promotion, refusal=operation.services.redact(f"GitHub refused the merge: {reason}"))


async def _read_again(operation: Operation, pull: PullRequest) -> PullRequest:
    try:
        return await pulls.read(CachedReads(operation.services.github), pull.repository, pull.number)
    except RunnerError as error:
        log.warning("operation %s: %s", operation.number, operation.services.redact(str(error)))
        return pull


async def _annotated(operation: Operation, promotion: Promotion) -> Promotion:
    """The promotion, once the audit log has its merge."""
    pull = promotion.pull
    if pull and promotion.stage is Stage.MERGED:
        detail = {"repository": promotion.repository, "pull": f"#{pull.number}", "url": pull.url}
        await operation.annotate("merged", **detail, commit=pull.merge_sha)
    return promotion


async def wait_until_visible(operation: Operation, promotions: tuple[Promotion, ...]) -> None:
    """Durable: wait until the deployed branch has what was merged into it, where that is the same branch."""
    deployed = operation.repository.lower(), operation.record.arguments["ref"]
    for promotion in promotions:
        pull = promotion.pull
        if pull and pull.merge_sha and (promotion.repository.lower(), promotion.target) == deployed:
            await operation.step("the merge is there", partial(_wait_for, operation, pull, promotion.target))


async def _wait_for(operation: Operation, pull: PullRequest, branch: str) -> None:
    end = time.monotonic() + VISIBLE_WITHIN
    while True:
        difference = await commits.difference(
            CachedReads(operation.services.github), pull.repository, pull.merge_sha, branch, lost=False
        )
        if difference.behind == 0:
            return
        if time.monotonic() > end:
            raise RunnerError(
                f"looking for the merge of #{pull.number} on {branch}",
                f"{branch} does not have {pull.merge_sha[:7]}, although GitHub says that it was merged",
                remedy="Look at the branch on GitHub, then run /deploy again.",
            )
        await asyncio.sleep(PAUSE)
