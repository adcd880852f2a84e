"""How ssh reaches the hosts of a deploy."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from bot.config.matching import Matching, Or
from bot.config.models import Model
from bot.config.values import Login, RepositoryPath, SecretSource

EnvironmentPath = Annotated[
    RepositoryPath,
    Matching(r"(?:[^{}]|\{environment\})+", "has an unknown placeholder; use only {environment}"),
]
HostName = Annotated[
    str,
    Matching(
        r"[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,252}",
        "is not the name or address of a server; write for example bastion.example.com, and a port under `port`",
    ),
]
HostKeyText = Annotated[
    str,
    Matching(
        r"(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) +[A-Za-z0-9+/]{40,}={0,2}(?: .*)?",
        "is not a public host key; write the kind and the key, as in `ssh-keyscan bastion.example.com` after the name",
    ),
]


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


HostKeys = Annotated[
    tuple[HostKeyText, ...],
    BeforeValidator(_listed),
    Field(min_length=1),
    Or({"type": "string", "pattern": r"^\s*\S+ +\S+"}),
]


class Bastion(Model):
    """The server through which ssh reaches the hosts. `host_key` is its public key, or several; any other one is refused.

    `user` and `private_key_env` default to those of the hosts.
    """

    host: HostName
    host_key: HostKeys
    user: Login | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    private_key_env: SecretSource | None = None


def _lines(value: object) -> object:
    """The lines of a text; comments and empty lines count for nothing."""
    if not isinstance(value, str):
        return value
    return tuple(line for line in map(str.strip, value.splitlines()) if line and not line.startswith("#"))


HostKeyLine = Annotated[
    str,
    Matching(
        r"(?:@(?:cert-authority|revoked)\s+)?\S+\s+[a-z][a-z0-9@.-]+\s+[A-Za-z0-9+/]{40,}={0,3}(?:\s.*)?",
        "is not a line of known_hosts; write names, kind and key, as `ssh-keyscan web1.example.com` prints them",
    ),
]
HostKeyLines = Annotated[tuple[HostKeyLine, ...], BeforeValidator(_lines), Or({"type": "string"})]


class Ssh(Model):
    """How ssh reaches the hosts: directly, through a bastion, or through sessions of AWS Systems Manager to instance ids.

    `known_hosts` are lines with the hosts' keys, `known_hosts_file` a file of the repository with such lines; with neither, keys
    are recorded at first sight.
    """

    bastion: Bastion | None = None
    session_manager: bool = False
    known_hosts: HostKeyLines = ()
    known_hosts_file: EnvironmentPath | None = None

    @property
    def lists_host_keys(self) -> bool:
        """Whether the team has written down which keys its hosts have."""
        return bool(self.known_hosts or self.known_hosts_file)
