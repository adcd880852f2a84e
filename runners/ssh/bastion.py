"""A bastion between this machine and the hosts: ssh's configuration for it, and its errors in words.

Sources: ssh_config(5); OpenSSH's sshconnect.c, clientloop.c and channels.c for what ssh prints.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from runners.errors import AccessDeniedError, RunnerError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from runners.results import Bastion
    from runners.ssh.route import Files

ALIAS = "signalbox-bastion"  # the bastion's name in ssh's configuration, and in the file with its host keys
ANSWER = 10  # seconds
KEY = "deploy.ansible.ssh.bastion"
_BASTION_DOWN = re.compile(r"ssh: (?:connect to host .+? port \d+: (.+)|Could not resolve hostname (.+))")
_NEW_KEY = re.compile(r"key sent by the remote host is\s+(SHA256:[\w+/]{43})")
_UNKNOWN_KEY = f"host key is known for {ALIAS} "
_NOT_FORWARDED = "open failed: administratively prohibited"
_NO_HOST = re.compile(r"open failed: connect failed: (.+?)\s*$", re.MULTILINE)
_CHECK = f"Check that it runs and that the bot's machine reaches it, and {KEY}."


def known_hosts(bastion: Bastion) -> str:
    """The bastion's own host keys, by its name in the configuration."""
    return "".join(f"{ALIAS} {each}\n" for each in bastion.host_keys)


def config_text(bastion: Bastion, files: Files, *, with_key: bool) -> str:
    """The configuration of ssh: a stanza for the bastion, and one that leads every host through it."""
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
        **({"IdentityFile": _quoted(files.secret)} if with_key else {}),
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
