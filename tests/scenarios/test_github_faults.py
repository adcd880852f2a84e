"""GitHub that refuses, fails or does not answer: it is said in words, and what was asked for once runs once at most."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sandbox.exchanges import DropConnectionError
from sandbox.github.web import GitHubError
from tests.scenarios.acting import infrastructure, operations_in, shows, types

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sandbox.exchanges import Exchange
    from sandbox.world import World

SHARED = {"speed": 200.0}  # what is asked of GitHub counts here, not how long its runs take
DISPATCH = ("POST", "/dispatches")
COMMIT = ("GET", "/commits/")
RUN = ("GET", "/actions/runs/")


@dataclass
class Fault:
    """What becomes of the next requests of a method whose path holds a piece; `left` counts down."""

    asked: tuple[str, str]
    phase: str
    raises: Callable[[], Exception]
    remaining: int = 1

    async def __call__(self, exchange: Exchange) -> None:
        method, piece = self.asked
        if self.remaining and exchange.method == method and piece in exchange.path and exchange.phase == self.phase:
            self.remaining -= 1
            raise self.raises()


async def deploys(world: World, fault: Callable[[Exchange], object]) -> tuple[str, int]:
    """Deploys to dev with this in between: the number in the message, and how many runs there were before."""
    number, runs = f"#{len(operations_in(world)) + 1} ", len(infrastructure(world).runs)
    world.github.on_request.append(fault)  # type: ignore[arg-type]
    await types(world, "ana", "#dev", "/deploy dev")
    return number, runs


@pytest.fixture(autouse=True)
def _no_faults_left(shared_world: World) -> AsyncIterator[None]:  # type: ignore[misc]
    yield
    shared_world.github.on_request.clear()


@pytest.mark.parametrize("asked", [DISPATCH, COMMIT])
@pytest.mark.parametrize(
    ("status", "message", "text"),
    [
        (401, "Bad credentials", "GitHub does not accept our credentials (Bad credentials)"),
        (403, "Resource not accessible by integration", "GitHub forbids it: Resource not accessible by integration"),
        (404, "Not Found", "from us"),
        (422, "Inputs <!channel> & co are wrong", "Inputs <!channel> & co are wrong"),
    ],
)
async def test_a_refusal_is_said_and_nothing_runs(
    shared_world: World, asked: tuple[str, str], status: int, message: str, text: str
) -> None:
    number, runs = await deploys(shared_world, Fault(asked, "before", lambda: GitHubError(status, message), 99))
    failed = await shows(shared_world, "#dev", number, ":x:", text)
    assert not failed.buttons
    assert len(infrastructure(shared_world).runs) == runs


@pytest.mark.parametrize(
    "raises", [lambda: GitHubError(502, "Server Error"), DropConnectionError], ids=["502", "dropped"]
)
async def test_a_dispatch_whose_answer_is_lost_is_found_and_not_repeated(
    shared_world: World, raises: Callable[[], Exception]
) -> None:
    number, runs = await deploys(shared_world, Fault(DISPATCH, "after", raises, 99))
    await shows(shared_world, "#dev", number, ":white_check_mark:", "deployed")
    assert len(infrastructure(shared_world).runs) == runs + 1


async def test_a_dispatch_that_hangs_is_found_and_not_repeated(shared_world: World) -> None:
    ends = asyncio.Event()

    async def hang(exchange: Exchange) -> None:
        if exchange.method == "POST" and exchange.phase == "after":
            await ends.wait()

    number, runs = await deploys(shared_world, hang)
    await shows(shared_world, "#dev", number, ":white_check_mark:", "deployed")
    ends.set()
    assert len(infrastructure(shared_world).runs) == runs + 1


async def test_reading_goes_on_after_faults_that_pass(shared_world: World) -> None:
    faults = [
        Fault(COMMIT, "before", lambda: GitHubError(502, "Server Error")),
        Fault(RUN, "before", DropConnectionError, 2),
        Fault(RUN, "before", lambda: GitHubError(503, "Unavailable"), 1),
    ]
    shared_world.github.on_request.extend(faults)
    number, runs = await deploys(shared_world, Fault(RUN, "after", lambda: GitHubError(500, "Oops")))
    await shows(shared_world, "#dev", number, ":white_check_mark:", "deployed")
    assert [fault.remaining for fault in faults] == [0, 0, 0]
    assert len(infrastructure(shared_world).runs) == runs + 1


async def test_while_github_does_not_answer_it_is_said_and_afterwards_it_goes_on(shared_world: World) -> None:
    repository = infrastructure(shared_world)
    repository.hang_next("deploy-dev.yml", job="cron")
    number, _ = await deploys(shared_world, Fault(RUN, "before", lambda: GitHubError(503, "Unavailable"), 0))
    await shows(shared_world, "#dev", number, "deploy (cron)", "running")
    shared_world.github.on_request.append(Fault(RUN, "before", lambda: GitHubError(503, "Unavailable"), 10_000))
    await shows(shared_world, "#dev", number, "GitHub has not answered since", "its error 503")
    shared_world.github.on_request.clear()
    await repository.cancel(list(repository.runs.values())[-1])
    done = await shows(shared_world, "#dev", number, ":x:", "cancelled")
    assert "nothing since" not in done.rendered
