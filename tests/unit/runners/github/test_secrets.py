"""Actions secrets of GitHub's stand-in: lists without values, and sealed boxes that it opens with its private key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from runners.errors import AccessDeniedError, RunnerError
from runners.github import secrets
from runners.results.secrets import Keeper
from sandbox.github.credentials import Grant
from sandbox.github.vault import Secret

if TYPE_CHECKING:
    from runners.github import GitHub
    from sandbox.github import GitHubStandIn, Repository

REPOSITORY = "PermanentOrg/infrastructure"
AT = datetime(2026, 1, 2, tzinfo=UTC)
VALUE = "first line\nsecond: 'ünïcode' 🚀\n"


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    made = stand_in.repository(REPOSITORY)
    made.deployments.environments["staging/eu"] = AT
    return made


async def test_a_value_is_sealed_and_the_place_can_open_it(github: GitHub, repository: Repository) -> None:
    await secrets.check_settable(github, REPOSITORY)
    await secrets.set_value(github, REPOSITORY, "KEY", VALUE)
    await secrets.set_value(github, REPOSITORY, "KEY", VALUE, environment="staging/eu")
    assert repository.vault.secrets["KEY"].value == VALUE
    assert repository.environment_vaults["staging/eu"].secrets["KEY"].value == VALUE
    (of_repository,) = await secrets.of_repository(github, REPOSITORY)
    assert (of_repository.name, of_repository.owner, of_repository.keeper) == ("KEY", REPOSITORY, Keeper.REPOSITORY)
    assert await secrets.environments(github, REPOSITORY) == ("staging/eu",)
    (of_environment,) = await secrets.of_environment(github, REPOSITORY, "staging/eu")
    assert (of_environment.environment, of_environment.name) == ("staging/eu", "KEY")
    assert VALUE not in repr((of_repository, of_environment))


async def test_the_organization_says_which_repositories_have_a_secret(github: GitHub, stand_in: GitHubStandIn) -> None:
    held = stand_in.site.organization_vault.secrets
    held["ALL"] = Secret("ALL", "x", AT, AT, "all")
    held["HERE"] = Secret("HERE", "x", AT, AT, "selected", (REPOSITORY,))
    held["ELSEWHERE"] = Secret("ELSEWHERE", "x", AT, AT, "selected", ("PermanentOrg/application",))
    listed = {each.name: each.note for each in await secrets.of_organization(github, REPOSITORY)}
    assert listed["ALL"] == "visible to all repositories"
    assert listed["HERE"] == "visible to infrastructure"
    assert listed["ELSEWHERE"].startswith("visible to ")
    assert {each.name for each in await secrets.shared(github, REPOSITORY)} == {"ALL", "HERE"}


async def test_a_token_without_the_permission_reads_which_one(github: GitHub, stand_in: GitHubStandIn) -> None:
    stand_in.accept_token(await github.token(), "limited", Grant(None, {"contents": "read"}))
    for work in (secrets.of_repository(github, REPOSITORY), secrets.check_settable(github, REPOSITORY)):
        with pytest.raises(AccessDeniedError) as refused:
            await work
        assert "secrets=read" in refused.value.remedy
    with pytest.raises(AccessDeniedError):
        await secrets.set_value(github, REPOSITORY, "KEY", VALUE)


async def test_a_value_that_is_too_large_is_refused_and_is_in_no_error(github: GitHub) -> None:
    value = "canary-" * 10_000
    with pytest.raises(RunnerError) as refused:
        await secrets.set_value(github, REPOSITORY, "KEY", value)
    assert "48 KB" in str(refused.value)
    assert "canary" not in repr(refused.value) + str(refused.value)
