"""Inventories of a team's own, in a project of playbooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.ansible import own_inventory
from runners.results import HostSettings, Inventory

if TYPE_CHECKING:
    from tests.real.test_ansible import Playbooks

LOCAL = HostSettings("deployer", connection="local")
SSH = HostSettings("deployer")
NOBODY = Inventory("staging", (), "deployer", 22, "ssh")


def put(playbooks: Playbooks, name: str, text: str) -> None:
    """Write a file of the project."""
    (playbooks.project / name).parent.mkdir(parents=True, exist_ok=True)
    playbooks.write(name, text)


async def read(playbooks: Playbooks, *roles: str, source: str = "hosts", reach: HostSettings = SSH) -> Inventory:
    """What is read of the inventory for these roles."""
    job = playbooks.job(inventory=NOBODY, root=playbooks.project)
    return await own_inventory.read(job, source, dict.fromkeys(roles, "deploy.yml"), reach)
