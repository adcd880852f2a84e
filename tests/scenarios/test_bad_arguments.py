"""What must never reach a program is refused, to the person alone: once in each argument; the rest are unit tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bad_arguments import BAD, PLACES
from tests.scenarios.acting import operations_in, types

if TYPE_CHECKING:
    from sandbox.world import World

REFUSAL = ":no_entry_sign:"


@pytest.mark.parametrize(("place", "bad"), list(zip(PLACES, BAD, strict=False)))
async def test_is_refused_in_words(shared_world: World, place: str, bad: str) -> None:
    person = shared_world.person("ana")
    reply = await types(shared_world, "ana", "#ops", place.format(BAD[bad]))
    assert len(reply.ephemerals) == 1
    answer = reply.ephemerals[0]
    assert REFUSAL in answer.rendered
    assert len(answer.rendered) < 400
    assert not answer.broadcasts
    assert len(answer.text.splitlines()) == 1
    assert not operations_in(shared_world)
    assert not shared_world.slack.calls or {call.method for call in shared_world.slack.calls} <= QUIET
    assert person.view is None


QUIET = {"auth.test", "bots.info", "users.info", "usergroups.users.list"}
