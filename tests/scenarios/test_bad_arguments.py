"""What must never reach a program is refused in words, to the person alone, in every argument of every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.acting import operations_in, types

if TYPE_CHECKING:
    from sandbox.world import World

BAD = {
    "a second command": "; rm -rf /",
    "a substitution": "$(touch /tmp/pwned)",
    "backticks": "`id`",
    "a path upwards": "../..",
    "an option": "--upload-pack=/bin/sh",
    "a short option": "-rf",
    "a line break": "main\nstaging",
    "a carriage return": "main\rstaging",
    "a NUL": "main\0staging",
    "an escape": "\x1b[31mmain",
    "a right-to-left mark": "main\u202egnigats",
    "10,000 characters": "a" * 10_000,
    "letters beyond ASCII": "prød",
    "an emoji": "🚀",
    "the whole channel": "<!channel>",
    "the whole channel as typed": "@channel",
    "a person": "<@U0ANA>",
    "a person as typed": "@ana",
    "a link": "https://example.com/main",
    "a quote": "'main\"",
    "a percent sign": "%2e%2e",
    "a backslash": "main\\..",
}
PLACES = (
    "/deploy {}",
    "/deploy dev {}",
    "/plan {}",
    "/plan staging {}",
    "/plan staging backend_ami={}",
    "/plan staging {}=x",
    "/build {}",
    "/build backend {}",
    "/infra {}",
    "/infra help {}",
    "/infra audit {}",
)
REFUSAL = ":no_entry_sign:"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("bad", BAD)
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


QUIET = {"auth.test", "usergroups.users.list"}
