"""A real OpenSSH server on loopback, run as the user of the sandbox."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sandbox.waiting import within

ADDRESS = "127.0.0.1"
_SEARCHED = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
_PRIVILEGE_SEPARATION = Path("/run/sshd")  # where a root sshd locks itself up before anybody has logged in


def new_key() -> tuple[str, str]:
    """A private key and its public half, as OpenSSH writes them."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return private, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


class SshServer:
    """The server. `authorised` is the public key that may log in; RuntimeError where there is no sshd."""

    def __init__(self, directory: Path, port: int, authorised: str) -> None:
        program = shutil.which("sshd", path=_SEARCHED)
        if program is None:
            raise RuntimeError("install OpenSSH's server (Debian: apt-get install openssh-server)")
        self._program = program
        self._directory = directory
        self._port = port
        self._child: asyncio.subprocess.Process | None = None
        directory.mkdir(mode=0o700)
        self._write("authorized_keys", f"{authorised}\n")
        self._write(
            "sshd_config",
            f"ListenAddress {ADDRESS}:{port}\nHostKey {directory}/host_key\nPidFile none\nStrictModes no\nUsePAM no\n"
            f"AuthorizedKeysFile {directory}/authorized_keys\nPermitRootLogin prohibit-password\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            f"SetEnv HOME={directory}\n",  # what our own login does at its start is no part of this
        )

    async def start(self) -> None:
        """Start it, with a host key that it has never had; returns when it answers."""
        self._write("host_key", new_key()[0])
        if os.geteuid() == 0:
            _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        argv = [self._program, "-D", "-e", "-f", str(self._directory / "sshd_config")]
        with (self._directory / "log").open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(*argv, stderr=log)
        await within(20, self._listens())

    async def stop(self) -> None:
        """End it."""
        if self._child is not None and self._child.returncode is None:
            self._child.terminate()
            await self._child.wait()

    async def _listens(self) -> None:
        while not await self._answers():  # noqa: ASYNC110  -- the server does not report that it listens
            await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(ADDRESS, self._port)
        except OSError:
            return False
        line = await reader.readline()
        writer.close()
        return line.startswith(b"SSH-2.0")

    def _write(self, name: str, text: str) -> None:
        path = self._directory / name
        path.write_text(text)
        path.chmod(0o600)
