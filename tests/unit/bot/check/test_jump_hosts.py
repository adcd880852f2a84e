"""What leads ssh through a jump host is named, as far as the configuration says it."""

from __future__ import annotations

import pytest

from bot.check import lines
from bot.check.jump_hosts import jump_hosts
from bot.config import read

CONFIG = """\
slack: {channel: "#ops"}
github: {repository: acme/infrastructure}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0ANA]}
environments:
  staging:
    machines: [backend]
    channel: "#staging"
    deploy:
      ansible: {directory: p, playbook: a.yml, user: u, %s, extra_vars: {%s}}
"""
BY_SSH, LOCAL = "private_key_env: DEPLOY_KEY", "connection: local"


@pytest.mark.parametrize(
    ("connection", "variables", "message"),
    [
        (BY_SSH, 'ansible_ssh_common_args: "-o ProxyJump=bastion"', True),
        (BY_SSH, "ansible_ssh_extra_args: -J ops@bastion", True),
        (BY_SSH, "ansible_ssh_args: -C -Jbastion", True),
        (BY_SSH, "ansible_ssh_common_args: '-o proxycommand=\"nc %%h 22\"'", True),
        (BY_SSH, "ansible_ssh_common_args: -o Compression=yes", False),
        (BY_SSH, "title: ProxyJump", False),
        (LOCAL, "ansible_ssh_common_args: -J bastion", False),
    ],
)
def test_a_variable_that_leads_through_a_jump_host_is_named(connection: str, variables: str, *, message: bool) -> None:
    result = lines(jump_hosts(read(CONFIG % (connection, variables), "signalbox.yaml")))
    assert bool(result) is message
    for line in result:
        assert line.startswith("note  signalbox  environments.staging.deploy.ansible.extra_vars.ansible_ssh_")
        assert " routes ssh through a jump host. " in line
        assert "/etc/ssh/ssh_known_hosts" in line
