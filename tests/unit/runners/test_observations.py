"""What pages show of AWS and GitHub is read once for all, in few calls, and again when it is no longer fresh."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from runners import observations
from runners.aws.client import make_clients
from runners.observations import FRESH, MOST_GITHUB_CALLS, MOST_PLACES, Observations, Wanted, by_key
from runners.results import AwsPlace
from runners.results.fleet import Standing
from tests.unit.runners.ec2_world import HOME, calls_of, refuse

if TYPE_CHECKING:
    from runners.aws.client import Clients
    from runners.github import GitHub
    from sandbox.github import GitHubStandIn

APPLICATION = "PermanentOrg/application"
PLACE = AwsPlace(HOME)


class World:
    def __init__(self, github: GitHub) -> None:
        self.now = 1_000.0
        self.clients: dict[AwsPlace, Clients] = {}
        self.all = Observations(github, self.of, lambda: self.now)

    def of(self, place: AwsPlace) -> Clients:
        return self.clients.setdefault(place, make_clients(place))

    async def refresh(self, tags: frozenset[str], *commits: str, ref: str = "dev") -> bool:
        return await self.all.refresh(self.wanted(tags, *commits, ref=ref))

    def wanted(self, tags: frozenset[str], *commits: str, ref: str = "dev") -> Wanted:
        return Wanted({PLACE: tags}, {(APPLICATION, ref): frozenset(commits)} if commits else {})


@pytest.fixture
def world(github: GitHub, account: object) -> World:
    return World(github)


TAGS = frozenset({"prod api"})


async def test_it_is_read_once_while_it_is_fresh(world: World, stand_in: GitHubStandIn) -> None:
    head = stand_in.repository(APPLICATION).graph.branches["dev"]
    clients = world.of(PLACE)
    made = [calls_of(client) for client in (clients.ec2, clients.cloudwatch)]
    assert not world.all.is_fresh(world.wanted(TAGS, head))
    assert sorted(await asyncio.gather(*(world.refresh(TAGS, head) for _ in range(5)))) == [False] * 4 + [True]
    assert sum(map(len, made)) == 3  # without an instance there is no image to read
    assert world.all.standing((APPLICATION, "dev"), head) == Standing(0)
    assert world.all.fleet(PLACE) is not None
    world.now += FRESH
    assert await world.refresh(TAGS, head)
    assert sum(map(len, made)) == 6


async def test_who_sees_less_keeps_what_others_see(world: World) -> None:
    world.of(PLACE).ec2.run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "type", "Value": "dev api"}]}],
    )  # fmt: skip
    await world.refresh(frozenset({"dev api"}))
    world.now += FRESH
    await world.refresh(TAGS)
    observation = world.all.fleet(PLACE)
    assert observation is not None
    assert observation.value is not None
    assert [each.tag for each in observation.value.instances] == ["dev api"]
    assert world.all.is_fresh(world.wanted(frozenset({"dev api"})))


async def test_a_refresh_makes_few_calls_and_the_next_one_goes_on(world: World, stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository(APPLICATION)
    head = repository.graph.branches["dev"]
    for number in range(20):
        repository.graph.branch(f"b{number}", "dev")
        repository.commit(f"b{number}", {"n": str(number)}, "Another branch")
    tags = {AwsPlace(HOME, role=f"arn:aws:iam::{number}:role/x"): TAGS for number in range(7)}
    for place in tags:
        world.clients[place] = world.of(PLACE)
    wanted = Wanted(tags, {(APPLICATION, f"b{number}"): frozenset({head}) for number in range(20)})
    made = calls_of(world.of(PLACE).ec2)
    for least in (MOST_GITHUB_CALLS, 2 * MOST_GITHUB_CALLS, 20):
        before, calls = len(stand_in.requests), len(made)
        assert await world.all.refresh(wanted)
        assert len(stand_in.requests) - before <= MOST_GITHUB_CALLS
        assert len(made) - calls <= 2 * MOST_PLACES
        standings = [world.all.standing((APPLICATION, f"b{number}"), head) for number in range(20)]
        assert standings.count(Standing(1)) == least
    assert world.all.is_fresh(wanted)


async def test_a_github_that_does_not_answer_is_asked_again_later_and_what_was_read_stays(
    world: World, stand_in: GitHubStandIn
) -> None:
    repository = stand_in.repository(APPLICATION)
    head = repository.graph.branches["dev"]
    await world.refresh(frozenset(), head)
    world.now += FRESH
    del repository.graph.branches["dev"]
    await world.refresh(frozenset(), head)
    named = (APPLICATION, "dev")
    assert world.all.branch_problem(named)
    assert world.all.standing(named, head) == Standing(0)
    assert world.all.is_fresh(world.wanted(frozenset(), head))
    assert await world.refresh(frozenset(), head) is False


async def test_a_commit_that_github_does_not_have_is_compared_once(world: World, stand_in: GitHubStandIn) -> None:
    missing = "f" * 40
    await world.refresh(frozenset(), missing)
    before = len(stand_in.requests)
    assert world.all.is_fresh(world.wanted(frozenset(), missing))
    assert world.all.standing((APPLICATION, "dev"), missing) is None
    world.now += FRESH
    await world.refresh(frozenset(), missing)
    assert len(stand_in.requests) == before + 1


async def test_credentials_that_are_refused_are_said(world: World) -> None:
    for client in (world.of(PLACE).ec2, world.of(PLACE).cloudwatch):
        for operation in ("DescribeInstances", "DescribeInstanceStatus", "DescribeAlarms"):
            refuse(client, operation, "AuthFailure")
    await world.refresh(TAGS)
    observation = world.all.fleet(PLACE)
    assert observation is not None
    assert observation.value is not None
    assert len(observation.value.unreadable) == 3


async def test_comparisons_are_bounded(world: World, stand_in: GitHubStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observations, "MOST_STANDINGS", 3)
    await world.refresh(frozenset(), *(f"{number:040x}" for number in range(6)))
    assert len(world.all._standings) == 3


def test_by_key() -> None:
    assert by_key([("a", "1"), ("b", "2"), ("a", "3")]) == {"a": {"1", "3"}, "b": {"2"}}
