"""Real OpenSSH servers on loopback, with keys of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def make_key(path: Path, *options: str, passphrase: str = "") -> str:
    kind = ["-t", "rsa", "-b", "2048", "-m", "PEM"] if "--pem" in options else ["-t", "ed25519"]
    subprocess.run(["ssh-keygen", "-q", *kind, "-N", passphrase, "-C", "test", "-f", str(path)], check=True)
    return path.read_text()


class Server:
    """An OpenSSH server on a loopback port, for our own user and one key."""

    def __init__(self, directory: Path, port: int, user_key: str, authorised: str, address: str = "127.0.0.1") -> None:
        self.directory = directory
        self.address = address
        self.port = port
        self.user_key = user_key
        directory.mkdir(mode=0o700)
        make_key(directory / "host_key")
        (directory / "authorized_keys").write_text(authorised)
        (directory / "authorized_keys").chmod(0o600)
        self.config = directory / "sshd_config"
        self.config.write_text(
            f"ListenAddress {address}:{port}\nHostKey {directory}/host_key\nPidFile {directory}/pid\n"
            f"AuthorizedKeysFile {directory}/authorized_keys\nStrictModes no\nPermitRootLogin prohibit-password\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n"
            f"SetEnv HOME={directory}\n"  # what our own login does at its start is no part of this
        )
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            argv = ["/usr/sbin/sshd", "-D", "-e", "-f", str(self.config)]
            self.process = await asyncio.create_subprocess_exec(*argv, stderr=log)
        async with asyncio.timeout(60):
            while not await self.answers():
                assert self.process.returncode is None, (self.directory / "log").read_text()
                await asyncio.sleep(0.05)

    async def answers(self) -> bool:
        """Whether it listens and greets."""
        try:
            reader, writer = await asyncio.open_connection(self.address, self.port)
        except OSError:
            return False
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return line.startswith(b"SSH-2.0")

    @property
    def known_hosts(self) -> str:
        """The line by which ssh knows it."""
        return f"[{self.address}]:{self.port} {(self.directory / 'host_key.pub').read_text()}"

    async def change_key(self) -> None:
        """Start again with another host key."""
        await self.stop()
        (self.directory / "host_key").unlink()
        make_key(self.directory / "host_key")
        await self.start()

    async def stop(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()


@asynccontextmanager
async def running_servers(directory: Path, port: int, addresses: list[str]) -> AsyncIterator[list[Server]]:
    """A server at each address, all for one key."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where a root sshd locks itself up before login
    key = make_key(directory / "user_key")
    authorised = (directory / "user_key.pub").read_text()
    async with AsyncExitStack() as ends:
        servers = [Server(directory / f"sshd-{address}", port, key, authorised, address) for address in addresses]
        for server in servers:
            ends.push_async_callback(server.stop)
        await asyncio.gather(*(server.start() for server in servers))
        yield servers
