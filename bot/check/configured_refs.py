"""Reports for each environment whether its configured refs are protected on GitHub: what they contain runs unasked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.check.result import NOTE
from bot.config.targets import builds_target
from runners.errors import AccessDeniedError, RunnerError
from runners.github.api.reads import CachedReads
from runners.github.protection import Protection, protection_of
from runners.results import Connection

if TYPE_CHECKING:
    from bot.config import Config
    from runners.github import GitHub

TIMEOUT = 60.0
_WORDS = {
    Protection.PROTECTED: "is protected on GitHub",
    Protection.UNPROTECTED: "is not protected on GitHub: whoever may push to it decides what runs there. Protect it",
    Protection.NO_BRANCH: "is not a branch, so whether it is protected is unknown. Name a protected branch",
}


async def configured_refs(config: Config, github: GitHub) -> list[Connection]:
    """A line for each environment, and for image builds. Raises nothing of GitHub's."""
    reads, refs = CachedReads(github), _refs(config)
    words = {of: await _words(reads, *of) for of in dict.fromkeys(sum(refs.values(), ()))}
    lines = [f"{where}: {'; '.join(f'{of[1]} {words[of]}' for of in named)}" for where, named in refs.items() if named]
    return [Connection(NOTE, ok=True, detail=line) for line in lines]


def _refs(config: Config) -> dict[str, tuple[tuple[str, str], ...]]:
    """The configured refs of each environment, each with its repository."""
    refs: dict[str, tuple[tuple[str, str], ...]] = {}
    for name, environment in config.environments.items():
        terraform = environment.terraform
        planned = (terraform.ref,) if terraform and not terraform.hcp else ()
        deployed = (environment.deploy.settings.ref,) if environment.deploy else ()
        repository = config.repository_of(environment)
        refs[name] = tuple((repository, ref) for ref in dict.fromkeys((*deployed, *planned)))
    for name, images in config.builds.items():
        refs[builds_target(name)] = ((config.github.repository, images.ref),)
    return refs


async def _words(reads: CachedReads, repository: str, ref: str) -> str:
    try:
        async with asyncio.timeout(TIMEOUT):
            return _WORDS[await protection_of(reads, repository, ref)]
    except AccessDeniedError as error:
        needed = error.remedy or "Give the token or App the permissions Contents: read and Metadata: read."
        return f"may be protected or not, which we may not read. {needed}"
    except (RunnerError, TimeoutError) as error:
        problem = error.problem if isinstance(error, RunnerError) else "GitHub did not answer in time"
        return f"may be protected or not: {problem}"
