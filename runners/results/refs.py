"""What a ref would run: its commit, whose it is, and how it differs from the guarded ref."""

from __future__ import annotations

from dataclasses import dataclass

from runners.results.runs import Commit  # noqa: TC001  -- the engine reads the field's type
from runners.stored import stored


@stored("ref-pull")
@dataclass(frozen=True, slots=True)
class RefPull:
    """An open pull request whose head is a commit: `head` and `base` are the branches, `author` a login."""

    number: int
    url: str
    author: str
    head: str
    base: str


@stored("ref-difference")
@dataclass(frozen=True, slots=True)
class RefDifference:
    """How a commit differs from the guarded ref; `deciding` are the changed files that decide what runs.

    `files` counts the changed files; with `cut` GitHub listed only so many. `url` is GitHub's page.
    """

    ahead: int
    behind: int
    files: int
    deciding: tuple[str, ...]
    url: str
    cut: bool = False


@stored("ref-standing")
@dataclass(frozen=True, slots=True)
class RefStanding:
    """Whether an environment allows the code of a ref, and what an approver has to know about it.

    `guarded` is the configured ref. `why` is the reason (plain text) for `allowed`, or against it. `refused` is the
    reason why nobody can approve it, empty where people can. `unknown` are facts that GitHub did not report.
    """

    commit: Commit
    guarded: str
    allowed: bool
    why: str
    refused: str = ""
    pusher: str = ""
    pull: RefPull | None = None
    difference: RefDifference | None = None
    unknown: tuple[str, ...] = ()
