"""What ssh goes through to hosts that this machine does not reach itself: a bastion, or sessions of AWS Systems Manager.

ssh gets a configuration for it, in files that end with the work; host keys are read through it, and its errors are put into words.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from runners.errors import UnavailableError
from runners.processes import child, wall
from runners.removal import remove_tree_if_possible
from runners.results import Bastion
from runners.ssh import bastion, session_manager
from runners.ssh.keys import key_text, write_secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from runners.errors import RunnerError
    from runners.processes.child import Output
    from runners.results import Host, Inventory, Route

ANSWER = 10  # seconds for the route, and for a host behind it
AT_ONCE = (
    6  # sshd drops some of more than ten connections that have not logged in (MaxStartups), and AWS throttles sessions
)
_LONGEST = 40.0  # seconds for a host: both connect, and each has a login


class Files(NamedTuple):
    """What ssh reads of a route: its configuration, a bastion's host keys, the key or credentials for it."""

    config: Path
    known_hosts: Path
    secret: Path

    @property
    def options(self) -> list[str]:
        """The options of ssh for the route; nothing else of the machine's configuration of ssh counts then."""
        return ["-F", str(self.config)]


def files_in(directory: Path) -> Files:
    """Where `write` puts them."""
    return Files(directory / "route_config", directory / "route_known_hosts", directory / "route_secret")


def write(directory: Path, route: Route, secret: str | None, doing: str) -> Files:
    """Write what ssh needs, in files that nobody else can read. `secret` is a private key, or session_manager.secret_text.

    Raises AccessDeniedError where the key cannot be used.
    """
    files = files_in(directory)
    if isinstance(route, Bastion):
        secret = key_text(secret, doing) if secret else None
        write_secret(files.known_hosts, bastion.known_hosts(route))
        write_secret(files.config, bastion.config_text(route, files, with_key=secret is not None))
    else:
        secret = session_manager.credentials_file(secret or "")
        write_secret(files.config, session_manager.config_text(route, files))
    if secret:
        write_secret(files.secret, secret)
    return files


def programs(route: Route | None) -> list[Path]:
    """The directories with programs that ssh starts for the route, and that a wall must show."""
    if route is None or isinstance(route, Bastion):
        return []
    real = [path.resolve().parent for path in session_manager.require_programs("starting sessions")]
    return [path for path in dict.fromkeys(real) if not path.is_relative_to("/usr")]


async def presented(inventory: Inventory, route: Route, secret: str | None, scratch: Path) -> dict[str, str]:
    """The lines of known_hosts that each host presents, by its name; hosts that do not answer are left out.

    ssh asks for the key and does not log in: ssh-keyscan goes through no route.

    Raises:
        AccessDeniedError: the route refuses the login, the forwarding or the session; a bastion presents another host key.
        UnavailableError: the route does not answer.
        ProgramMissingError: there is no ssh, or a program that it starts.
    """
    doing = f"reading the host keys of {inventory.environment}"
    room = asyncio.Semaphore(AT_ONCE)
    async with _files(scratch, route, secret, doing) as files:

        async def ask(host: Host, number: int) -> tuple[str, str]:
            async with room:
                lines, output = await _asked(inventory, host, files, number, doing)
            if not lines and (error := refusal(output, route, doing)):
                raise error
            return host.name, lines

        answers = await asyncio.gather(*(ask(host, number) for number, host in enumerate(inventory.hosts)))
    return {name: lines for name, lines in answers if lines}


async def check_host(inventory: Inventory, route: Route, secret: str | None, scratch: Path) -> None:
    """Ask the inventory's first host for its key. Raises as `presented`, and UnavailableError where the host does not answer."""
    host, doing = inventory.hosts[0], f"reaching {inventory.hosts[0].name}"
    async with _files(scratch, route, secret, doing) as files:
        lines, output = await _asked(inventory, host, files, 0, doing)
    if lines:
        return
    if error := refusal(output, route, doing):
        raise error
    last = next(iter(reversed(output.strip().splitlines())), "ssh says nothing")
    raise UnavailableError(doing, in_words(output, route, host.address).rstrip(".") or last[:200], remedy="")


async def check_bastion(server: Bastion, private_key: str | None, scratch: Path) -> None:
    """Log in to the bastion, which may refuse any command there.

    Raises:
        AccessDeniedError, UnavailableError, ProgramMissingError: as `presented`.
        TimedOutError: it takes too long.
    """
    doing = f"logging in to the bastion {server.host}"
    async with _files(scratch, server, private_key, doing) as files:
        answer = await _run(["ssh", "-T", *files.options, bastion.ALIAS, "true"], files, doing)
    if error := refusal(answer.stderr, server, doing):
        raise error


@asynccontextmanager
async def _files(scratch: Path, route: Route, secret: str | None, doing: str) -> AsyncIterator[Files]:
    directory = scratch / f"route-{uuid.uuid4().hex[:8]}"

    def make() -> Files:
        if not isinstance(route, Bastion):
            session_manager.require_programs(doing)
        directory.mkdir(mode=0o700, parents=True)
        return write(directory, route, secret, doing)

    try:
        yield await asyncio.to_thread(make)
    finally:
        await asyncio.to_thread(remove_tree_if_possible, directory)


async def _asked(inventory: Inventory, host: Host, files: Files, number: int, doing: str) -> tuple[str, str]:
    """The lines of known_hosts for the host's keys ("" where it showed none), and what ssh printed."""
    answered = files.config.parent / f"answered-{number}"
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": str(2 * ANSWER),
        "GlobalKnownHostsFile": "none",
        "HashKnownHosts": "no",
        "PreferredAuthentications": "none",
        "StrictHostKeyChecking": "accept-new",  # into a file of its own: the caller compares
        "UserKnownHostsFile": f'"{answered}"',
    }
    argv = ["ssh", "-T", *files.options, "-p", str(inventory.port_of(host)), "-l", inventory.user]
    argv += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    answer = await _run([*argv, "--", host.address, "true"], files, doing)
    return answered.read_text(encoding="ascii", errors="replace") if answered.is_file() else "", answer.stderr


async def _run(argv: list[str], files: Files, doing: str) -> Output:
    directory = files.config.parent
    env = child.child_environment(directory)
    return await child.run(argv, cwd=directory, env=env, timeout=_LONGEST, doing=doing, grace=1.0, room=wall.OUTSIDE)


def refusal(output: str, route: Route, doing: str) -> RunnerError | None:
    """The error where ssh, by its output, got no further than the route; None where the route did its part."""
    if isinstance(route, Bastion):
        return bastion.refusal(output, route, doing)
    return session_manager.refusal(output, route, doing)


def in_words(output: str, route: Route, address: str) -> str:
    """One sentence that names what failed, the route or the host behind it; "" where ssh says neither."""
    if isinstance(route, Bastion):
        return bastion.in_words(output, route, address)
    return session_manager.in_words(output, route, address)
