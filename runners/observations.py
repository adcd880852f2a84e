"""What pages that people open show of AWS and GitHub: read seldom, in few calls, and cached for all who open one.

Each account and region is read with its own credentials, and its instances are cached under these. A page never waits here:
it is drawn from what is cached, and drawn again after `refresh`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from runners.aws import fleet
from runners.errors import NotFoundError, RunnerError
from runners.github import standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from runners.aws.client import Clients
    from runners.github import GitHub
    from runners.github.standing import Branch
    from runners.results import AwsPlace
    from runners.results.fleet import Fleet, Standing

log = logging.getLogger(__name__)
T = TypeVar("T")
FRESH = 60.0  # seconds
MOST_PLACES = 3  # accounts and regions of one refresh: 12 calls
MOST_GITHUB_CALLS = 8  # of one refresh
MOST_STANDINGS = 1_000
TIMEOUT = 20.0

Named = tuple[str, str]  # a repository and a branch of it


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a page is about: the tags `type` of machines in each place, and the commits that run, by repository and branch."""

    tags: Mapping[AwsPlace, frozenset[str]] = field(default_factory=dict)
    commits: Mapping[Named, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observation(Generic[T]):
    """What was read at a time in Unix seconds; None where that failed, with the `problem`."""

    value: T | None
    at: float
    problem: str = ""


class Observations:
    """The caches; they are as large as the configuration, and MOST_STANDINGS comparisons."""

    def __init__(self, github: GitHub, clients: Callable[[AwsPlace], Clients], clock: Callable[[], float]) -> None:
        self._github = github
        self._clients = clients
        self._clock = clock
        self._fleets: dict[AwsPlace, tuple[frozenset[str], Observation[Fleet]]] = {}
        self._branches: dict[Named, Observation[Branch]] = {}
        self._standings: OrderedDict[tuple[str, str, str], Standing | None] = OrderedDict()
        self._refreshing = asyncio.Lock()

    def fleet(self, place: AwsPlace) -> Observation[Fleet] | None:
        """The instances that were observation last in an account and region; None before they were read."""
        return self._fleets[place][1] if place in self._fleets else None

    def branch_problem(self, named: Named) -> str:
        """Why the branch could not be read last; empty where it was, or was not tried yet."""
        return self._branches[named].problem if named in self._branches else ""

    def standing(self, named: Named, sha: str) -> Standing | None:
        """How a commit lies to its branch; None where that is not known."""
        observation = self._branches.get(named)
        if observation is None or observation.value is None:
            return None
        return standing.standing(observation.value, sha) or self._standings.get((named[0], sha, observation.value.head))

    def is_fresh(self, wanted: Wanted) -> bool:
        """Whether there is nothing to read now."""
        return not self._due(wanted)

    async def refresh(self, wanted: Wanted) -> bool:
        """Read what is due, the oldest first, in at most 12 calls to AWS and MOST_GITHUB_CALLS to GitHub; whether anything was read.

        It is called again for what did not fit. Several pages that are opened at once make one refresh.
        """
        async with self._refreshing:
            if self.is_fresh(wanted):
                return False
            await asyncio.gather(self._refresh_fleets(wanted), self._refresh_commits(wanted))
            return True

    def _due(self, wanted: Wanted) -> bool:
        return bool(self._due_places(wanted) or self._due_branches(wanted) or self._unknown(wanted))

    def _due_places(self, wanted: Wanted) -> list[AwsPlace]:
        due = [place for place, tags in wanted.tags.items() if tags and not self._has_fleet(place, tags)]
        return sorted(due, key=lambda place: self._fleets[place][1].at if place in self._fleets else 0.0)

    def _has_fleet(self, place: AwsPlace, tags: frozenset[str]) -> bool:
        read = self._fleets.get(place)
        return read is not None and tags <= read[0] and self._is_recent(read[1])

    def _due_branches(self, wanted: Wanted) -> list[Named]:
        due = [
            each for each in wanted.commits if not (each in self._branches and self._is_recent(self._branches[each]))
        ]
        return sorted(due, key=lambda each: self._branches[each].at if each in self._branches else 0.0)

    def _unknown(self, wanted: Wanted) -> list[tuple[str, str, str]]:
        """The comparisons that are missing: repository, commit and the branch's newest commit."""
        unknown = dict[tuple[str, str, str], None]()
        for (repository, ref), shas in wanted.commits.items():
            observation = self._branches.get((repository, ref))
            if observation is None or observation.value is None or not observation.value.head or observation.problem:
                continue
            for sha in sorted(shas):
                key = (repository, sha, observation.value.head)
                if standing.standing(observation.value, sha) is None and key not in self._standings:
                    unknown[key] = None
        return list(unknown)

    def _is_recent(self, observation: Observation[T]) -> bool:
        return self._clock() - observation.at < FRESH

    async def _refresh_fleets(self, wanted: Wanted) -> None:
        async def read(place: AwsPlace) -> None:
            tags = wanted.tags[place]
            before = self._fleets.get(place)
            # Somebody who sees fewer environments keeps what others see fresh as well.
            tags |= before[0] if before else frozenset()
            try:
                observation = Observation(
                    await fleet.read_fleet(self._clients(place), tags, timeout=TIMEOUT), self._clock()
                )
            except RunnerError as error:
                observation = Observation(None, self._clock(), error.problem)
            self._fleets[place] = (tags, observation)

        await asyncio.gather(*map(read, self._due_places(wanted)[:MOST_PLACES]))

    async def _refresh_commits(self, wanted: Wanted) -> None:
        due = self._due_branches(wanted)[:MOST_GITHUB_CALLS]
        await asyncio.gather(*map(self._read_branch, due))
        rest = self._unknown(wanted)[: MOST_GITHUB_CALLS - len(due)]
        await asyncio.gather(*(self._compare(*each) for each in rest))

    async def _read_branch(self, named: Named) -> None:
        before = self._branches.get(named)
        newest = before.value if before else None
        try:
            newest = await standing.read_branch(self._github, *named, newest)
            self._branches[named] = Observation(newest, self._clock())
        except RunnerError as error:
            log.info("the commits of %s in %s: %s", named[1], named[0], error.problem)
            self._branches[named] = Observation(newest, self._clock(), error.problem)

    async def _compare(self, repository: str, sha: str, head: str) -> None:
        try:
            result = await standing.compare(self._github, repository, sha, head)
        except NotFoundError:
            result = None  # the commit is gone, or of another history
        except RunnerError as error:
            log.info("the standing of %s in %s: %s", sha[:7], repository, error.problem)
            for named, observation in self._branches.items():
                if named[0] == repository and observation.value and observation.value.head == head:
                    self._branches[named] = replace(observation, problem=error.problem)  # tried again with the branch
            return
        self._standings[repository, sha, head] = result
        while len(self._standings) > MOST_STANDINGS:
            self._standings.popitem(last=False)


def by_key(pairs: Iterable[tuple[T, str]]) -> dict[T, frozenset[str]]:
    """The values by key, of pairs of both."""
    grouped = dict[T, set[str]]()
    for key, value in pairs:
        grouped.setdefault(key, set()).add(value)
    return {key: frozenset(values) for key, values in grouped.items()}
