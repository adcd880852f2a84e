"""Whether AWS lets Home display the machines' health."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.check import aws as check
from runners.aws.client import make_clients
from runners.results import AwsPlace
from tests.unit.runners.ec2_world import HOME, aws_within, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.aws.client import Clients


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    with aws_within(monkeypatch):
        yield make_clients(AwsPlace(HOME))


def test_nothing_is_missing_where_aws_answers(clients: Clients) -> None:
    assert check._not_displayed(clients) == []


def test_what_is_forbidden_is_named_with_the_action(clients: Clients) -> None:
    refuse(clients.ec2, "DescribeInstanceStatus", "UnauthorizedOperation")
    refuse(clients.cloudwatch, "DescribeAlarms", "AccessDenied")
    checks, alarms = check._not_displayed(clients)
    assert checks.startswith("Home and /infra status display no status checks: AWS forbids DescribeInstanceStatus")
    assert "Allow cloudwatch:DescribeAlarms" in alarms


def test_the_answer_to_a_dry_run_allows_it(clients: Clients) -> None:
    refuse(clients.ec2, "DescribeInstanceStatus", check.ALLOWED)
    assert check._not_displayed(clients) == []
