"""A change on GitHub before it is deployed: its commits, its checks, its pull request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from runners.results.runs import State
from runners.stored import stored

if TYPE_CHECKING:
    from runners.results.runs import Commit


@stored("difference")
@dataclass(frozen=True, slots=True)
class Difference:
    """How one commit lies to another, as GitHub compares them.

    `ahead` counts the commits that the second has and the first has not, `behind` the other way round; `commits` and
    `lost` are the newest of these, newest first. `url` is GitHub's page of it.
    """

    ahead: int
    behind: int
    commits: tuple[Commit, ...]
    lost: tuple[Commit, ...]
    url: str


@stored("check")
@dataclass(frozen=True, slots=True)
class Check:
    """One check of a commit: a job of Actions, another App's check run, or a commit status.

    `state` is SUCCEEDED, FAILED, RUNNING, or WAITING where nobody has reported it yet.
    """

    name: str
    state: State
    url: str


@stored("check-rule")
class Rule(StrEnum):
    """Which checks of a commit count."""

    REQUIRED = "required"  # those that the branch requires
    NAMED = "named"  # those that the configuration names
    ANY = "any"  # all there are: nothing is required


@stored("checks")
@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of a commit that count, by `rule`, the worst first."""

    sha: str
    rule: Rule
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """Those that did not end well."""
        return tuple(check for check in self.checks if check.state is State.FAILED)

    @property
    def unfinished(self) -> tuple[Check, ...]:
        """Those that run, or that nobody has reported yet."""
        return tuple(check for check in self.checks if not check.state.ended)

    @property
    def green(self) -> bool:
        """Whether all that is required has ended well; where nothing is, whether nothing has failed."""
        return not self.failed and (self.rule is Rule.ANY or not self.unfinished)


@stored("pull-state")
class PullState(StrEnum):
    """What has become of a pull request."""

    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


@stored("pull-request")
@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request. `head_sha` is what it would merge now; `merge_sha` the commit that merging it made.

    `mergeable` is None while GitHub works it out; `obstacle` is GitHub's word for what keeps it from being merged
    ("dirty", "blocked", "behind", "draft"), empty when nothing does.
    """

    repository: str
    number: int
    url: str
    state: PullState
    head_sha: str
    mergeable: bool | None = None
    obstacle: str = ""
    merge_sha: str = ""


@dataclass(frozen=True, slots=True)
class MergeAnswer:
    """What GitHub answered to a merge: the commit that it made, or why not.

    `moved` when the branch has other commits than those that were to be merged.
    """

    sha: str = ""
    refusal: str = ""
    moved: bool = False
