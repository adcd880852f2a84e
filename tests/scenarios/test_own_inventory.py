"""A deploy to the hosts of the team's own inventory, over a real sshd; a branch gives a known host another address."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

import pytest

from sandbox.ports import free_port
from sandbox.ssh_server import SshServer, new_key
from tests.scenarios.acting import clicks, infrastructure, shows, types

if TYPE_CHECKING:
    from tests.scenarios.conftest import StartWorld

pytestmark = pytest.mark.slow("deploys with Ansible over ssh")
CHANNEL = '    channel: "#staging"\n'
PLAYBOOK = """- name: Deploy the web servers
  hosts: web
  gather_facts: false
  tasks:
    - name: Write what applies
      ansible.builtin.raw: echo '{{ color }} {{ groups["db"] | join }}'
      changed_when: false
      failed_when: color != 'blue'
"""
HOSTS = (
    "[web]\nweb1 ansible_host=127.0.0.1 ansible_ssh_private_key_file=~/.ssh/other\n[db]\ndb1 ansible_host=10.255.0.1\n"
)


async def test_the_approver_sees_the_hosts_and_a_known_host_keeps_its_key(start_world: StartWorld) -> None:
    port, (private, public) = free_port(), new_key()
    config = {
        f"{CHANNEL}    machines: [backend, cron, taskrunner, sftp]": f"{CHANNEL}    machines: [web]",
        "        user: deployer\n        port: 22222\n        connection: local\n": f"        user: {getpass.getuser()}\n"
        f"        port: {port}\n        inventory: inventories/{{environment}}\n        private_key_env: DEPLOYER_PRIVATE_KEY\n",
        "signalbox_root: ": f"ansible_python_interpreter: {sys.executable}, signalbox_root: ",
    }
    world = await start_world(environment={"DEPLOYER_PRIVATE_KEY": private}, config=config)
    server = SshServer(world.files / "web1", port, public)
    await server.start()
    files = {
        "provisioners/deploy-web.yml": PLAYBOOK,
        "provisioners/inventories/staging/hosts.ini": HOSTS,
        "provisioners/inventories/staging/group_vars/web.yml": "color: blue\n",
    }
    try:
        infrastructure(world).commit("main", files, "List the hosts")
        await types(world, "ana", "#staging", "/deploy staging")
        ask = await shows(world, "#staging", "#1 ", "Waiting for approval")
        assert "Hosts of `inventories/staging`: `web1` (127.0.0.1)" in ask.rendered
        assert "Ignored in it: `ansible_ssh_private_key_file`" in ask.rendered
        await clicks(world, "lee", ask, "approve")
        await shows(world, "#staging", "#1 ", ":white_check_mark:", "to 1 host")

        await server.stop()
        await server.start()  # another machine answers at the address: it has another key
        await types(world, "ana", "#staging", "/deploy staging")
        await clicks(world, "lee", await shows(world, "#staging", "#2 ", "Waiting for approval"), "approve")
        refused = await shows(world, "#staging", "#2 ", "shows another host key. No changes were made")
        assert "staging/web1" in refused.rendered

        changed = {"provisioners/inventories/staging/hosts.ini": HOSTS.replace("web1 ", "web1 ansible_user=root-too ")}
        infrastructure(world).commit("main", changed, "Use another user")
        await types(world, "ana", "#staging", "/deploy staging")
        await shows(world, "#staging", "#3 ", ":x:", "web1 has ansible_user: root-too")
    finally:
        await server.stop()
