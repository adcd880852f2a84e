"""Checks that the lines of known_hosts that a team has written have a key of each host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runners.errors import RunnerError
from runners.ssh import known_hosts

if TYPE_CHECKING:
    from bot.check.code import Checkout
    from bot.check.code_ansible import Playbooks
    from bot.check.result import Findings
    from runners.results import Inventory

MADE_UP = "i-0"  # of a host that stands for one that EC2 does not list


async def check_host_keys(checkout: Checkout, playbooks: Playbooks, hosts: Inventory, findings: Findings) -> None:
    """Add the hosts that the team's own lines of known_hosts lack, of those that are known by name."""
    settings, real = playbooks.settings, [host for host in hosts.hosts if host.instance_id != MADE_UP]
    file = settings.host_key_file_of(checkout.environment.whole)
    if hosts.connection != "ssh" or not real or not settings.ssh.lists_host_keys:
        return
    text, doing = "".join(f"{line}\n" for line in settings.ssh.known_hosts), "comparing host keys"
    try:
        if file:
            text = known_hosts.read_file(checkout.root, settings.directory, file, doing)
        listed = await known_hosts.listed(text, replace(hosts, hosts=tuple(real)), checkout.scratch)
        known_hosts.check_listed(replace(hosts, hosts=tuple(real)), listed, file or "ssh.known_hosts", doing)
    except RunnerError as error:
        key = checkout.environment.key_of("deploy", "ansible", "ssh")
        findings.add_problem(f"{key}: {error.problem}", error.remedy)
