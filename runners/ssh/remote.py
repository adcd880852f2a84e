"""Scripts run on hosts by the ssh program, or here where a host is this machine; with a key that ends with the work."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.processes import child, wall
from runners.removal import remove_tree_if_possible
from runners.ssh import route
from runners.ssh.keys import key_text, write_secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from runners.processes.child import Output
    from runners.results import Host, Inventory

CONNECT = 10  # seconds
REFUSED = 255  # ssh's own exit code: it is ssh that failed, and not what was run


@dataclass(frozen=True, slots=True)
class Access:
    """How hosts are reached. `directory` (0700) holds the key and what ssh compares host keys with."""

    directory: Path
    inventory: Inventory
    with_key: bool

    def argv(self, host: Host, mark: str = "") -> list[str]:
        """A shell on the host that reads its script from stdin; in `ps` the `mark` is seen, and nothing of the script."""
        shell = ["sh", "-s", *(["--", mark] if mark else [])]
        if self.inventory.connection != "ssh":
            return shell
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": str(CONNECT),
            "IdentitiesOnly": "yes",
            "LogLevel": "ERROR",
            "ServerAliveInterval": "15",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": f'"{self.directory / "known_hosts"}"',
        }
        through = route.files_in(self.directory).options if self.inventory.route else []
        argv = ["ssh", "-T", *through, "-p", str(self.inventory.port_of(host)), "-l", self.inventory.user]
        argv += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        argv += ["-i", str(self.directory / "key")] if self.with_key else []
        return [*argv, "--", host.address, " ".join(shell)]

    async def run(self, host: Host, script: str, *, timeout: float, doing: str, mark: str = "") -> Output:
        """Run a POSIX shell script there, as the user that deploys. A `mark` (letters, digits, -) marks its shell in `ps`.

        Raises:
            TimedOutError: it took longer than `timeout` seconds; on the host it may continue.
            ProgramMissingError: there is no ssh here.
        """
        path = self.directory / f"script-{uuid.uuid4().hex}"
        await asyncio.to_thread(write_secret, path, script)
        try:
            env = child.child_environment(self.directory)
            return await child.run(
                self.argv(host, mark),
                cwd=self.directory,
                env=env,
                timeout=timeout,
                doing=doing,
                grace=1.0,
                room=wall.OUTSIDE,  # ssh and our own script: no foreign code runs on this side
                stdin_from=path,
            )
        finally:
            path.unlink(missing_ok=True)


@asynccontextmanager
async def reaching(
    inventory: Inventory,
    directory: Path,
    *,
    private_key: str | None,
    known_hosts: str,
    doing: str,
    route_secret: str | None = None,
) -> AsyncIterator[Access]:
    """Access for as long as the block lasts; `directory` is made for it and deleted after.

    `route_secret` is the secret for the inventory's route: see route.write.

    Raises:
        AccessDeniedError: the private key cannot be used.
    """
    key = key_text(private_key, doing) if private_key else None

    def make() -> None:
        directory.mkdir(mode=0o700, parents=True)
        write_secret(directory / "known_hosts", known_hosts)
        if key:
            write_secret(directory / "key", key)
        if inventory.route:
            route.write(directory, inventory.route, route_secret, doing)

    await asyncio.to_thread(make)
    try:
        yield Access(directory, inventory, key is not None)
    finally:
        await asyncio.to_thread(remove_tree_if_possible, directory)
