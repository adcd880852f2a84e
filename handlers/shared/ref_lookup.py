"""The commit of a typed ref, looked up before the operation has a number: a mistake is answered to the person alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import UserError
from runners.errors import NoSuchRefError
from runners.git_refs import COMMIT_SHA
from runners.github import commits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.services import Services

COMMIT = "commit"  # the name of the commit that replaces the ref in what a request is about


async def with_commit(
    services: Services, repository: str, arguments: Mapping[str, str], ref: str, *, otherwise: str = ""
) -> dict[str, str]:
    """The arguments with the commit that `ref` names now, in place of their "ref".

    Raises RunnerError; for a ref that does not exist UserError with the problem `otherwise`, where there is one.
    """
    try:
        commit = await commits.resolve(services.github, repository, ref)
    except NoSuchRefError as error:
        if not otherwise or COMMIT_SHA.fullmatch(ref):
            raise
        named = "did you mean" in otherwise or "Did you mean" not in error.remedy  # one suggestion is enough
        raise UserError(otherwise if named else f"{otherwise.rstrip('.')}. {error.remedy}") from None
    return {**{name: value for name, value in arguments.items() if name != "ref"}, COMMIT: commit.sha}


def check_startable(ref: str) -> None:
    """Raises UserError for a commit, at which GitHub starts no workflow."""
    if COMMIT_SHA.fullmatch(ref):
        raise UserError("GitHub starts workflows on a branch or tag only; name one of these rather than a commit.")
