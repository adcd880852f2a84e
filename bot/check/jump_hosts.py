"""Reports variables that route ssh through a jump host: Signalbox reads host keys directly, so it cannot reach those behind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.check.result import NOTE
from bot.config import Ansible
from runners import phrases
from runners.results import Connection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.config import Config

# The options of Ansible's ssh connection; those that the playbooks' repository sets are read at a deploy, not here.
_OPTIONS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
_JUMPS = re.compile(r"\bProxy(?:Jump|Command)\b|(?:^|\s)-J", re.IGNORECASE)


def jump_hosts(config: Config) -> list[Connection]:
    """One line with every variable of the configuration that routes through a jump host; empty without such a variable."""
    variables = list(_routing(config))
    if not variables:
        return []
    detail = (
        f"{', '.join(variables)} {phrases.plural(len(variables), 'routes', 'route')} ssh through a jump host. Signalbox cannot read host keys behind it: add them to "
        "/etc/ssh/ssh_known_hosts, or ssh refuses these machines. Signalbox cannot check their daemons. With "
        "deploy.ansible.ssh.bastion it does both"
    )
    return [Connection(NOTE, ok=True, detail=detail)]


def _routing(config: Config) -> Iterable[str]:
    for name, ansible in config.deployed_by(Ansible).items():
        if ansible.connection == "ssh":
            for option in _OPTIONS:
                if _JUMPS.search(str(ansible.extra_vars.get(option, ""))):
                    yield config.environments[name].key_of("deploy", "ansible", "extra_vars", option)
