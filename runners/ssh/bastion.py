"""A bastion between this machine and the hosts: ssh's configuration for it, host keys read through it, and its errors in words.

Sources: ssh_config(5); OpenSSH's sshconnect.c, clientloop.c and channels.c for what ssh prints.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import uuid
from typing import TYPE_CHECKING, NamedTuple

from runners.errors import AccessDeniedError, RunnerError, UnavailableError
from runners.processes import child, wall
from runners.removal import remove_tree_if_possible
from runners.ssh.keys import key_text, write_secret

if TYPE_CHECKING:
    from pathlib import Path

    from runners.results import Bastion, Host, Inventory

ALIAS = "signalbox-bastion"  # the bastion's name in ssh's configuration, and in the file with its host keys
ANSWER = 10  # seconds for the bastion, and for a host behind it
AT_ONCE = 6  # sshd drops some of more than ten connections that have not logged in (MaxStartups)
KEY = "deploy.ansible.ssh.bastion"
_LONGEST = 40.0  # seconds for a host: both connect, and each has a login
_BASTION_DOWN = re.compile(r"ssh: (?:connect to host .+? port \d+: (.+)|Could not resolve hostname (.+))")
_NEW_KEY = re.compile(r"key sent by the remote host is\s+(SHA256:[\w+/]{43})")
_UNKNOWN_KEY = f"host key is known for {ALIAS} "
_NOT_FORWARDED = "open failed: administratively prohibited"
_NO_HOST = re.compile(r"open failed: connect failed: (.+?)\s*$", re.MULTILINE)
_CHECK = f"Check that it runs and that the bot's machine reaches it, and {KEY}."


class Files(NamedTuple):
    """What ssh reads of a bastion: its configuration, the bastion's host keys, the key to log in with."""

    config: Path
    known_hosts: Path
    key: Path

    @property
    def options(self) -> list[str]:
        """The options of ssh to go through the bastion; nothing else of the machine's configuration of ssh counts then."""
        return ["-F", str(self.config)]


def files_in(directory: Path) -> Files:
    """Where `write` puts them."""
    return Files(directory / "bastion_config", directory / "bastion_known_hosts", directory / "bastion_key")


def write(directory: Path, bastion: Bastion, private_key: str | None, doing: str) -> Files:
    """Write what ssh needs, in files that nobody else can read. Raises AccessDeniedError where the key cannot be used."""
    files = files_in(directory)
    key = key_text(private_key, doing) if private_key else None
    write_secret(files.config, _config(bastion, files, with_key=key is not None))
    write_secret(files.known_hosts, "".join(f"{ALIAS} {each}\n" for each in bastion.host_keys))
    if key:
        write_secret(files.key, key)
    return files


def _config(bastion: Bastion, files: Files, *, with_key: bool) -> str:
    settings = {
        "ProxyCommand": "none",  # comes first: else the stanza below would start ssh without end
        "HostName": bastion.host,
        "Port": str(bastion.port),
        "User": bastion.user,
        "HostKeyAlias": ALIAS,
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": _quoted(files.known_hosts),
        "GlobalKnownHostsFile": "none",
        "IdentitiesOnly": "yes",
        **({"IdentityFile": _quoted(files.key)} if with_key else {}),
        "PreferredAuthentications": "publickey",
        "BatchMode": "yes",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "ControlMaster": "no",
        "ConnectTimeout": str(ANSWER),
        "ServerAliveInterval": "15",
    }
    through = f"ssh -F {shlex.quote(str(files.config)).replace('%', '%%')} -W '[%h]:%p' {ALIAS}"
    lines = [f"Host {ALIAS}", *(f"  {name} {value}" for name, value in settings.items())]
    return "\n".join([*lines, f"Host * !{ALIAS}", f"  ProxyCommand {through}", "  ForwardAgent no", ""])


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("%", "%%") + '"'


async def presented(inventory: Inventory, bastion: Bastion, private_key: str | None, scratch: Path) -> dict[str, str]:
    """The lines of known_hosts that each host behind the bastion presents, by its name; hosts that do not answer are left out.

    ssh asks for the key and does not log in: ssh-keyscan goes through no bastion.

    Raises:
        AccessDeniedError: the bastion refuses the login or to forward, presents another host key, or the private key is none.
        UnavailableError: the bastion does not answer.
        ProgramMissingError: there is no ssh.
    """
    directory = scratch / f"bastion-{uuid.uuid4().hex[:8]}"
    doing = f"reading the host keys of {inventory.environment} through the bastion"

    def make() -> Files:
        directory.mkdir(mode=0o700, parents=True)
        return write(directory, bastion, private_key, doing)

    room = asyncio.Semaphore(AT_ONCE)

    async def ask(host: Host, number: int) -> tuple[str, str]:
        async with room:
            return host.name, await _key_of(inventory, host, bastion, directory / f"answered-{number}", doing)

    try:
        await asyncio.to_thread(make)
        answers = await asyncio.gather(*(ask(host, number) for number, host in enumerate(inventory.hosts)))
    finally:
        await asyncio.to_thread(remove_tree_if_possible, directory)
    return {name: lines for name, lines in answers if lines}


