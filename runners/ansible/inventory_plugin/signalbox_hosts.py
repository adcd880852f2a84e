"""An Ansible inventory plugin: it reads again what a plugin of the team's inventory has found, from the file SIGNALBOX_HOSTS.

It runs inside Ansible, so it imports nothing of Signalbox. `runners/ansible/ec2_plugin.py` writes the file: for each source what
`ansible-inventory --list` printed. So a playbook has the hosts that were found before, and needs no credentials to find them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.utils.unsafe_proxy import wrap_var

DOCUMENTATION = """
name: signalbox_hosts
short_description: reads hosts that were found before
description: Reads again what an inventory plugin has found, for Signalbox.
"""


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc]  # Ansible has no types
    """Takes the sources that the file has."""

    NAME = "signalbox_hosts"

    def verify_file(self, path: str) -> bool:
        """Whether this source was read before."""
        return str(path) in _recorded()

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:  # noqa: FBT001, FBT002 -- Ansible's
        """Add the groups, hosts and variables; a text in them is data, never a template."""
        super().parse(inventory, loader, path, cache)
        listed = _recorded()[str(path)]
        variables = listed.pop("_meta", {}).get("hostvars", {})
        for group in listed:
            inventory.add_group(group)
        for group, entry in listed.items():
            for host in entry.get("hosts", ()):
                inventory.add_host(host, group=group)
        for host, values in variables.items():
            inventory.add_host(host)
            for name, value in values.items():
                inventory.set_variable(host, name, wrap_var(value))
        for group, entry in listed.items():
            for child in entry.get("children", ()):
                inventory.add_group(child)
                inventory.add_child(group, child)


def _recorded() -> dict[str, dict[str, Any]]:
    read: dict[str, dict[str, Any]] = json.loads(Path(os.environ["SIGNALBOX_HOSTS"]).read_text(encoding="utf-8"))
    return read
