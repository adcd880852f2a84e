"""The instances of environments with their health, in four calls to EC2 and CloudWatch (moto)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from runners.aws.fleet import CALLS, read_fleet
from tests.unit.runners.ec2_world import answer, calls_of, refuse

if TYPE_CHECKING:
    from runners.aws.client import Account, Clients
    from runners.results.fleet import Fleet

IMAGE = "ami-12c6146b"
HELD = {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Statistic": "Average"}


@pytest.fixture
def clients(account: Account) -> Clients:
    return account.clients(account.regions[0])


def launch(clients: Clients, tag: str, count: int = 1, group: str = "") -> list[str]:
    tags = [{"Key": "type", "Value": tag}]
    tags += [{"Key": "group", "Value": group}] if group else []
    given: Any = [{"ResourceType": "instance", "Tags": tags}]
    started = clients.ec2.run_instances(
        ImageId=IMAGE, InstanceType="t3.large", MinCount=count, MaxCount=count, TagSpecifications=given
    )
    return [item["InstanceId"] for item in started["Instances"]]


def alarm(clients: Clients, name: str, state: str = "ALARM", **dimensions: str) -> None:
    given = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    clients.cloudwatch.put_metric_alarm(
        AlarmName=name, ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, Period=60, Threshold=1.0,
        Dimensions=given, **HELD,
    )  # fmt: skip
    clients.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="Threshold crossed")


async def fleet(clients: Clients, *tags: str) -> Fleet:
    return await read_fleet(clients, tags, timeout=30)


async def test_instances_with_their_type_image_state_and_checks(clients: Clients) -> None:
    running, stopped, terminated = launch(clients, "prod api", 3)
    launch(clients, "dev api")
    clients.ec2.stop_instances(InstanceIds=[stopped])
    clients.ec2.terminate_instances(InstanceIds=[terminated])
    fleet_now = await fleet(clients, "prod api", "prod cron")
    by_id = {each.instance_id: each for each in fleet_now.instances}
    assert by_id.keys() == {running, stopped}
    assert (by_id[running].tag, by_id[running].type, by_id[running].image_id) == ("prod api", "t3.large", IMAGE)
    assert (by_id[running].state, by_id[running].checks) == ("running", "ok")
    assert (by_id[stopped].state, by_id[stopped].checks) == ("stopped", "")
    assert fleet_now.unreadable == ()


@pytest.mark.parametrize(
    ("results", "worst"),
    [
        (("ok", "impaired"), "impaired"),
        (("impaired", "ok"), "impaired"),
        (("ok", "initializing"), "initializing"),
        (("insufficient-data", "initializing"), "insufficient-data"),
        (("ok", "ok", "impaired"), "impaired"),
        (("ok", "not-applicable"), "ok"),
        (("ok", "something-new"), "something-new"),
    ],
)
async def test_the_worst_check_counts(clients: Clients, results: tuple[str, ...], worst: str) -> None:
    (number,) = launch(clients, "prod api")
    parts = dict(zip(("SystemStatus", "InstanceStatus", "AttachedEbsStatus"), results, strict=False))
    status = {"InstanceId": number, **{part: {"Status": result} for part, result in parts.items()}}
    answer(clients.ec2, "DescribeInstanceStatus", {"InstanceStatuses": [status]})
    (fleet_now,) = (await fleet(clients, "prod api")).instances
    assert fleet_now.checks == worst


async def test_only_alarms_that_are_in_alarm(clients: Clients) -> None:
    (number,) = launch(clients, "prod api")
    alarm(clients, "prod-cpu", InstanceId=number)
    alarm(clients, "asg-cpu", AutoScalingGroupName="prod-api")
    alarm(clients, "quiet", "OK")
    alarms = {each.name: each for each in (await fleet(clients, "prod api")).alarms}
    assert alarms.keys() == {"prod-cpu", "asg-cpu"}
    assert alarms["prod-cpu"].instances == {number}
    assert alarms["asg-cpu"].groups == {"prod-api"}
    assert alarms["prod-cpu"].reason == "Threshold crossed"
    assert alarms["prod-cpu"].since > 0


async def test_of_more_alarms_than_a_page_it_says_so(clients: Clients) -> None:
    many = [
        {"AlarmName": f"a{n}", "StateReason": "r", "StateTransitionedTimestamp": datetime.fromtimestamp(n, UTC)}
        for n in range(100)
    ]
    answer(clients.cloudwatch, "DescribeAlarms", {"MetricAlarms": many, "NextToken": "more"})
    fleet_now = await fleet(clients, "prod api")
    assert len(fleet_now.alarms) == 100
    assert fleet_now.alarms[0].name == "a99"
    assert [each.what for each in fleet_now.unreadable] == ["further alarms"]


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        ("DescribeInstances", "instances"),
        ("DescribeInstanceStatus", "status checks"),
        ("DescribeAlarms", "alarms"),
        ("DescribeImages", "images"),
    ],
)
async def test_what_aws_forbids_is_named_and_the_rest_is_read(clients: Clients, operation: str, what: str) -> None:
    launch(clients, "prod api")
    client = clients.cloudwatch if operation == "DescribeAlarms" else clients.ec2
    code = "AccessDenied" if operation == "DescribeAlarms" else "UnauthorizedOperation"
    refuse(client, operation, code)
    fleet_now = await fleet(clients, "prod api")
    (problem,) = fleet_now.unreadable
    assert problem.what == what
    assert f"AWS forbids {operation}" in problem.problem
    assert bool(fleet_now.instances) == (what != "instances")


async def test_four_hundred_instances_of_twenty_environments_take_four_calls(clients: Clients) -> None:
    tags = [f"env{number} {role}" for number in range(20) for role in ("api", "cron")]
    instances = [
        {"InstanceId": f"i-{number}", "ImageId": IMAGE, "State": {"Name": "running"},
         "Tags": [{"Key": "type", "Value": tags[number % len(tags)]}]}
        for number in range(400)
    ]  # fmt: skip
    answer(clients.ec2, "DescribeInstances", {"Reservations": [{"Instances": instances}]})
    calls = [calls_of(client) for client in (clients.ec2, clients.cloudwatch)]
    fleet_now = await fleet(clients, *tags)
    assert len(fleet_now.instances) == 400
    assert sum(map(len, calls)) == CALLS
