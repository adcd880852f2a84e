"""Starts stand-ins for AWS by fork from a process that has imported moto: an import takes three seconds of processor time."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from werkzeug.test import Client

from sandbox.aws import REGION, AwsStandIn, server_environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from wsgiref.types import WSGIApplication

    from sandbox.aws import AwsHandle
    from sandbox.aws_services import AwsServices

    StartAws = Callable[[], AbstractAsyncContextManager[AwsHandle]]


MODULE = "tests.forked_aws"
SERVICES = ("ec2", "ssm", "autoscaling")  # whose clients the seed needs


class ForkedAws(AwsStandIn):
    """A stand-in that the server at an address has forked: a process of its own, with the seed and what is done to it."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    async def _spawn(self) -> None:
        self._output, self._input = await asyncio.open_unix_connection(self._address)

    async def _ended(self) -> None:
        if self._input and self._output:
            await self._output.read()  # until its process closes the connection by its end
            self._input.close()
            await self._input.wait_closed()


@asynccontextmanager
async def started(stand_in: AwsStandIn) -> AsyncIterator[AwsHandle]:
    """It runs within the block."""
    try:
        yield await stand_in.start()
    finally:
        await stand_in.stop()


def main() -> None:
    """Import all of it, then fork for each connection; the child has the connection as its input and output."""
    os.environ.update(server_environment())
    server = importlib.import_module("sandbox.aws_server")
    made = _used(server.application())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a child has ended
    listener = socket.socket(fileno=int(sys.argv[1]))
    while True:
        connection, _ = listener.accept()
        if not os.fork():
            break
        connection.close()
    listener.close()
    os.setsid()
    for standard in (0, 1):
        os.dup2(connection.fileno(), standard)
    connection.close()
    importlib.import_module("moto.moto_api._internal").mock_random.seed()  # else all would give the same ids
    server.main(REGION, made)


def _used(made: tuple[AwsServices, WSGIApplication]) -> tuple[AwsServices, WSGIApplication]:
    """Let all be made that is made at the first use, which each child would do again for a second."""
    for service in SERVICES:
        importlib.import_module("boto3").client(service, region_name=REGION)
    scope = f"Credential=none/20260101/{REGION}/ec2/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
    assert Client(made[1]).post("/", data={"Action": "DescribeTags"}, headers=headers).status_code == 200
    return made


if __name__ == "__main__":
    main()
