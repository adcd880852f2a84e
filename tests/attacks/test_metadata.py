"""A branch that asks the machine's metadata service for its role: the bot refuses to start where a child reaches the service.

Each test has a network namespace of its own, whose loopback interface has the service's addresses or has not.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from runners.processes.metadata_service import ADDRESSES
from runners.processes.wall import FIRST_USER, USERS
from tests.attacks.other_user import ROOT
from tests.attacks.whole_start import START

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow("starts the real bot in a network namespace"),
    pytest.mark.needs_network_namespace,
    pytest.mark.needs_bwrap,
]

# Root in a network namespace. A plain user is root there only to give addresses, then a plain user again.
_ENTER = ("unshare", "-n") if os.geteuid() == 0 else ("unshare", "-Urn")
_LEAVE = () if os.geteuid() == 0 else ("unshare", "-U", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}")
_SCRIPT = """
import socket, subprocess, sys
addresses, rules, leave, rest = sys.argv[1].split(), sys.argv[2], sys.argv[3].split(), sys.argv[4:]
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
listeners = []
for address in addresses:
    family, length = (socket.AF_INET6, 128) if ":" in address else (socket.AF_INET, 32)
    subprocess.run(["ip", "address", "add", f"{address}/{length}", "dev", "lo", *(["nodad"] if ":" in address else [])], check=True)
    listener = socket.create_server((address, 80), family=family)
    listeners.append(listener)
if rules:
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
sys.exit(subprocess.run([*leave, *rest]).returncode)
"""
_CONFIG = """\
slack: {channel: "#ops"}
github: {repository: acme/infrastructure}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0ANA]}
environments:
  dev:
    machines: [backend]
    deploy: {github_actions: {workflow: deploy-dev.yml}}
  prod:
    machines: [backend]
    deploy: {github_actions: {workflow: deploy-prod.yml}}
    terraform: {directory: instances/production}
"""
_PROBE = """
import asyncio, sys
from pathlib import Path
from runners.processes import metadata_service
from dataclasses import replace
from runners.processes.wall import WALL
print(*asyncio.run(metadata_service.reached(replace(WALL, number=int(sys.argv[2])), Path(sys.argv[1]))))
"""
_ALLOWED = "    isolation: {metadata_service: true}\n"


def _in_namespace(argv: list[str], *, addresses: str, rules: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python with this in a network namespace in which these addresses answer on port 80."""
    environment = {
        "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
        "SIGNALBOX_KEY": secrets.token_hex(32),
        "SLACK_BOT_TOKEN": "xoxb-none",
        "SLACK_SIGNING_SECRET": "none",
        "GITHUB_TOKEN": "none",
        "PYTHONPATH": str(ROOT),
    }
    setting = [sys.executable, "-c", _SCRIPT, addresses, rules, " ".join(_LEAVE)]
    command = [*_ENTER, *setting, sys.executable, "-c", *argv]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def _start(tmp_path: Path, *, addresses: str, config: str = _CONFIG) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "signalbox.yaml"
    file.write_text(f"{config}operations: {{directory: {tmp_path / 'var'}}}\n")
    (tmp_path / "var").mkdir(mode=0o700)
    return _in_namespace([START, "work", "--config", str(file)], addresses=addresses)


def _reached(tmp_path: Path, *, addresses: str, rules: str = "", number: int = 0) -> set[str]:
    answer = _in_namespace([_PROBE, str(tmp_path), str(number)], addresses=addresses, rules=rules)
    assert answer.returncode == 0, answer.stderr
    return set(answer.stdout.split())


def test_the_bot_refuses_to_start_where_a_child_reaches_the_service(tmp_path: Path) -> None:
    answer = _start(tmp_path, addresses="169.254.169.254")
    assert answer.returncode == 1, answer.stderr
    assert "children reach the instance metadata service (169.254.169.254)" in answer.stderr
    assert "prod must not have it" in answer.stderr
    assert "IPAddressDeny=169.254.0.0/16 fd00:ec2::/32" in answer.stderr
    assert "ready as" not in answer.stderr


@pytest.mark.parametrize(
    ("addresses", "config", "sentence"),
    [("", _CONFIG, "do not reach"), ("169.254.169.254", _CONFIG + _ALLOWED, "children reach")],
    ids=["no service", "asked for"],
)
def test_the_bot_starts_without_the_service_or_where_it_is_asked_for(
    tmp_path: Path, addresses: str, config: str, sentence: str
) -> None:
    answer = _start(tmp_path, addresses=addresses, config=config)
    assert answer.returncode == 0, answer.stderr
    assert sentence in answer.stderr
    assert "ready as" in answer.stderr


def test_each_address_that_a_child_reaches_is_found(tmp_path: Path) -> None:
    assert _reached(tmp_path, addresses=" ".join(ADDRESSES)) == set(ADDRESSES)
    assert _reached(tmp_path, addresses="169.254.169.253") == set()


@pytest.mark.needs_nft
@pytest.mark.skipif(
    os.geteuid() != 0, reason="a plain user's children have the bot's own number, which the rules cannot name"
)
def test_the_documented_rules_keep_away_the_children_alone(tmp_path: Path) -> None:
    documented = re.search(r"```nft\n(.+?)```", (ROOT / "docs" / "isolation.md").read_text(), re.DOTALL)
    assert documented
    assert str(FIRST_USER) in documented[1]
    assert _reached(tmp_path, addresses=" ".join(ADDRESSES), rules=documented[1]) == set()
    assert _reached(tmp_path, addresses=" ".join(ADDRESSES), rules=documented[1], number=USERS - 1) == set()
    others = documented[1].replace(str(FIRST_USER), str(FIRST_USER + 1))
    assert _reached(tmp_path, addresses=" ".join(ADDRESSES), rules=others) == set(ADDRESSES)
