"""The keys by which servers prove who they are: asked for, compared with those on record, written for ssh."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runners.processes import child, wall
from runners.results import ChangedKey
from runners.ssh import route

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from runners.results import Host, Inventory

ANSWER = 5  # seconds for a server to show its keys
KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
_SCANNED = "ed25519,ecdsa,rsa"
_LONGEST_SCAN = 60.0
_USUAL_PORT = 22
_REFUSED_AS_NEW = re.compile(r"\bNo \S+ host key is known for .+ and you have requested strict checking")


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public key of a server: `kind` as OpenSSH names it, `key` in base64."""

    kind: str
    key: str

    @property
    def fingerprint(self) -> str:
        """As ssh shows it: SHA256 and 43 characters of base64."""
        digest = hashlib.sha256(base64.b64decode(self.key)).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def read_keys(text: str) -> tuple[HostKey, ...]:
    """The keys in lines of "kind key", whatever follows on the line; other lines count for nothing."""
    keys = [_key(line.split()) for line in text.splitlines()]
    return tuple(dict.fromkeys(key for key in keys if key))


def write_keys(keys: Iterable[HostKey]) -> str:
    """The same keys as text again."""
    return "".join(f"{key.kind} {key.key}\n" for key in keys)


def _key(words: Sequence[str]) -> HostKey | None:
    if len(words) < 2 or words[0] not in KINDS:
        return None
    try:
        base64.b64decode(words[1], validate=True)
    except binascii.Error:
        return None
    return HostKey(words[0], words[1])


async def scan(inventory: Inventory, scratch: Path, route_secret: str | None = None) -> dict[str, tuple[HostKey, ...]]:
    """What each server shows now, by instance id; one that does not answer within five seconds is left out.

    `route_secret` is the secret for the inventory's route: see route.write.

    Raises:
        ProgramMissingError: there is no ssh-keyscan, or no ssh.
        TimedOutError: ssh-keyscan itself hangs.
        AccessDeniedError, UnavailableError: the route fails: see route.presented.
    """
    if inventory.route:
        texts = await route.presented(inventory, inventory.route, route_secret, scratch)
        behind = {host.instance_id: _keys_after_names(texts.get(host.name, "")) for host in inventory.hosts}
        return {instance: keys for instance, keys in behind.items() if keys}
    presented: dict[str, tuple[HostKey, ...]] = {}
    for port in dict.fromkeys(inventory.port_of(host) for host in inventory.hosts):
        of_port = tuple(host for host in inventory.hosts if inventory.port_of(host) == port)
        presented |= await _scan_port(replace(inventory, hosts=of_port, port=port), scratch)
    return presented


async def _scan_port(inventory: Inventory, scratch: Path) -> dict[str, tuple[HostKey, ...]]:
    addresses = list(dict.fromkeys(host.address for host in inventory.hosts))
    argv = ["ssh-keyscan", "-T", str(ANSWER), "-p", str(inventory.port), "-t", _SCANNED, "--", *addresses]
    env = child.child_environment(scratch)
    doing = f"asking the machines of {inventory.environment} for their host keys"
    answer = await child.run(
        argv, cwd=scratch, env=env, timeout=_LONGEST_SCAN, doing=doing, grace=1.0, room=wall.OUTSIDE
    )
    lines: dict[str, list[str]] = {}
    for line in answer.stdout.splitlines():
        name, _, rest = line.partition(" ")
        lines.setdefault(name, []).append(rest)
    presented = {host: read_keys("\n".join(lines.get(name_of(host, inventory.port), ()))) for host in inventory.hosts}
    return {host.instance_id: keys for host, keys in presented.items() if keys}


def _keys_after_names(text: str) -> tuple[HostKey, ...]:
    return read_keys("\n".join(line.partition(" ")[2] for line in text.splitlines()))


def changed(
    hosts: Iterable[Host], pinned: Mapping[str, Sequence[HostKey]], presented: Mapping[str, Sequence[HostKey]]
) -> tuple[ChangedKey, ...]:
    """The servers that show another key than the one on record; those without one on record have not changed."""
    changes = []
    for host in hosts:
        before, now = pinned.get(host.instance_id, ()), presented.get(host.instance_id, ())
        differing = _differing(before, now)
        if differing:
            old, new = differing
            changes.append(ChangedKey(host.name, host.instance_id, old.fingerprint, new.fingerprint))
    return tuple(changes)


def _differing(pinned: Sequence[HostKey], presented: Sequence[HostKey]) -> tuple[HostKey, HostKey] | None:
    """A key on record and the other one of its kind; where no kind is on record any more, the first of each."""
    if not pinned or not presented:
        return None
    now = {key.kind: key for key in presented}
    for key in pinned:
        if key.kind in now and now[key.kind] != key:
            return key, now[key.kind]
    return None if any(key.kind in now for key in pinned) else (pinned[0], presented[0])


def known_hosts(inventory: Inventory, pinned: Mapping[str, Sequence[HostKey]]) -> str:
    """The file that ssh compares with: a line for each key on record, by the address that is used now."""
    return "".join(
        f"{name_of(host, inventory.port_of(host))} {key.kind} {key.key}\n"
        for host in inventory.hosts
        for key in pinned.get(host.instance_id, ())
    )


def refused_as_new(output: str) -> bool:
    """Whether ssh, by what it printed, has refused a server because no key of it is on record (OpenSSH's sshconnect.c)."""
    return bool(_REFUSED_AS_NEW.search(output))


def name_of(host: Host, port: int) -> str:
    """The name by which ssh looks a server up."""
    return host.address if port == _USUAL_PORT else f"[{host.address}]:{port}"
