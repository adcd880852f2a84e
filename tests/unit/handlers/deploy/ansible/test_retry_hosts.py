"""“Retry failed hosts”: which hosts, at which commit, how often; and what an operation's arguments mean."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.errors import UserError
from bot.operations.registry import Click
from bot.store.operations import Request
from handlers.deploy.ansible.retry_hosts import retry
from handlers.deploy.ansible.rollout_end import COMMIT, RETRY
from handlers.deploy.ansible.scope import scope_of
from handlers.deploy.rollback import BACK
from handlers.shared.ansible import scope as rollout_scope
from handlers.shared.ansible.scope import Scope
from runners.results import Host, Inventory

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.services import Services
    from tests.unit.handlers.conftest import Desk

SHA = "a1b2c3d4" * 5
HOSTS = tuple(Host(f"staging-backend-{n}", "backend", f"i-{n}", f"10.0.0.{n}", "ami-1", "a") for n in (1, 2, 3))


def pressed(number: int, user: str = "U0ANA") -> Click:
    return Click(user, "C0STAGING", "1.0", "retry-hosts", str(number), "1.2", "")


async def failed_deploy(desk: Desk, *instances: str) -> int:
    number = await desk.operations.create(Request("k", "deploy", "staging", "U0ANA", "Deploy", "C0STAGING", {}))
    await desk.operations.set_message(number, "C0STAGING", "1.0")
    for instance in instances:
        await desk.annotations.add(number, RETRY, instance)
    if instances:
        await desk.annotations.add(number, COMMIT, SHA)
    return number


async def test_the_failed_hosts_get_the_same_commit(desk: Desk) -> None:
    number = await failed_deploy(desk, "i-2", "i-1")
    await retry(desk.services, pressed(number))
    (begun,) = desk.engine.begun
    assert (begun.kind, begun.key, begun.environment) == ("deploy", f"retry-{number}", "staging")
    assert begun.arguments == {"ref": SHA, "hosts": "i-1,i-2"}
    assert begun.title == "Deploy a1b2c3d to 2 failed hosts of staging"


async def test_hosts_of_a_rollback_are_retried_as_a_rollback(desk: Desk) -> None:
    """Only a rollback passes the order of environments."""
    arguments = {"ref": SHA, BACK: "3"}
    number = await desk.operations.create(Request("k", "deploy", "staging", "U0ANA", "t", "C0STAGING", arguments))
    await desk.operations.set_message(number, "C0STAGING", "1.0")
    for what, value in ((RETRY, "i-1"), (COMMIT, SHA)):
        await desk.annotations.add(number, what, value)
    await retry(desk.services, pressed(number))
    assert desk.engine.begun[0].arguments == {"ref": SHA, "hosts": "i-1", BACK: "3"}


async def test_a_second_press_begins_nothing(desk: Desk) -> None:
    number = await failed_deploy(desk, "i-1")
    await desk.operations.create(Request(f"retry-{number}", "deploy", "staging", "U0ANA", "t", "C0STAGING", {}))
    with pytest.raises(UserError, match="begun from this message already"):
        await retry(desk.services, pressed(number))
    assert desk.engine.begun == []


async def test_where_nothing_failed_there_is_nothing_to_retry(desk: Desk) -> None:
    number = await failed_deploy(desk)
    with pytest.raises(UserError, match="left no host to retry"):
        await retry(desk.services, pressed(number))


def scope(desk: Desk, **arguments: str) -> Scope:
    made = SimpleNamespace(
        record=SimpleNamespace(arguments={"ref": "main", **arguments}), environment=desk.config.environments["staging"]
    )
    return scope_of(cast("Operation", made))


def test_arguments_limit_what_it_is_about(desk: Desk) -> None:
    assert scope(desk) == Scope(desk.config.environments["staging"], ("backend",))
    assert scope(desk, machines="cron").roles == ()
    limited = scope(desk, hosts="i-1,i-2", check="check")
    assert (limited.instances, limited.check) == (("i-1", "i-2"), True)


async def test_an_instance_that_is_gone_ends_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def running(*_: Any) -> Inventory:
        return Inventory("staging", HOSTS, "deployer", 22, "ssh")

    monkeypatch.setattr(rollout_scope, "find_hosts", running)
    services = cast("Services", SimpleNamespace(config=desk.config, aws_of=lambda _: None))
    retried = await scope(desk, hosts="i-3,i-1").find_hosts(services)
    assert [host.instance_id for host in retried.hosts] == ["i-1", "i-3"]
    assert len((await scope(desk).find_hosts(services)).hosts) == 3
    with pytest.raises(UserError, match="i-9 no longer runs in staging, so nothing was done"):
        await scope(desk, hosts="i-1,i-9").find_hosts(services)
