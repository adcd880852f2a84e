"""Lines of known_hosts that a team has written: which keys they have for each host, as OpenSSH itself reads them.

`ssh-keygen -F` finds them: hashed names, patterns, ports, certificate authorities and revoked keys are its affair. ssh then
compares with the same lines. Source: "SSH_KNOWN_HOSTS FILE FORMAT" in sshd(8); `check_host_key` in OpenSSH's sshconnect.c.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.errors import AccessDeniedError, NotFoundError
from runners.processes import child, wall
from runners.processes.foreign_files import read_regular
from runners.removal import remove_tree_if_possible
from runners.ssh.host_keys import KINDS, HostKey, name_of, read_keys
from runners.ssh.keys import write_secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from runners.results import Host, Inventory

AUTHORITY, REVOKED = "@cert-authority", "@revoked"
TIMEOUT = 20.0
AT_ONCE = 8
_LONGEST = 4 << 20  # bytes of a file
NAMED = 6  # hosts in an error


@dataclass(frozen=True, slots=True)
class Listed:
    """The keys that the lines have for a host; with an `authority` it may present a certificate in place of a key."""

    keys: tuple[HostKey, ...] = ()
    authority: bool = False
    revoked: tuple[HostKey, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether ssh can accept the host by these lines at all."""
        return bool(self.keys) or self.authority


async def listed(text: str, inventory: Inventory, scratch: Path) -> dict[str, Listed]:
    """What the lines have for each host, by its instance id.

    Raises:
        ProgramMissingError: there is no ssh-keygen.
        TimedOutError: it hangs.
    """
    directory = scratch / f"known-{uuid.uuid4().hex[:8]}"
    file, room = directory / "known_hosts", asyncio.Semaphore(AT_ONCE)

    def make() -> None:
        directory.mkdir(mode=0o700, parents=True)
        write_secret(file, text)

    async def lines_for(name: str) -> str:
        async with room:
            answer = await child.run(
                ["ssh-keygen", "-F", name, "-f", str(file)],
                cwd=directory,
                env=child.child_environment(directory),
                timeout=TIMEOUT,
                doing="reading the lines of known_hosts",
                grace=1.0,
                room=wall.OUTSIDE,
            )
        return answer.stdout

    async def of_host(host: Host) -> tuple[str, Listed]:
        port = inventory.port_of(host)
        exact = _read(await lines_for(name_of(host, port)))
        if exact.usable or name_of(host, port) == host.address:
            return host.instance_id, exact
        return host.instance_id, _read(await lines_for(host.address))  # as ssh does for another port

    try:
        await asyncio.to_thread(make)
        return dict(await asyncio.gather(*map(of_host, inventory.hosts)))
    finally:
        await asyncio.to_thread(remove_tree_if_possible, directory)


def read_file(root: Path, directory: str, name: str, doing: str) -> str:
    """The lines of a file of the repository, relative to a directory of it. Raises NotFoundError, and as read_regular."""
    path = root / directory / name
    try:
        return read_regular(path, most=_LONGEST, root=root).decode("utf-8", "replace")
    except FileNotFoundError:
        there = sorted(str(each.relative_to(root / directory)) for each in root.rglob("*known_hosts*"))[:NAMED]
        remedy = f"There is {', '.join(there)}. " if there else ""
        problem = f"there is no {name} at this commit"
        raise NotFoundError(doing, problem, remedy=f"{remedy}Correct deploy.ansible.ssh.known_hosts_file.") from None


def _read(output: str) -> Listed:
    keys: dict[str, list[str]] = {"": [], AUTHORITY: [], REVOKED: []}
    for line in output.splitlines():
        words = line.split()
        if len(words) < 3 or words[0].startswith("#"):
            continue
        marker = words[0] if words[0].startswith("@") else ""
        keys.get(marker, []).append(" ".join(words[2 if marker else 1 :]))
    read = {marker: read_keys("\n".join(lines)) for marker, lines in keys.items()}
    return Listed(read[""], bool(keys[AUTHORITY]), read[REVOKED])


def check_listed(inventory: Inventory, lines: Mapping[str, Listed], where: str, doing: str) -> None:
    """Raises AccessDeniedError where the lines have no key of a host: ssh would refuse it."""
    missing = [host for host in inventory.hosts if not lines.get(host.instance_id, Listed()).usable]
    if missing:
        names = dict.fromkeys(f"{host.name} ({name_of(host, inventory.port_of(host))})" for host in missing)
        problem = f"{where} has no host key of {_enumerated([*names])}"
        raise AccessDeniedError(
            doing, problem, remedy="Add it, as `ssh-keyscan` prints it, once you have compared it on the host."
        )


def check_presented(
    inventory: Inventory,
    lines: Mapping[str, Listed],
    presented: Mapping[str, Sequence[HostKey]],
    where: str,
    doing: str,
) -> None:
    """Raises AccessDeniedError where a host presents another key than the lines have, or a revoked one.

    A host for which they have a certificate authority is left to ssh, as is one that does not answer.
    """
    problems = []
    for host in inventory.hosts:
        listed_keys, now = lines.get(host.instance_id, Listed()), presented.get(host.instance_id, ())
        other = None if listed_keys.authority else _other(listed_keys.keys, now)
        problems += [f"{host.name} presents {other[1].fingerprint} in place of {other[0].fingerprint}"] if other else []
        revoked = set(listed_keys.revoked) & set(now)
        problems += [f"{host.name} presents the revoked key {key.fingerprint}" for key in sorted(revoked, key=str)]
    if problems:
        remedy = f"Ask its owner why. If the host was reinstalled, change its line in {where}."
        raise AccessDeniedError(doing, f"{_enumerated(problems)}, by {where}", remedy=remedy)


def _other(written: Sequence[HostKey], presented: Sequence[HostKey]) -> tuple[HostKey, HostKey] | None:
    """A written key and the other one in its place; None where ssh accepts: it asks for the first kind that both have.

    Several lines may have a key of the same kind, of which one is enough.
    """
    if not written or not presented:
        return None
    for kind in KINDS:
        of_kind = [key for key in written if key.kind == kind]
        now = next((key for key in presented if key.kind == kind), None)
        if of_kind and now:
            return None if now in of_kind else (of_kind[0], now)
    return written[0], presented[0]


def _enumerated(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return f"{', '.join(texts[:NAMED])}{more}"
