"""Packer's key pairs and security groups without a builder: listed, approved, checked again, removed; EC2 is moto."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.access.policy import target_of
from bot.config import read as read_config
from bot.config.targets import BUILDERS
from bot.errors import Denied
from bot.operations.registry import Click
from bot.store.approvals import Outcome
from bot.store.operations import Request, Status
from handlers.builders import orphaned_resources, watch as builder_watch
from tests.unit.bot.drawn import buttons, read
from tests.unit.handlers.clean_up_support import CleanUp
from tests.unit.handlers.conftest import FILE, MONDAY_NOON
from tests.unit.runners.ec2_world import HOME, TEMPORARY, build, launched_at, packers_name, refuse

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from runners.aws.client import Account
    from tests.unit.handlers.conftest import Desk

NOON = datetime.fromtimestamp(MONDAY_NOON, UTC)
YESTERDAY, NOW = NOON - timedelta(days=1), NOON - timedelta(minutes=2)


@pytest.fixture
def account(desk: Desk, account: Account) -> Account:
    desk.config = read_config(FILE.replace("images: {workflow: build.yml}\n", ""))
    return account


def lying(account: Account, began: datetime) -> str:
    """A key pair and a security group of one name, without an instance."""
    name, ec2 = packers_name(began), account.ec2(HOME)
    ec2.create_key_pair(KeyName=name)
    ec2.create_security_group(GroupName=name, Description=TEMPORARY)
    return name


def there(account: Account) -> set[str]:
    ec2 = account.ec2(HOME)
    keys = {describe_key_pair["KeyName"] for describe_key_pair in ec2.describe_key_pairs()["KeyPairs"]}
    return keys | {
        describe_security_group["GroupName"]
        for describe_security_group in ec2.describe_security_groups()["SecurityGroups"]
    } - {"default"}


class OrphanCleanUp(CleanUp):
    """The operation."""

    async def run(self) -> str:
        self.target = target_of(self.services.config, BUILDERS)
        await orphaned_resources.remove_orphaned_resources(cast("Operation", self))
        assert self.ended is not None
        return read(self.ended[1])


async def begun(desk: Desk) -> int:
    await orphaned_resources.request_removal(
        desk.services, Click("U0ANA", "C0OPS", "9.0", "remove-orphans", "all", "1.2", "")
    )
    request: Request = desk.engine.begun[0]
    return await desk.operations.create(request)


async def test_what_lies_around_is_listed_and_goes_once_approved(desk: Desk, account: Account) -> None:
    old, young = lying(account, YESTERDAY), lying(account, NOW)
    built = build(account, NOON - timedelta(hours=1))
    launched_at(built.instance_id, NOON - timedelta(hours=1))
    page = await builder_watch.topic(desk.services, cast("Any", None), ())
    assert "without a builder: 2 key pairs and 2 security groups" in read(page)
    assert buttons(page) == ["remove-orphans"]
    course = OrphanCleanUp(desk, await begun(desk), lambda _: Outcome.APPROVED)
    text = await course.run()
    asked = read(course.shown[0])
    assert "1 key pair and 1 security group of Packer's can be deleted" in asked
    assert old in asked
    assert young not in asked
    assert built.key not in asked
    assert "2 of 2 removed" in text
    assert old not in there(account)
    assert {young, built.key} <= there(account)


async def test_what_a_builder_uses_meanwhile_or_cannot_be_seen_stays(desk: Desk, account: Account) -> None:
    used, other = lying(account, YESTERDAY), lying(account, YESTERDAY - timedelta(hours=1))

    def launch(_: Message) -> Outcome:
        built = build(account, NOON, key=packers_name(NOON))
        ec2 = account.ec2(HOME)
        group = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [used]}])["SecurityGroups"][0]
        ec2.run_instances(
            ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1, KeyName=used, SecurityGroupIds=[group["GroupId"]]
        )
        assert built.instance_id
        return Outcome.APPROVED

    text = await OrphanCleanUp(desk, await begun(desk), launch).run()
    assert "2 of 4 removed" in text
    assert "a builder uses it now" in text
    assert used in there(account)
    assert other not in there(account)

    again = lying(account, YESTERDAY)

    def deny(_: Message) -> Outcome:
        refuse(account.ec2(HOME), "DescribeInstances", "UnauthorizedOperation")
        return Outcome.APPROVED

    desk.engine.begun.clear()
    text = await OrphanCleanUp(desk, await begun(desk), deny).run()
    assert "could not be looked at again" in text
    assert again in there(account)


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.EXPIRED])
async def test_without_approval_all_stays(desk: Desk, account: Account, outcome: Outcome) -> None:
    name = lying(account, YESTERDAY)
    course = OrphanCleanUp(desk, await begun(desk), lambda _: outcome)
    assert "nothing was removed" in await course.run()
    assert name in there(account)


async def test_interrupted_in_the_middle_all_is_told(desk: Desk, account: Account) -> None:
    name = lying(account, YESTERDAY)

    def half_done(_: Message) -> Outcome:
        account.ec2(HOME).delete_key_pair(KeyName=name)
        return Outcome.APPROVED

    text = await OrphanCleanUp(desk, await begun(desk), half_done).run()
    assert "2 of 2 removed" in text
    assert "already gone" in text


async def test_nothing_to_remove_is_said_and_a_guest_is_refused(desk: Desk, account: Account) -> None:
    assert there(account) == set()
    course = OrphanCleanUp(desk, await begun(desk))
    assert "nothing to remove" in await course.run()
    assert course.ended is not None
    assert course.ended[0] is Status.SUCCEEDED
    page = await builder_watch.topic(desk.services, cast("Any", None), ())
    assert buttons(page) == []
    with pytest.raises(Denied, match="may not run"):
        await orphaned_resources.request_removal(
            desk.services, Click("U0GUS", "C0OPS", "9.0", "remove-orphans", "all", "1.2", "")
        )