async def check(bastion: Bastion, private_key: str | None, scratch: Path) -> None:
    """Log in to the bastion, which may refuse any command there.

    Raises:
        AccessDeniedError, UnavailableError, ProgramMissingError: as `presented`.
        TimedOutError: it takes too long.
    """
    directory, doing = scratch / f"bastion-{uuid.uuid4().hex[:8]}", f"logging in to the bastion {bastion.host}"

    def make() -> Files:
        directory.mkdir(mode=0o700, parents=True)
        return write(directory, bastion, private_key, doing)

    try:
        argv = ["ssh", "-T", *(await asyncio.to_thread(make)).options, ALIAS, "true"]
        env = child.child_environment(directory)
        answer = await child.run(
            argv, cwd=directory, env=env, timeout=_LONGEST, doing=doing, grace=1.0, room=wall.OUTSIDE
        )
    finally:
        await asyncio.to_thread(remove_tree_if_possible, directory)
    if error := refusal(answer.stderr, bastion, doing):
        raise error


async def _key_of(inventory: Inventory, host: Host, bastion: Bastion, answered: Path, doing: str) -> str:
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": str(2 * ANSWER),
        "GlobalKnownHostsFile": "none",
        "HashKnownHosts": "no",
        "PreferredAuthentications": "none",
        "StrictHostKeyChecking": "accept-new",  # into a file of its own: the caller compares
        "UserKnownHostsFile": f'"{answered}"',
    }
    argv = ["ssh", "-T", *files_in(answered.parent).options, "-p", str(inventory.port_of(host)), "-l", inventory.user]
    argv += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    argv += ["--", host.address, "true"]
    env = child.child_environment(answered.parent)
    answer = await child.run(
        argv, cwd=answered.parent, env=env, timeout=_LONGEST, doing=doing, grace=1.0, room=wall.OUTSIDE
    )
    if answered.is_file():
        return answered.read_text(encoding="ascii", errors="replace")
    if error := refusal(answer.stderr, bastion, doing):
        raise error
    return ""


def refusal(output: str, bastion: Bastion, doing: str) -> RunnerError | None:
    """The error where ssh, by its output, got no further than the bastion; None where the bastion did its part."""
    if down := _BASTION_DOWN.search(output):
        why = (down[1] or down[2]).strip()
        return UnavailableError(doing, f"the bastion {bastion.host} does not answer ({why})", remedy=_CHECK)
    if new := _NEW_KEY.search(output) if ALIAS in output else None:
        problem = f"the bastion {bastion.host} presents another host key ({new[1]}) than {KEY}.host_key"
        return AccessDeniedError(doing, problem, remedy="Find out why it changed before you set the new key there.")
    if _UNKNOWN_KEY in output:
        problem = f"the bastion {bastion.host} presents none of the host keys in {KEY}.host_key"
        return AccessDeniedError(doing, problem, remedy="Find out why before you set another key there.")
    if _NOT_FORWARDED in output:
        problem = f"the bastion {bastion.host} refuses to forward connections"
        return AccessDeniedError(doing, problem, remedy="Set AllowTcpForwarding and PermitOpen in its sshd_config.")
    if f"{bastion.user}@{bastion.host}: Permission denied".casefold() in output.casefold():
        problem = f"the bastion {bastion.host} refuses the login of {bastion.user}"
        return AccessDeniedError(doing, problem, remedy=f"Check {KEY}.user and private_key_env.")
    return None


def in_words(output: str, bastion: Bastion, address: str) -> str:
    """One sentence that names which of the two failed, the bastion or the host behind it; "" where ssh says neither."""
    if error := refusal(output, bastion, ""):
        return f"{error.problem[:1].upper()}{error.problem[1:]}. {error.remedy}"
    beyond = _NO_HOST.search(output)
    if beyond:
        return f"The bastion {bastion.host} answers, but {address} behind it does not ({beyond[1]})."
    return ""
