"""How a promotion stands on GitHub: looked at again and again, with requests that cost nothing while nothing changes."""

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


class Looking:
    """Looks at the repositories of one promotion. Make it anew whenever the durable body starts.

    `silent_since` (Unix seconds) is when GitHub answered last, while it does not; `patience_until` what it asked for.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._reads = CachedReads(services.github)
        self._answered = services.clock()
        self.silent_since: float | None = None
        self.patience_until: datetime | None = None

    async def again(self, known: tuple[Promotion, ...]) -> tuple[Promotion, ...]:
        """All as they stand now; what GitHub does not tell now stays as it was known."""
        seen, silent = [], False
        self.patience_until = None
        for one in known:
            try:
                seen.append(self._services.redact.within(await self._one(one)))
            except UnavailableError as error:
                silent, self.patience_until = True, error.retry_at
                log.warning("%s", self._services.redact(str(error)))
                seen.append(one)
            except RunnerError as error:
                problem = f"{error.problem}. {error.remedy}" if error.remedy else error.problem
                seen.append(replace(one, problem=self._services.redact(problem)))
        if not silent:
            self._answered = self._services.clock()
        self.silent_since = self._answered if silent else None
        return tuple(seen)

    async def _one(self, known: Promotion) -> Promotion:
        pull, closed = await self._pull(known)
        if pull and pull.state is PullState.MERGED:
            return replace(known, pull=pull, problem="", refusal="", closed=None)
        reading, repository = self._reads, known.repository
        difference = await commits.difference(reading, repository, known.target, known.source, lost=False)
        found = None
        if pull and difference.ahead:
            found = await checks.checks_of(reading, repository, pull.head_sha, branch=known.target)
        # A refusal was about the commit that was to be merged, or about opening the pull request at all.
        same = (pull and pull.head_sha) == (known.pull and known.pull.head_sha)
        refusal = known.refusal if same else ""
        return replace(
            known, difference=difference, pull=pull, checks=found, problem="", refusal=refusal, closed=closed
        )

    async def _pull(self, known: Promotion) -> tuple[PullRequest | None, int | None]:
        reading, repository = self._reads, known.repository
        if known.pull:
            pull = await pulls.read(reading, repository, known.pull.number)
            if pull.state is not PullState.CLOSED:
                return pull, None
        closed = known.pull.number if known.pull else known.closed
        found = await pulls.find(reading, repository, known.source, known.target)
        return found, None if found else closed


def same_to_merge(one: tuple[Promotion, ...], other: tuple[Promotion, ...]) -> bool:
    """Whether both would merge the same commits of the same pull requests, and could."""
    return _heads(one) == _heads(other) and all(each.over or each.stage is Stage.READY for each in other)


def _heads(promotions: tuple[Promotion, ...]) -> list[tuple[str, int, str]]:
    ready = [promotion for promotion in promotions if promotion.stage is Stage.READY]
    return [(one.repository, one.pull.number, one.pull.head_sha) for one in ready if one.pull]


def digest_text(promotions: tuple[Promotion, ...]) -> str:
    """What is approved when these are merged."""
    return " ".join(f"{repository}#{number}@{sha}" for repository, number, sha in _heads(promotions))
