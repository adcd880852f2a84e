"""Twelve real OpenSSH servers: one killed in the middle, one with another host key, one that hangs."""

from __future__ import annotations

import asyncio
import getpass
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from runners.ansible import cancel_playbook
from runners.results import Host, Inventory, State
from runners.ssh import host_keys
from tests.real.ssh_support import Server, running_servers
from tests.real.test_ansible import Playbooks, playbooks, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["playbooks"]
pytestmark = [
    pytest.mark.needs_sshd,
    pytest.mark.needs_bwrap,
    pytest.mark.slow("runs Ansible on twelve hosts over SSH"),
]
HOSTS = 12
# Raw commands: what is tried here is ssh, and twelve times Python would take its time.
WAITING = """
    - hosts: all
      gather_facts: false
      tasks:
        - {name: Begin, ansible.builtin.raw: "echo {{ inventory_hostname }} >> %(directory)s/begun"}
        - {name: Wait, ansible.builtin.raw: "until [ -e %(directory)s/go{{ waits_for }} ]; do sleep 0.1; done"}
        - {name: End, ansible.builtin.raw: "echo done"}
    """


@pytest.fixture
async def servers(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[list[Server]]:
    addresses = [f"127.0.0.{number}" for number in range(1, HOSTS + 1)]
    async with running_servers(tmp_path, unused_tcp_port, addresses) as started:
        yield started


def inventory_of(servers: list[Server]) -> Inventory:
    hosts = tuple(
        Host(f"web-{number}", "web", f"i-{number}", server.address, "ami-1", "us-west-2a")
        for number, server in enumerate(servers, 1)
    )
    return Inventory("staging", hosts, getpass.getuser(), servers[0].port, "ssh")


async def kill(server: Server) -> None:
    """The machine is gone: its server with every session."""
    assert server.process
    for process in [*psutil.Process(server.process.pid).children(recursive=True), psutil.Process(server.process.pid)]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    await server.process.wait()


def begun(directory: Path) -> int:
    path = directory / "begun"
    return len(path.read_text().splitlines()) if path.exists() else 0


async def test_one_is_killed_and_one_has_another_key_and_ten_go_on(
    playbooks: Playbooks, servers: list[Server], tmp_path: Path
) -> None:
    playbooks.write("deploy.yml", WAITING % {"directory": tmp_path})
    there = inventory_of(servers)
    existing = await host_keys.scan(there, tmp_path)
    assert len(existing) == HOSTS
    await servers[4].change_key()
    (changed,) = host_keys.changed(there.hosts, existing, await host_keys.scan(there, tmp_path))
    assert changed.host == "web-5"

    job = playbooks.job(
        inventory=there,
        private_key=servers[0].user_key,
        known_hosts=host_keys.known_hosts(there, existing),
        extra_vars={"waits_for": ""},
        forks=HOSTS,
    )
    running = asyncio.create_task(playbooks.run(job))
    await until(lambda: begun(tmp_path) == HOSTS - 1)
    await until(lambda: any(host.current_task == "Wait" for host in playbooks.seen[-1].hosts))
    await asyncio.sleep(1)  # until the sessions of all have come as far as that
    await kill(servers[2])
    (tmp_path / "go").touch()
    result = await running
    states = {host.host: host.state for host in result.hosts}
    assert states.pop("web-3") is State.UNREACHABLE
    assert states.pop("web-5") is State.UNREACHABLE
    assert set(states.values()) == {State.SUCCEEDED}
    assert len(states) == HOSTS - 2
    text = {failure.host: failure for failure in result.failures}
    assert "Host key verification failed" in text["web-5"].output
    assert all(failure.unreachable for failure in result.failures)
    assert text["web-3"].task == "Wait"
    assert result.task_total == 3


async def test_one_that_hangs_is_cancelled_and_told_apart_from_those_that_are_done(
    playbooks: Playbooks, servers: list[Server], tmp_path: Path
) -> None:
    free = WAITING.replace("hosts: all", "hosts: all\n      strategy: free")
    hanging = free.replace("{{ waits_for }}", "{{ '-never' if inventory_hostname == 'web-7' else '' }}")
    playbooks.write("deploy.yml", hanging % {"directory": tmp_path})
    (tmp_path / "go").touch()
    job = playbooks.job(
        inventory=inventory_of(servers),
        private_key=servers[0].user_key,
        known_hosts="".join(server.known_hosts for server in servers),
        extra_vars={},
        forks=HOSTS,
    )
    running = asyncio.create_task(playbooks.run(job))

    def others_are_through() -> bool:
        hosts = playbooks.seen[-1].hosts if playbooks.seen else ()
        return sum(host.ok == 3 for host in hosts) == HOSTS - 1

    await until(others_are_through)
    await cancel_playbook(playbooks.scratch)
    result = await running
    assert result.state is State.CANCELLED
    remaining = next(host for host in result.hosts if host.host == "web-7")
    assert (remaining.state, remaining.current_task, remaining.ok) == (State.CANCELLED, "Wait", 1)
    assert {host.current_task for host in result.hosts if host is not remaining} == {"End"}
