"""The bot is killed at each step of a rotation: one new key, in every place, and no other one is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.stories import _keys
from sandbox.stories._keys import keys_now, places_now
from sandbox.world import Options
from tests.scenarios.acting import clicks, shows, types
from tests.scenarios.aws_between import aws_between
from tests.scenarios.conftest import running
from tests.scenarios.moments import dies_at_github
from tests.scenarios.staged import one_message_each

if TYPE_CHECKING:
    from sandbox.bot_process import Launch
    from tests.forked_aws import StartAws
    from tests.scenarios.moments import Phase

pytestmark = pytest.mark.slow("each starts an AWS of its own, and the bot twice")
MAKING = ("CreateAccessKey", "GetCallerIdentity", "PUT", "PutParameter")
RETIRING = ("UpdateAccessKey", "DeleteAccessKey")


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("call", [*MAKING, *RETIRING])
async def test_one_new_key_is_in_every_place(start_aws: StartAws, forked: Launch, call: str, phase: Phase) -> None:
    async with (
        aws_between(start_aws) as aws,
        running(Options(aws=aws.handle, config=_keys.CONFIG), launch=forked) as world,
    ):
        old = await _keys.prepare(world)
        in_github = call == "PUT"
        death = dies_at_github(world, call, "/BUILD_KEY", phase) if in_github else aws.dies_at(world, call, phase)
        await types(world, "ana", "#staging", "/infra rotate build-key")
        ask = await shows(world, "#staging", "#1 Rotate build-key", "waiting for approval")
        await clicks(world, "lee", ask, "approve")
        if call in MAKING:
            await death.wait()
            assert len(keys_now(aws.moto)) <= 2
            assert keys_now(aws.moto)[old] == "Active"
            await world.bot.start()
        written = await shows(world, "#staging", "#1 ", "works with STS")
        assert len(keys_now(aws.moto)) == 2
        await clicks(world, "lee", written, "rotate-proven")
        if call in RETIRING:
            await death.wait()
            await world.bot.start()
        await shows(world, "#staging", ":white_check_mark:", "#1 ", "which is deleted")
        ((new, status),) = keys_now(aws.moto).items()
        key_id, secret, parameter = places_now(world, aws.moto)
        assert (new != old, status, key_id, secret) == (True, "Active", new, parameter)
        one_message_each(world, "#staging", 1)
