"""Checks the names of required checks against those that the commit at the configured ref has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.check.nearest import there_is
from bot.config import GitHubActions
from runners.errors import RunnerError
from runners.github import checks, commits
from runners.github.api.reads import CachedReads
from runners.nearest import is_slip, nearest

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.check.result import Findings
    from bot.config import Config
    from runners.github import GitHub


async def check_required(config: Config, github: GitHub, readable: Collection[str], findings: Findings) -> None:
    """Add a problem for each name that no check has, where a check has a similar one: another may be reported later."""
    reads = CachedReads(github)
    for name, actions in config.deployed_by(GitHubActions).items():
        environment, required = config.environments[name], actions.required_checks
        repository = config.repository_of(environment)
        if isinstance(required, bool) or repository not in readable:
            continue
        try:
            commit = await commits.resolve(github, repository, actions.ref)
            reported = await checks.checks_of(reads, repository, commit.sha, branch=None)
        except RunnerError:
            continue  # a ref or a permission that is missing is another problem
        there = {each.name for each in reported.checks}
        key = environment.key_of("deploy", "github_actions", "required_checks")
        for each in [each for each in required if each not in there]:
            if (meant := nearest(each, there - {*required})) and is_slip(each, meant):
                problem = f"{key}: {actions.ref} of {repository} has no check {each}"
                findings.add_problem(problem, there_is(each, there, "it has"))
