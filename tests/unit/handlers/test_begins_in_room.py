"""Which kinds of operations wait for room as soon as they are taken: only those may be left to a machine that has room."""

from __future__ import annotations

import pytest

from bot.config import read
from bot.inbound import app
from bot.operations.room import Precedence

CONFIG = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0LEE]}
environments:
  ansible:
    channel: "#e"
    machines: [backend]
    terraform: {directory: a}
    deploy: {ansible: {directory: d, playbook: "{machine}.yml", user: deployer, connection: local}}
    approval: {required: 0}
  asks:
    channel: "#e"
    machines: [backend]
    deploy: {ansible: {directory: d, playbook: "{machine}.yml", user: deployer, connection: local}}
    approval: {required: 1}
  elsewhere:
    channel: "#e"
    terraform: {hcp: {organization: o, workspace: w}}
    deploy: {github_actions: {workflow: d.yml}}
"""


@pytest.mark.parametrize(
    ("environment", "needs"),
    [
        ("ansible", {"plan": Precedence.PLAN, "drift": Precedence.DRIFT_CHECK, "deploy": Precedence.DECIDED}),
        ("asks", {"plan": Precedence.PLAN, "drift": Precedence.DRIFT_CHECK}),
        ("elsewhere", {}),
    ],
)
def test_what_runs_a_program_here_at_once_begins_in_room(environment: str, needs: dict[str, Precedence]) -> None:
    target = read(CONFIG, "signalbox.yaml").environments[environment]
    precedences = {kind.name: kind.begins_in_room(target) for kind in app.find_handlers().kinds}
    assert {name: precedence for name, precedence in precedences.items() if precedence is not None} == needs
