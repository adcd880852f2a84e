"""Approve and Reject: a person who may not, clicks what is not theirs, twice, or too late, changes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.scenarios.acting import (
    answered,
    clicks,
    decisions,
    forged,
    operations_in,
    rejects,
    shows,
    thread_of,
    types,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.slack import Message
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

UNKNOWN_BUTTON = "I do not know this button or command (any more)"


@dataclass(frozen=True)
class Asked:
    """Two plans that wait: staging's for one approval, prod's for two."""

    world: World
    staging: Message
    prod: Message

    def click_of(self, kind: str) -> Message:
        """Staging's message as the one who clicks has it."""
        values = {"of another operation": _value(self.prod), "unknown approval": "AAAA", "no approval": ""}
        if kind == "unknown button":
            return forged(self.staging, action_id="launch")
        return forged(self.staging, value=values[kind]) if kind in values else self.staging


def _value(message: Message) -> str:
    row = next(block for block in message.blocks if block["type"] == "actions")
    return str(row["elements"][0]["value"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(shared_world: World) -> AsyncIterator[Asked]:
    await asyncio.gather(*(types(shared_world, "ana", f"#{name}", f"/plan {name}") for name in ("staging", "prod")))
    staging = await shows(shared_world, "#staging", "Plan for staging", "Waiting for approval")
    prod = await shows(shared_world, "#prod", "Plan for prod", "needs 2 approvals")
    yield Asked(shared_world, staging, prod)


@pytest.mark.parametrize(
    ("who", "what", "button", "answer"),
    [
        ("gus", "as it is", "approve", "You may not approve for staging; anyone of @infra may."),
        ("gus", "as it is", "reject", "You may not decide for staging; anyone of @infra may."),
        ("ana", "as it is", "approve", "You asked for this yourself"),
        ("lee", "of another operation", "approve", "This button does not belong to this message."),
        ("lee", "unknown approval", "approve", "I do not know this approval (any more)"),
        ("lee", "no approval", "approve", "I do not know this approval (any more)"),
        ("lee", "unknown button", "launch", UNKNOWN_BUTTON),
    ],
)
async def test_a_click_that_does_not_count_is_answered_and_changes_nothing(
    asked: Asked, who: str, what: str, button: str, answer: str
) -> None:
    observed = asked.staging.rendered, asked.prod.rendered
    assert answer in await answered(asked.world, who, asked.click_of(what), button)
    assert (asked.staging.rendered, asked.prod.rendered) == observed
    assert {status for _, _, status in operations_in(asked.world)} == {"approval"}


async def test_two_clicks_at_once_decide_once_and_later_ones_change_nothing(asked: Asked) -> None:
    world, old = asked.world, asked.staging.snapshot()
    await asyncio.gather(*(world.person(name).click(old, "approve") for name in ("lee", "max", "lee")))
    done = await shows(world, "#staging", "Plan for staging", "applied, 3 replaced, 1 changed, 0 destroyed")
    assert done.rendered.count("approved by") == 1
    assert not decisions(done)
    report = [item for name in ("lee", "max") for item in world.person(name).ephemerals]
    assert sum("This was already approved; your click changed nothing." in item.rendered for item in report) == 2
    finished = done.rendered
    assert "already approved" in await answered(world, "max", old, "reject")
    assert done.rendered == finished
    thread = thread_of(world, done)
    assert thread.count("[file]") == 1


async def test_one_rejection_ends_it_even_after_an_approval_and_the_requester_may_withdraw(asked: Asked) -> None:
    await clicks(asked.world, "lee", asked.prod, "approve")
    ask = await shows(asked.world, "#prod", "needs 1 more approval", "approved by @lee")
    await clicks(asked.world, "lee", ask, "reject")
    late = await asked.world.person("lee").wait_for_view()
    await rejects(asked.world, "ana", ask, "Wrong <branch> & time")
    ended = await shows(
        asked.world, "#prod", "rejected, nothing was applied", "rejected by @ana", "“Wrong <branch> & time”"
    )
    assert not decisions(ended)
    answer = await asked.world.person("lee").submit(late, {"reason": "Too late"})
    assert answer.errors == {"reason": "This was already rejected; your click changed nothing."}
    await asked.world.person("lee").close(late)
    assert "Too late" not in ended.rendered


async def test_an_approval_expires_and_a_click_after_that_changes_nothing(start_world: StartWorld) -> None:
    world = await start_world(config={"expires_after: 30m": "expires_after: 8s"})
    await types(world, "ana", "#prod", "/plan prod")
    old = (await shows(world, "#prod", "Plan for prod", "needs 2 approvals")).snapshot()
    expired = await shows(world, "#prod", ":alarm_clock:", "expired, nothing was applied")
    assert not decisions(expired)
    observed = expired.rendered
    for button in ("approve", "reject"):
        assert "This approval has expired; nothing was done." in await answered(world, "lee", old, button)
    assert expired.rendered == observed
    await types(world, "ana", "#prod", "/plan prod")
    await shows(world, "#prod", "#2 ", "needs 2 approvals")
