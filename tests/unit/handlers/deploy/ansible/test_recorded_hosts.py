"""What plugins of an inventory have found: asked for when hosts are read, the same for the playbooks after it, and again elsewhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.config import read
from bot.errors import UserError
from handlers.shared.ansible.recorded import with_recorded
from handlers.shared.ansible.scope import Scope, Work
from handlers.shared.examined import Examined
from runners.ansible import PlaybookJob, ec2_plugin
from runners.results import Host, Inventory
from tests.unit.handlers.conftest import FILE
from tests.unit.handlers.deploy.ansible.rollouts import COMMIT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bot.config import Config
    from bot.operations.operation import Operation

OWN = FILE.replace("user: deployer,", "user: deployer, inventory: 'inventory',")
NAME = "inventory/aws_ec2.yml"


class World:
    """A project with a file for the plugin; `asked` has the credentials that each run of the plugin got."""

    def __init__(self, directory: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project, self.scratch = directory / "project", directory / "scratch"
        (self.project / "inventory").mkdir(parents=True)
        self.scratch.mkdir()
        (self.project / NAME).write_text("plugin: aws_ec2\n")
        environment = config.environments["staging"]
        assert environment.deploy
        assert environment.deploy.ansible
        self.work = Work(Scope(environment, ("backend",)), environment.deploy.ansible, COMMIT)
        services = SimpleNamespace(config=config)
        self.operation = cast(
            "Operation", SimpleNamespace(services=services, environment=environment, scratch=self.scratch)
        )
        self.asked: list[Mapping[str, str]] = []
        monkeypatch.setattr(ec2_plugin, "record", self._record)

    async def _record(self, _: PlaybookJob, __: str, credentials: Mapping[str, str], ___: str) -> dict[str, Any]:
        self.asked.append(credentials)
        return {NAME: {"web": {"hosts": [f"web-{len(self.asked)}"]}}}

    async def recorded(self, *, again: bool = False) -> Mapping[str, object]:
        job = PlaybookJob(
            self.project, "", Inventory("staging", (), "deployer", 22, "ssh"), None, {}, {}, None, self.scratch
        )
        return (await with_recorded(self.operation, self.work, job, again=again)).recorded


async def test_playbooks_have_what_was_found_when_the_hosts_were_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    world = World(tmp_path, read(OWN, "signalbox.yaml"), monkeypatch)
    first = {NAME: {"web": {"hosts": ["web-1"]}}}
    assert await world.recorded(again=True) == first
    assert await world.recorded() == first
    assert world.asked == [
        {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-west-2",
            "AWS_DEFAULT_REGION": "us-west-2",
        }
    ]
    assert await world.recorded(again=True) == {NAME: {"web": {"hosts": ["web-2"]}}}
    for file in world.scratch.iterdir():
        assert file.stat().st_mode & 0o077 == 0
        file.unlink()
    assert await world.recorded() == {NAME: {"web": {"hosts": ["web-3"]}}}, "another machine has not asked yet"


async def test_a_static_inventory_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, read(OWN, "signalbox.yaml"), monkeypatch)
    (world.project / NAME).rename(world.project / "inventory/hosts.yml")
    assert await world.recorded(again=True) == {}
    assert world.asked == []


async def test_a_plugin_needs_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(line for line in OWN.splitlines() if not line.startswith(("aws:", "images:")))
    world = World(tmp_path, read(text, "signalbox.yaml"), monkeypatch)
    with pytest.raises(UserError, match=r"signalbox.yaml has no `aws`. Add aws.region"):
        await world.recorded()


def test_what_an_earlier_version_stored_is_read() -> None:
    host = Host("web1", "web", "i-1", "10.0.0.1", "", "")
    assert Examined.of(("a notice",)) == Examined(("a notice",))
    assert Examined.of(None) == Examined()
    assert Examined.of(Examined((), (host,))).hosts == (host,)
