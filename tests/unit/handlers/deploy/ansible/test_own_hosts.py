"""Hosts of the team's own inventory: what approvers read of them, and which commands know only EC2's."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.config import read
from bot.errors import UserError
from handlers.shared.ansible import hosts as ansible_hosts, playbooks
from handlers.shared.ansible.hosts import NAMED, hosts_of, notices
from handlers.shared.ansible.scope import Scope, Work, find_hosts
from runners.ansible import own_inventory
from runners.results import Bastion, Host, HostSettings, Inventory
from tests.unit.bot.config.test_faults import assert_faulted, text_of
from tests.unit.handlers.conftest import FILE
from tests.unit.handlers.deploy.ansible.rollouts import COMMIT, HOSTS, returning

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from runners.ansible import PlaybookJob

OWN = FILE.replace("user: deployer,", "user: deployer, inventory: 'inv/{environment}',")
KEY = f"ssh-ed25519 {'A' * 68}"


def own(count: int) -> Inventory:
    hosts = tuple(Host(f"web{n}", "backend", f"staging/web{n}", f"10.0.0.{n}", "", "") for n in range(1, count + 1))
    return Inventory("staging", hosts, "deployer", 22, "ssh", source="inv/staging", own_groups=("backend",))


def test_approvers_see_each_host_with_its_address() -> None:
    twice = replace(own(1), hosts=(*own(2).hosts, replace(own(1).hosts[0], machine="cron")))
    assert notices(twice) == ("Hosts of `inv/staging`: `web1` (10.0.0.1), `web2` (10.0.0.2)",)
    assert notices(replace(own(1), ignored=("ansible_ssh_extra_args",)))[0].endswith(
        "(10.0.0.1). Ignored in it: `ansible_ssh_extra_args`"
    )
    assert notices(own(NAMED + 3))[0].endswith(f"`web{NAMED}` (10.0.0.{NAMED}) and 3 more")
    assert notices(HOSTS)[0].startswith("Hosts: `backend-1` (10.0.0.1), ")


async def as_it_is(_: object, __: object, job: PlaybookJob, **___: bool) -> PlaybookJob:
    return job


async def test_the_inventory_is_read_for_the_roles_of_the_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    text = OWN.replace("user: deployer,", f"user: deployer, ssh: {{bastion: {{host: b, host_key: '{KEY}'}}}},")
    config = read(text, "signalbox.yaml")
    environment = config.environments["staging"]
    assert environment.deploy
    assert environment.deploy.ansible
    asked: list[Any] = []

    async def read_own(job: PlaybookJob, source: str, roles: dict[str, str], reach: HostSettings) -> Inventory:
        asked.extend([source, roles, reach, job.private_key, dict(job.secret_vars)])
        return replace(own(2), bastion=reach.bastion)

    monkeypatch.setattr(playbooks, "prepare", returning(("project", None)))
    monkeypatch.setattr(ansible_hosts, "code_of", returning("root"))
    monkeypatch.setattr(own_inventory, "read", read_own)
    services = SimpleNamespace(isolation_of=lambda _: None, config=config)
    monkeypatch.setattr(ansible_hosts, "with_recorded", as_it_is)
    operation = cast("Operation", SimpleNamespace(services=services, environment=environment, scratch="scratch"))
    scope = Scope(environment, ("backend",), instances=("staging/web2",))
    inventory = await hosts_of(operation, Work(scope, environment.deploy.ansible, COMMIT))
    assert asked[0] == "inv/staging"
    assert list(asked[1]) == ["backend"]
    bastion = Bastion("b", 22, "deployer", (KEY,))
    assert asked[2:] == [HostSettings("deployer", bastion=bastion), None, {}], "no secret is there"
    assert [host.name for host in inventory.hosts] == ["web2"]
    assert inventory.bastion == bastion
    with pytest.raises(UserError, match="staging/web9 no longer runs in staging"):
        replace(scope, instances=("staging/web9",)).limited(own(2))


async def test_commands_that_know_only_ec2_say_so() -> None:
    config = read(OWN, "signalbox.yaml")
    with pytest.raises(UserError, match="are in inv/staging of the repository"):
        await find_hosts(config, config.environments["staging"], cast("Any", None))


@pytest.mark.parametrize(
    ("setting", "key", "words"),
    [
        ("inventory: ../hosts", "inventory", "is outside the repository"),
        ("inventory: 'hosts-{machine}'", "inventory", "use only {environment}"),
        ("inventory: hosts, host_keys: console", "host_keys", "reads EC2's console"),
        ("inventory: hosts, inventory_vars: vars", "inventory_vars", "has variables for EC2's hosts"),
        ("inventory_vars: 'vars-{machine}'", "inventory_vars", "use only {environment}"),
    ],
)
def test_faults_in_an_inventory(setting: str, key: str, words: str) -> None:
    deploy = f"{{ansible: {{directory: p, playbook: d.yml, user: d, {setting}}}}}"
    assert_faulted(text_of({}, {"deploy": deploy}), f"environments.dev.deploy.ansible.{key}", words)


def test_an_inventory_of_ones_own_needs_no_aws() -> None:
    lines = [line for line in OWN.splitlines() if not line.startswith(("aws:", "images:"))]
    assert "aws:" in OWN
    assert read("\n".join(lines), "signalbox.yaml").aws is None
