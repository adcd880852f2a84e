"""A bastion and a host behind it, both real OpenSSH servers; the host takes connections of the bastion alone."""

from __future__ import annotations

import asyncio
import getpass
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psutil

from runners.results import Bastion, Host, Inventory
from tests.real.ssh_support import Server, make_key, running_servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

BASTION, GATE, BEHIND = "127.0.0.2", "127.0.0.3", "127.0.0.4"


@dataclass(frozen=True)
class Network:
    """`bastion_key` logs in to the bastion, `behind.user_key` to the host; neither to the other."""

    bastion: Server
    behind: Server
    bastion_key: str
    port: int

    @property
    def inventory(self) -> Inventory:
        """The host, at the address that only the bastion reaches."""
        host = Host("staging-backend", "backend", "i-1", GATE, "ami-1", "us-west-2a")
        return Inventory("staging", (host,), getpass.getuser(), self.port, "ssh", bastion=self.server)

    @property
    def server(self) -> Bastion:
        """The bastion as configured."""
        public = (self.bastion.directory / "host_key.pub").read_text().strip()
        return Bastion(BASTION, self.port, getpass.getuser(), (public,))

    def other(self, **changes: object) -> Inventory:
        """The inventory with another bastion."""
        return replace(self.inventory, bastion=replace(self.server, **changes))  # type: ignore[arg-type]

    @property
    def known_hosts(self) -> str:
        """The host's key, by the address that is used."""
        return f"[{GATE}]:{self.port} {(self.behind.directory / 'host_key.pub').read_text()}"


@asynccontextmanager
async def network(directory: Path, port: int) -> AsyncIterator[Network]:
    """Both servers, and the gate between them."""
    async with AsyncExitStack() as ends:
        for name in ("outside", "inside"):
            (directory / name).mkdir()
        (bastion,) = await ends.enter_async_context(running_servers(directory / "outside", port, [BASTION]))
        (behind,) = await ends.enter_async_context(running_servers(directory / "inside", port, [BEHIND]))
        gate = await asyncio.start_server(lambda *streams: _pass(bastion, port, *streams), GATE, port)
        ends.callback(gate.close)
        yield Network(bastion, behind, bastion.user_key, port)


async def _pass(bastion: Server, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry the bytes of a connection that the bastion has opened; close any other."""
    peer = writer.get_extra_info("peername")
    if not await asyncio.to_thread(_of_bastion, bastion, peer):
        writer.close()
        return
    onward_reader, onward_writer = await asyncio.open_connection(BEHIND, port)
    await asyncio.gather(_copy(reader, onward_writer), _copy(onward_reader, writer))


def _of_bastion(bastion: Server, peer: tuple[str, int]) -> bool:
    assert bastion.process
    own = [bastion.process.pid, *(each.pid for each in psutil.Process(bastion.process.pid).children(recursive=True))]
    return any(each.laddr == peer and each.pid in own for each in psutil.net_connections("tcp4"))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        return  # the other side has ended
    finally:
        writer.close()


def other_key(directory: Path) -> tuple[str, str]:
    """A private key that nobody knows, and its public half."""
    private = make_key(directory / "other_key")
    return private, (directory / "other_key.pub").read_text().strip()
