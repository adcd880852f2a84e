"""`check` asks EC2 by dry runs what it allows; nothing is changed by that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.check import ec2 as checking
from bot.config import read
from runners.aws.client import Account
from tests.unit.runners.ec2_world import ABROAD, HOME, aws_within, calls_of, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = """\
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2, regions: [eu-west-1]}
access: {operators: [U0ANA], approvers: [U0ANA]}
environments: {dev: {channel: "#dev", deploy: {github_actions: {workflow: d.yml}}}}
"""
WATCHED = FILE + "watch: {builders: {every: 5m}}\n"
IMAGES = WATCHED + "images: {workflow: b.yml, keep: {disable_first: 2d}}\n"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with aws_within(monkeypatch):
        made = Account((HOME, ABROAD), attempts=1)
        monkeypatch.setattr(checking, "Account", lambda *_, **__: made)
        yield made


async def findings(file: str) -> list[tuple[bool, str, str]]:
    result = await checking.check_ec2(read(file, "signalbox.yaml"))
    return [(connection.ok, connection.detail, connection.remedy) for connection in result.connections()]


async def test_all_that_is_allowed_is_one_line_and_every_call_a_dry_run(account: Account) -> None:
    made: list[tuple[str, dict[str, Any]]] = calls_of(account.ec2(HOME))
    ((ok, detail, _),) = await findings(IMAGES)
    assert ok
    assert detail == "22 read calls and 8 delete calls checked in us-west-2, eu-west-1"
    assert len(made) == 20
    assert all(asked["DryRun"] is True for _, asked in made)


async def test_only_what_is_configured_is_asked_for(account: Account) -> None:
    made = calls_of(account.ec2(HOME))
    await findings(WATCHED)
    assert len(made) == 8
    assert not checking.uses_ec2(read(FILE, "signalbox.yaml"))
    assert checking.uses_ec2(read(WATCHED, "signalbox.yaml"))


async def test_where_it_may_not_look_that_is_a_problem_with_a_remedy(account: Account) -> None:
    refuse(account.ec2(ABROAD), "DescribeKeyPairs", "UnauthorizedOperation")
    ((ok, detail, remedy),) = await findings(WATCHED)
    assert (ok, detail) == (False, "EC2 forbids DescribeKeyPairs in eu-west-1")
    assert "docs/builders.md" in remedy


@pytest.mark.parametrize("call", checking.OTHER_READS, ids=lambda call: call[1])
async def test_a_list_of_another_service_that_it_may_not_read_is_a_problem(account: Account, call: Any) -> None:
    service, name, _ = call
    client = account.client(service, HOME)
    operation = client.meta.method_to_api_mapping[name]
    refuse(client, operation, "AccessDeniedException")
    problems = [(detail, remedy) for ok, detail, remedy in await findings(IMAGES) if not ok]
    forbids = f"AWS forbids {operation} (AccessDeniedException)"
    assert problems == [
        (f"{service}:{operation}: {forbids} in us-west-2", f"No image can be deleted without it; {checking.MANUAL}.")
    ]


async def test_what_it_may_not_remove_is_told_since_a_policy_may_go_by_tags(account: Account) -> None:
    for name in ("TerminateInstances", "DeleteSnapshot"):
        refuse(account.ec2(HOME), name, "UnauthorizedOperation")
    ((ok, detail, _),) = await findings(IMAGES)
    assert ok
    assert "EC2 forbids a dry run of TerminateInstances, DeleteSnapshot in us-west-2" in detail


async def test_ids_that_are_not_there_are_no_refusal(account: Account) -> None:
    refuse(account.ec2(HOME), "TerminateInstances", "InvalidInstanceID.NotFound")
    ((ok, detail, _),) = await findings(WATCHED)
    assert ok
    assert "forbids" not in detail


async def test_a_profile_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    ((ok, _, remedy),) = await findings(WATCHED.replace("region: us-west-2", "profile: nobody, region: us-west-2"))
    assert not ok
    assert "aws.profile" in remedy
