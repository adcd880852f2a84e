"""The state of a promotion on GitHub, read repeatedly by requests that cost nothing while nothing changes."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from handlers.deploy.promote.views import Promotion, Stage
from runners.errors import RunnerError, UnavailableError
from runners.github import checks, commits, pulls
from runners.github.api.reads import CachedReads
from runners.results import PullState

if TYPE_CHECKING:
    from datetime import datetime

    from bot.services import Services
    from runners.results import PullRequest

log = logging.getLogger(__name__)


class PromotionReader:
    """Reads the repositories of a promotion. Create it again whenever the workflow starts.

    `outage_since` (Unix seconds) is the last answer while GitHub does not answer; `retry_at` when it may be asked again.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._reads = CachedReads(services.github)
        self._answered_at = services.clock()
        self.outage_since: float | None = None
        self.retry_at: datetime | None = None

    async def read(self, promotions: tuple[Promotion, ...]) -> tuple[Promotion, ...]:
        """All promotions as they are now; unchanged where GitHub does not answer."""
        updated, outage = [], False
        self.retry_at = None
        for promotion in promotions:
            try:
                updated.append(self._services.redact.within(await self._read(promotion)))
            except UnavailableError as error:
                outage, self.retry_at = True, error.retry_at
                log.warning("%s", self._services.redact(str(error)))
                updated.append(promotion)
            except RunnerError as error:
                problem = f"{error.problem}. {error.remedy}" if error.remedy else error.problem
                updated.append(replace(promotion, problem=self._services.redact(problem)))
        if not outage:
            self._answered_at = self._services.clock()
        self.outage_since = self._answered_at if outage else None
        return tuple(updated)

    async def _read(self, before: Promotion) -> Promotion:
        pull, closed = await self._pull(before)
        if pull and pull.state is PullState.MERGED:
            return replace(before, pull=pull, problem="", refusal="", closed=None)
        repository = before.repository
        difference = await commits.difference(self._reads, repository, before.target, before.source, lost=False)
        pull_checks = None
        if pull and difference.ahead:
            pull_checks = await checks.checks_of(self._reads, repository, pull.head_sha, branch=before.target)
        # A refusal concerned the commit that was to be merged, or the opening of the pull request.
        same_head = (pull and pull.head_sha) == (before.pull and before.pull.head_sha)
        refusal = before.refusal if same_head else ""
        return replace(
            before, difference=difference, pull=pull, checks=pull_checks, problem="", refusal=refusal, closed=closed
        )

    async def _pull(self, before: Promotion) -> tuple[PullRequest | None, int | None]:
        """The open or merged pull request, and the number of a closed one where there is no other."""
        if before.pull:
            pull = await pulls.read(self._reads, before.repository, before.pull.number)
            if pull.state is not PullState.CLOSED:
                return pull, None
        closed = before.pull.number if before.pull else before.closed
        opened = await pulls.find(self._reads, before.repository, before.source, before.target)
        return opened, None if opened else closed


def same_to_merge(before: tuple[Promotion, ...], now: tuple[Promotion, ...]) -> bool:
    """Whether `now` would merge the same commits of the same pull requests as `before`, and can."""
    return _heads(before) == _heads(now) and all(promotion.done or promotion.stage is Stage.READY for promotion in now)


def _heads(promotions: tuple[Promotion, ...]) -> list[tuple[str, int, str]]:
    ready = [promotion for promotion in promotions if promotion.stage is Stage.READY]
    return [
        (promotion.repository, promotion.pull.number, promotion.pull.head_sha) for promotion in ready if promotion.pull
    ]


def digest_text(promotions: tuple[Promotion, ...]) -> str:
    """What an approval of merging these is bound to: each pull request with its head commit."""
    return " ".join(f"{repository}#{number}@{sha}" for repository, number, sha in _heads(promotions))
