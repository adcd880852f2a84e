"""Each bastion is logged in to once, with the key that the configuration names for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.check.bastions import check_bastions, names_bastions
from bot.config import read
from runners.errors import UnavailableError
from runners.results import Bastion
from runners.ssh import route

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

KEY = f"ssh-ed25519 {'A' * 68}"
CONFIG = """\
slack: {channel: "#ops"}
github: {repository: acme/infrastructure}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0ANA]}
environments:
"""
ENVIRONMENT = """\
  %s:
    machines: [backend]
    channel: "#%s"
    deploy:
      ansible: {directory: p, playbook: a.yml, user: deployer, private_key_env: DEPLOY_KEY, ssh: {bastion: %s}}
"""


async def test_each_bastion_is_checked_once_and_a_problem_names_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Bastion, str | None]] = []

    async def check(bastion: Bastion, key: str | None, _: Path) -> None:
        asked.append((bastion, key))
        if bastion.host == "two":
            raise UnavailableError("logging in", "the bastion two does not answer (refused)", remedy="Start it.")

    monkeypatch.setattr(route, "check_bastion", check)
    first = f"{{host: one, host_key: {KEY}}}"
    second = f"{{host: two, user: jump, port: 2222, private_key_env: JUMP_KEY, host_key: [{KEY}]}}"
    text = CONFIG + "".join(
        ENVIRONMENT % (name, name, bastion) for name, bastion in (("dev", first), ("staging", first), ("prod", second))
    )
    config = read(text, "signalbox.yaml")
    assert names_bastions(config)
    (line,) = (await check_bastions(config, {"DEPLOY_KEY": "a", "JUMP_KEY": "b"})).connections()
    assert asked == [
        (Bastion("one", 22, "deployer", (KEY,)), "a"),
        (Bastion("two", 2222, "jump", (KEY,)), "b"),
    ]
    assert line.detail == ("environments.prod.deploy.ansible.ssh.bastion: the bastion two does not answer (refused)")
    assert line.remedy == "Start it."
    assert {"DEPLOY_KEY", "JUMP_KEY"} <= config.secret_names
