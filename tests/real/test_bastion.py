"""Hosts behind a bastion: two real OpenSSH servers, of which the second takes connections of the first alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from runners.daemons import verify
from runners.errors import AccessDeniedError, UnavailableError
from runners.results import State
from runners.ssh import host_keys, route
from runners.ssh.remote import reaching
from tests.real.bastion_support import GATE, Network, network, other_key
from tests.real.daemon_support import Real, daemon
from tests.real.test_ansible import Playbooks, playbooks
from tests.real.test_daemons import QUICK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from runners.results import Inventory, PlaybookResult

__all__ = ["daemon", "playbooks"]
pytestmark = [pytest.mark.needs_sshd, pytest.mark.needs_bwrap]
PLAY = """
    - hosts: backend
      gather_facts: false
      tasks:
        - name: Who connects
          ansible.builtin.raw: echo "$SSH_CONNECTION|$SSH_AUTH_SOCK" > {directory}/seen
        - name: Copy a file
          ansible.builtin.copy: {{content: hello, dest: {directory}/copied, mode: "0600"}}
"""


@pytest.fixture
async def servers(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Network]:
    async with network(tmp_path, unused_tcp_port) as made:
        yield made


async def deployed(
    playbooks: Playbooks, servers: Network, inventory: Inventory | None = None, **changes: object
) -> PlaybookResult:
    playbooks.write("deploy.yml", PLAY.format(directory=playbooks.directory))
    given: dict[str, Any] = {"known_hosts": servers.known_hosts, "route_secret": servers.bastion_key, **changes}
    given["private_key"] = servers.behind.user_key
    return await playbooks.run(playbooks.job(inventory=inventory or servers.inventory, **given))


async def test_the_keys_of_hosts_are_read_through_the_bastion_alone(servers: Network, tmp_path: Path) -> None:
    assert await host_keys.scan(replace(servers.inventory, bastion=None), tmp_path) == {}, "there is no direct way"
    scanned = await host_keys.scan(servers.inventory, tmp_path, servers.bastion_key)
    assert host_keys.known_hosts(servers.inventory, scanned) == " ".join(servers.known_hosts.split()[:3]) + "\n"
    assert not list(tmp_path.glob("route-*")), "no key is left"


@pytest.mark.slow("two servers, and Ansible beside")
async def test_a_deploy_reaches_the_host_with_both_keys_pinned(servers: Network, playbooks: Playbooks) -> None:
    result = await deployed(playbooks, servers)
    assert result.state is State.SUCCEEDED, result
    assert (playbooks.directory / "copied").read_text() == "hello"
    assert (playbooks.directory / "seen").read_text().endswith("|\n"), "no agent is forwarded"
    assert "PRIVATE KEY" not in playbooks.text_on_disk()


async def test_daemons_are_checked_through_the_bastion(servers: Network, daemon: Real, tmp_path: Path) -> None:
    daemon.start()
    given = {"private_key": servers.behind.user_key, "known_hosts": servers.known_hosts}
    for key, problem in ((servers.bastion_key, ""), (servers.behind.user_key, "refuses the login")):
        async with reaching(
            servers.inventory, tmp_path / "access", **given, doing="looking", route_secret=key
        ) as access:
            (observed,) = await verify(access, {"backend": [daemon.configured]}, QUICK, began=None, remedy=False)
        assert problem in observed.problem
        assert observed.reached is not bool(problem)


async def refused(servers: Network, inventory: Inventory, scratch: Path, key: str = "") -> str:
    """The sentence of the error, which the check of the bastion alone says too."""
    used = key or servers.bastion_key
    kinds = (AccessDeniedError, UnavailableError)
    with pytest.raises(kinds) as raised:
        await host_keys.scan(inventory, scratch, used)
    assert inventory.bastion
    if "forward" not in raised.value.problem:
        with pytest.raises(kinds) as alone:
            await route.check_bastion(inventory.bastion, used, scratch)
        assert (alone.value.problem, alone.value.remedy) == (raised.value.problem, raised.value.remedy)
    return raised.value.problem


async def test_what_fails_of_the_bastion_is_said_of_the_bastion(servers: Network, tmp_path: Path) -> None:
    private, public = other_key(tmp_path)
    await route.check_bastion(servers.server, servers.bastion_key, tmp_path)
    assert await refused(servers, servers.inventory, tmp_path, private) == (
        f"the bastion 127.0.0.2 refuses the login of {servers.server.user}"
    )
    changed = await refused(servers, servers.other(host_keys=(public,)), tmp_path)
    assert changed.startswith("the bastion 127.0.0.2 presents another host key (SHA256:")
    nowhere = await refused(servers, servers.other(host="nowhere.invalid"), tmp_path)
    assert nowhere.startswith("the bastion nowhere.invalid does not answer (")
    await servers.bastion.stop()
    down = await refused(servers, servers.inventory, tmp_path)
    assert down == "the bastion 127.0.0.2 does not answer (Connection refused)"


async def test_a_bastion_that_does_not_forward_is_named(servers: Network, tmp_path: Path) -> None:
    await servers.bastion.stop()
    servers.bastion.config.write_text(servers.bastion.config.read_text() + "AllowTcpForwarding no\n")
    await servers.bastion.start()
    assert await refused(servers, servers.inventory, tmp_path) == "the bastion 127.0.0.2 refuses to forward connections"


@pytest.mark.slow("two servers, and Ansible beside")
async def test_a_host_behind_that_does_not_answer_is_told_from_the_bastion(
    servers: Network, playbooks: Playbooks, tmp_path: Path, unused_tcp_port_factory: object
) -> None:
    silent = replace(servers.inventory, port=unused_tcp_port_factory())  # type: ignore[operator]
    assert await host_keys.scan(silent, tmp_path, servers.bastion_key) == {}
    result = await deployed(playbooks, servers, silent)
    (failure,) = result.failures
    assert failure.unreachable
    assert failure.output.startswith(
        f"The bastion 127.0.0.2 answers, but {GATE} behind it does not (Connection refused)."
    )


@pytest.mark.slow("two servers, and Ansible beside")
async def test_no_other_key_is_taken_of_the_host_or_the_bastion(
    servers: Network, playbooks: Playbooks, tmp_path: Path
) -> None:
    _, public = other_key(tmp_path)
    other = f"[{GATE}]:{servers.port} {public}\n"
    result = await deployed(playbooks, servers, known_hosts=other)
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in result.failures[0].output
    assert not result.failures[0].output.startswith("The bastion")
    assert not (playbooks.directory / "seen").exists()


@pytest.mark.slow("two servers, and Ansible beside")
async def test_a_bastion_whose_key_changes_after_the_scan_stops_ansible(
    servers: Network, playbooks: Playbooks, tmp_path: Path
) -> None:
    _, public = other_key(tmp_path)
    result = await deployed(playbooks, servers, servers.other(host_keys=(public,)))
    assert result.failures[0].output.startswith("The bastion 127.0.0.2 presents another host key (SHA256:")
    assert not (playbooks.directory / "seen").exists()
