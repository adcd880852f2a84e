"""Variables of groups and hosts for the product's own inventory: beside the playbooks, and of a directory of the repository."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from runners.ansible import preflight
from runners.errors import NotFoundError
from runners.results import State
from tests.real.own_inventory_support import put
from tests.real.test_ansible import Playbooks, inventory, playbooks

if TYPE_CHECKING:
    from pathlib import Path

    from runners.ansible import PlaybookJob

pytestmark = pytest.mark.needs_bwrap
__all__ = ["playbooks"]
PLAY = """
    - hosts: production
      gather_facts: false
      tasks:
        - name: Write what applies
          ansible.builtin.copy:
            dest: "%s/seen-{{ inventory_hostname }}"
            content: "{{ [role, environment_, configured, packer, everywhere, host, twice] | join(' ') }}"
            mode: "0600"
    """
FILES = {
    "group_vars/backend.yml": "role: {0}, twice: {0}",
    "group_vars/staging/main.yml": "environment_: {0}",
    "group_vars/production.yml": "configured: {0}",
    "group_vars/default.yml": "packer: {0}",
    "group_vars/all.yml": "everywhere: {0}",
    "host_vars/staging-backend.yml": "host: {0}",
}


def write(playbooks: Playbooks, directory: str, value: str) -> None:
    for name, text in FILES.items():
        put(playbooks, f"{directory}{name}", f"{{{text.format(value)}}}\n")


def job(playbooks: Playbooks, **changes: Any) -> PlaybookJob:
    hosts = replace(inventory("backend"), groups=("production",))
    return playbooks.job(inventory=hosts, root=playbooks.project, **changes)


async def applied(playbooks: Playbooks, tmp_path: Path, **changes: Any) -> str:
    put(playbooks, "deploy.yml", PLAY % tmp_path)
    given = job(playbooks, **changes)
    plays = await preflight.plays_of(given, ["deploy.yml"])
    preflight.check_reached(plays["deploy.yml"], "deploy.yml", given.inventory, ["backend"])
    result = await playbooks.run(given)
    assert [host.state for host in result.hosts] == [State.SUCCEEDED], result
    return (tmp_path / "seen-staging-backend").read_text()


@pytest.mark.slow("Ansible twice")
async def test_those_beside_the_playbook_apply_with_each_group(playbooks: Playbooks, tmp_path: Path) -> None:
    write(playbooks, "", "beside")
    assert await applied(playbooks, tmp_path) == "beside beside beside beside beside beside beside"


@pytest.mark.slow("Ansible twice")
async def test_those_of_a_directory_apply_and_those_beside_the_playbook_count_above(
    playbooks: Playbooks, tmp_path: Path
) -> None:
    write(playbooks, "inventories/staging/", "ours")
    put(playbooks, "inventories/staging/hosts.ini", "[production]\nnobody ansible_host=10.0.0.9\n")
    put(playbooks, "inventories/staging/group_vars/all.yml", "{everywhere: ours, ansible_ssh_common_args: -J evil}\n")
    put(playbooks, "group_vars/backend.yml", "{twice: beside}\n")
    assert await applied(playbooks, tmp_path, variables="inventories/staging") == "ours ours ours ours ours ours beside"


@pytest.mark.parametrize("linked", [False, True])
async def test_a_directory_without_any_is_named_with_the_nearest(
    playbooks: Playbooks, tmp_path: Path, linked: bool
) -> None:
    put(playbooks, "deploy.yml", "- hosts: all\n  tasks: []\n")
    write(playbooks, "inventories/prod/", "ours")
    if linked:  # out of the repository
        (tmp_path / "elsewhere/group_vars").mkdir(parents=True)
        (playbooks.project / "inventories/pro").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotFoundError) as raised:
        await preflight.plays_of(job(playbooks, variables="inventories/pro"), ["deploy.yml"])
    assert raised.value.problem == "there is neither group_vars/ nor host_vars/ in inventories/pro/ at this commit"
    assert raised.value.remedy.startswith("There are some in inventories/prod")
