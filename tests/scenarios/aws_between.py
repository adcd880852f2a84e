"""An AWS with somebody in between, who counts the calls and can let the bot die at one of them."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from aiohttp import ClientSession, web

from sandbox.aws import AwsHandle
from tests.scenarios.moments import Death

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mypy_boto3_ec2 import EC2Client

    from sandbox.world import World
    from tests.forked_aws import StartAws
    from tests.scenarios.moments import Phase


_OF_TRANSFER = {"content-length", "content-encoding", "transfer-encoding", "connection", "date", "server"}


def _named(request: web.Request) -> str:
    """The name of a call of a service that does not speak as EC2 does."""
    target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    return target or request.path.rpartition("/operation/")[2]


@dataclass
class AwsBetween:
    """`handle` leads through here to moto; `calls` counts what was answered, by EC2's name of the call."""

    moto: AwsHandle
    handle: AwsHandle = field(init=False)
    calls: Counter[str] = field(default_factory=Counter)
    _dies_at: tuple[str, Phase, Death] | None = None
    _world: World | None = None

    def dies_at(self, world: World, call: str, phase: Phase) -> Death:
        """SIGKILL at the next such call: `before` AWS took it (and it never does), or `after`, before the answer."""
        death = Death()
        self._dies_at, self._world = (call, phase, death), world
        return death

    def ec2(self) -> EC2Client:
        """For a reading of what there is, past all counting."""
        return self.moto.ec2()

    async def answer(self, request: web.Request, session: ClientSession) -> web.Response:
        """Pass a call on, and its answer back."""
        body = await request.read()
        target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        call = target or parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
        if await self._dies(call, "before", request):
            return web.Response(status=503)
        url = f"{self.moto.url}{request.path_qs}"
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        async with session.request(request.method, url, data=body, headers=headers) as answered:
            content, status = await answered.read(), answered.status
            answers = {name: value for name, value in answered.headers.items() if name.lower() not in _OF_TRANSFER}
        self.calls[call] += 1
        await self._dies(call, "after", request)
        return web.Response(body=content, status=status, headers=answers)

    async def _dies(self, call: str, phase: Phase, request: web.Request) -> bool:
        if self._dies_at is None or self._world is None or self._dies_at[:2] != (call, phase):
            return False
        death, self._dies_at = self._dies_at[2], None
        await death.kill(self._world)
        if request.transport:
            request.transport.abort()  # nobody is there to be answered
        return True


@asynccontextmanager
async def aws_between(start_aws: StartAws) -> AsyncIterator[AwsBetween]:
    """An AWS of its own."""
    application = web.Application(client_max_size=10**7)
    async with start_aws() as moto, ClientSession() as session:
        between = AwsBetween(moto)

        async def passed_on(request: web.Request) -> web.Response:
            return await between.answer(request, session)

        application.router.add_route("*", "/{tail:.*}", passed_on)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        between.handle = AwsHandle(f"http://127.0.0.1:{runner.addresses[0][1]}", between.moto.region)
        try:
            yield between
        finally:
            await runner.cleanup()
