"""GitHub's record of a deploy, made once whatever becomes of the answer, against GitHub's stand-in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runners.errors import AccessDeniedError, UncertainError
from runners.github import GitHub, deployments
from runners.github.deployments import DeploymentRequest
from sandbox.github import DropConnectionError, GitHubError
from tests.unit.runners.conftest import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.github import GitHubStandIn, Repository

REPOSITORY = "PermanentOrg/infrastructure"
LOST = [GitHubError(502, "Bad Gateway"), DropConnectionError()]


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository(REPOSITORY)


@pytest.fixture
def wanted(repository: Repository) -> DeploymentRequest:
    sha = repository.graph.resolve("main").sha
    marker = {"operation": 7, "asked_at": 1_772_452_800}
    return DeploymentRequest(
        REPOSITORY, sha, "staging", "Signalbox #7: Deploy main to staging", production=False, marker=marker
    )


def raising(error: Exception) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


async def test_it_is_recorded_at_the_commit_and_nothing_else_is_done(
    github: GitHub, repository: Repository, wanted: DeploymentRequest
) -> None:
    repository.checks.check("main", "lint", "failure")
    tip = repository.graph.branches["main"]
    number = await deployments.create(github, wanted)
    made = repository.deployments.by_id[number]
    assert (made.sha, made.environment, made.task) == (wanted.sha, "staging", "deploy")
    assert (made.production, made.transient) == (False, False)
    assert made.payload == {"signalbox": {"operation": 7, "asked_at": 1_772_452_800}}
    assert made.description == wanted.description
    assert repository.graph.branches["main"] == tip
    assert (await deployments.states(github, REPOSITORY, number)) == ()


async def test_a_long_description_is_cut(github: GitHub, repository: Repository, wanted: DeploymentRequest) -> None:
    number = await deployments.create(github, replace(wanted, description="x" * 500))
    assert repository.deployments.by_id[number].description == "x" * 140


async def test_it_is_found_by_its_mark_alone(github: GitHub, repository: Repository, wanted: DeploymentRequest) -> None:
    for payload in ("", "no json", '{"signalbox": 7}', {"signalbox": {"operation": 7}}, {"operation": 7}):
        repository.deployments.create("main", "staging", payload=payload)
    assert await deployments.find(github, wanted) is None
    number = await deployments.create(github, wanted)
    assert await deployments.find(github, wanted) == number
    assert await deployments.find(github, replace(wanted, marker={**wanted.marker, "operation": 8})) is None
    assert await deployments.find(github, replace(wanted, environment="dev")) is None


@pytest.mark.parametrize("error", LOST, ids=str)
async def test_one_whose_answer_was_lost_is_found(
    github: GitHub, stand_in: GitHubStandIn, repository: Repository, wanted: DeploymentRequest, error: Exception
) -> None:
    stand_in.on_request.append(Fault("POST", "/deployments", raising(error), phase="after"))
    number = await deployments.create_once(github, wanted)
    assert list(repository.deployments.by_id) == [number]


async def test_one_that_was_never_taken_is_said_to_be_uncertain(
    github: GitHub, stand_in: GitHubStandIn, repository: Repository, wanted: DeploymentRequest
) -> None:
    stand_in.on_request.append(Fault("POST", "/deployments", raising(GitHubError(502, "x"))))
    with pytest.raises(UncertainError):
        await deployments.create_once(github, wanted)
    assert not repository.deployments.by_id


async def test_what_is_said_of_it_can_be_read_again(
    github: GitHub, repository: Repository, wanted: DeploymentRequest
) -> None:
    number = await deployments.create(github, wanted)
    url = "https://github.com/o/r/actions/runs/1"
    await deployments.set_state(github, REPOSITORY, number, "in_progress", log_url=url)
    await deployments.set_state(github, REPOSITORY, number, "success", log_url=url, description="y" * 500)
    assert await deployments.states(github, REPOSITORY, number) == ("success", "in_progress")
    last = repository.deployments.by_id[number].statuses[-1]
    assert (last.log_url, last.description) == (url, "y" * 140)


async def test_a_success_takes_the_earlier_ones_for_inactive(
    github: GitHub, repository: Repository, wanted: DeploymentRequest
) -> None:
    first = await deployments.create(github, wanted)
    await deployments.set_state(github, REPOSITORY, first, "success")
    second = await deployments.create(github, replace(wanted, marker={"operation": 8}))
    await deployments.set_state(github, REPOSITORY, second, "success")
    assert repository.deployments.by_id[first].state == "inactive"


async def test_without_the_permission_it_is_refused(stand_in: GitHubStandIn, wanted: DeploymentRequest) -> None:
    reader = GitHub(stand_in.url, token="ghp_reader", write_pause=0, read_pause=0.01)
    with pytest.raises(AccessDeniedError):
        await deployments.create_once(reader, wanted)
    await reader.close()
