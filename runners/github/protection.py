"""Whether a branch is protected: by branch protection, or by the rules of rulesets."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

from runners.errors import AccessDeniedError, NotFoundError

if TYPE_CHECKING:
    from runners.github.api.reads import CachedReads

# Rules that keep people from pushing what they like: docs.github.com/en/rest/repos/rules#get-rules-for-a-branch
_GUARDING = frozenset({"pull_request", "update", "required_status_checks", "merge_queue"})


class Protection(StrEnum):
    """Whether a ref is protected."""

    PROTECTED = "protected"
    UNPROTECTED = "unprotected"
    NO_BRANCH = "no branch"


async def protection_of(reads: CachedReads, repository: str, ref: str) -> Protection:
    """Whether the branch is protected; a tag or a commit is no branch.

    Raises:
        AccessDeniedError: our credentials may not read branches.
    """
    name = quote(ref.removeprefix("refs/heads/"), safe="")
    doing = f"reading the protection of {ref} in {repository}"
    try:
        branch = await reads.get(repository, f"/branches/{name}", doing=doing)
    except NotFoundError:
        return Protection.NO_BRANCH
    if branch.get("protected"):
        return Protection.PROTECTED
    try:
        rules = await reads.get(repository, f"/rules/branches/{name}?per_page=100", doing=doing)
    except NotFoundError:
        rules = ()  # a server without rulesets
    except AccessDeniedError as error:
        if "upgrade to github" not in error.problem.lower():
            raise
        rules = ()  # a private repository whose plan has none
    guarded = any(rule.get("type") in _GUARDING for rule in rules)
    return Protection.PROTECTED if guarded else Protection.UNPROTECTED
