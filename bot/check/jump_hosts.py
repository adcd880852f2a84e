"""Names what leads ssh through a jump host: Signalbox asks machines for their keys directly, so it knows none of those behind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.check.unguarded import NOTE
from runners.results import Connection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.config import Config

# As Ansible's ssh connection names them; what the playbooks' repository sets is read at a deploy, and not here.
_OPTIONS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
_JUMPS = re.compile(r"\bProxy(?:Jump|Command)\b|(?:^|\s)-J", re.IGNORECASE)


def jump_hosts(config: Config) -> list[Connection]:
    """One line with every variable of the configuration that leads through a jump host; none when there is none."""
    found = list(_leading(config))
    if not found:
        return []
    what = "leads" if len(found) == 1 else "lead"
    detail = (
        f"{', '.join(found)} {what} ssh through a jump host. Signalbox cannot ask machines behind it for their host keys, and "
        "ssh refuses those that do not stand in /etc/ssh/ssh_known_hosts; their daemons cannot be looked at"
    )
    return [Connection(NOTE, ok=True, detail=detail)]


def _leading(config: Config) -> Iterable[str]:
    for name, environment in config.environments.items():
        ansible = environment.deploy.ansible
        if ansible and ansible.connection == "ssh":
            for option in _OPTIONS:
                if _JUMPS.search(str(ansible.extra_vars.get(option, ""))):
                    yield f"environments.{name}.deploy.ansible.extra_vars.{option}"
