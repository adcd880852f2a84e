"""Whether an environment allows the code of a commit, by its configuration and by what GitHub knows of the commit."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runners.errors import AccessDeniedError, NoSuchRefError, NotFoundError
from runners.git_refs import matches
from runners.github import commits, ref_facts, ref_reviews
from runners.github.api.reads import CachedReads
from runners.github.named_refs import HEADS, TAGS, is_full_sha
from runners.github.ref_facts import UnknownContainmentError
from runners.results import RefStanding

if TYPE_CHECKING:
    from bot.config import Refs
    from bot.operations.operation import Operation
    from bot.services import Services
    from runners.results import Commit, RefPull

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefRules:
    """The rules for what runs: `guarded` is the configured ref, `key` the configuration's key of `refs`.

    `guarded` is the name of a branch, a full name (refs/tags/v1) or a full SHA. A bare name is never a tag's: anybody who
    may push tags could give one the name of a deleted branch.
    """

    refs: Refs
    guarded: str
    key: str

    @property
    def full_name(self) -> str:
        """The configured ref's full name; the SHA where it is one."""
        named = self.guarded.startswith((HEADS, TAGS)) or is_full_sha(self.guarded)
        return self.guarded if named else HEADS + self.guarded

    def is_configured(self, commit: Commit) -> bool:
        """Whether the commit was resolved from the configured ref, and not from another kind of ref of that name."""
        return commit.ref == self.guarded and (commit.full_name or commit.sha) == self.full_name


async def judge(operation: Operation, commit: Commit, rules: RefRules) -> RefStanding:
    """Within a step: whether the commit may run, and the facts for an approver. What is unknown is not allowed.

    Raises:
        UnavailableError: GitHub does not answer.
        NotFoundError: the configured ref does not exist.
    """
    if rules.is_configured(commit):
        return RefStanding(commit, rules.guarded, allowed=True, why="the configured ref")
    judged = await _Judgement(operation.services, commit, rules).standing()
    return operation.services.redact.within(judged)


class _Judgement:
    """The judgement of one commit, with the reads that its parts share."""

    def __init__(self, services: Services, commit: Commit, rules: RefRules) -> None:
        self._services = services
        self._commit = commit
        self._rules = rules
        self._reads = CachedReads(services.github)
        self._unknown: list[str] = []

    async def standing(self) -> RefStanding:
        commit, rules, reads = self._commit, self._rules, self._reads
        tip = await self._tip()
        if await ref_facts.contains(reads, commit.repository, tip.sha, commit.sha):
            return RefStanding(commit, rules.guarded, allowed=True, why=f"contained in {rules.guarded}")
        named, refused = await self._named()
        if refused:
            return RefStanding(commit, rules.guarded, allowed=False, why=refused, refused=refused)
        why = f"{rules.key} does not allow it"
        pulls = await self._pulls()
        if named:
            why = await self._unmet(tip, pulls)
            if not why:
                return RefStanding(commit, rules.guarded, allowed=True, why=f"{rules.key} allows {named}")
        if rules.refs.otherwise == "refuse":
            refused = f"{why}, and `otherwise: refuse` is set there"
            return RefStanding(commit, rules.guarded, allowed=False, why=why, refused=refused)
        return await self._with_facts(RefStanding(commit, rules.guarded, allowed=False, why=why), tip, pulls)

    async def _tip(self) -> Commit:
        """The commit of the configured ref now."""
        rules, repository = self._rules, self._commit.repository
        try:
            return await commits.resolve(self._services.github, repository, rules.full_name)
        except NoSuchRefError as error:
            raise NoSuchRefError(
                f"comparing {self._commit.short} with the configured ref in {repository}",
                f"the configured ref {rules.guarded} does not exist: GitHub has no {rules.full_name}",
                remedy=f"Restore {rules.full_name}, or change the configured ref. A tag's name begins with {TAGS}.",
            ) from error

    async def _named(self) -> tuple[str, str]:
        """The full name by which `allow` has the commit (empty: it does not), and why nobody can approve it.

        A commit without a name has to be in the history of a branch or tag: GitHub also serves the commits of forks.
        """
        commit, repository = self._commit, self._commit.repository
        if commit.full_name:
            return (commit.full_name if self._is_named(commit.full_name) else ""), ""
        try:
            refs = await ref_facts.branches_and_tags(self._reads, repository)
            named = [ref for ref in refs if self._is_named(ref[0])]
            if holder := await ref_facts.container(self._reads, repository, named, commit.sha):
                return holder, ""
            others = [ref for ref in refs if not self._is_named(ref[0])]
            if await ref_facts.container(self._reads, repository, others, commit.sha):
                return "", ""
        except UnknownContainmentError as error:
            return "", f"{error.problem}, so it is unknown whether the repository has {commit.short}"
        return "", f"no branch or tag of {repository} contains {commit.short}: it may be a fork's"

    def _is_named(self, full_name: str) -> bool:
        return any(matches(full_name, pattern) for pattern in self._rules.refs.allow)

    async def _unmet(self, tip: Commit, pulls: tuple[RefPull, ...] | None) -> str:
        """The first condition that the commit does not meet (plain text); empty when it meets all of them."""
        commit, refs = self._commit, self._rules.refs
        try:
            if refs.contained_in_protected:
                protected = await ref_facts.protected_branches(self._reads, commit.repository)
                if not await ref_facts.container(self._reads, commit.repository, protected, commit.sha):
                    return "no protected branch contains it"
            if refs.reviewed:
                if not tip.full_name.startswith(HEADS):
                    return f"nothing can be reviewed for {self._rules.guarded}, which is not a branch"
                base = tip.full_name.removeprefix(HEADS)
                return await ref_reviews.not_reviewed(self._reads, commit, base, pulls or ())
        except (AccessDeniedError, NotFoundError, UnknownContainmentError) as error:
            log.warning("conditions of %s: %s", self._rules.key, self._services.redact(str(error)))
            return f"whether it meets the conditions is unknown: {error.problem}"
        return ""

    async def _pulls(self) -> tuple[RefPull, ...] | None:
        commit = self._commit
        try:
            return await ref_facts.pulls_of(self._reads, commit.repository, commit.sha)
        except (AccessDeniedError, NotFoundError) as error:
            self._unknown.append(f"its pull request ({error.problem})")
            return None

    async def _with_facts(self, standing: RefStanding, tip: Commit, pulls: tuple[RefPull, ...] | None) -> RefStanding:
        commit, difference, pusher = self._commit, None, ""
        try:
            difference = await ref_facts.difference(self._reads, commit.repository, tip.sha, commit.sha)
        except NotFoundError:
            self._unknown.append(f"the difference: it has no commit in common with {self._rules.guarded}")
        if commit.full_name.startswith(HEADS):
            pusher = await ref_facts.last_pusher(self._reads, commit.repository, commit.full_name, commit.sha)
        if not pusher:
            self._unknown.append("who pushed it")
        pull = pulls[0] if pulls else None
        unknown = tuple(self._unknown)
        return replace(standing, pusher=pusher, pull=pull, difference=difference, unknown=unknown)
