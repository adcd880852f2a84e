"""The instances of environments with their health, in few calls: EC2's instances, status checks and images, and alarms.

For each account and region it makes four calls, for up to 200 machine roles, 1,000 instances and 100 active alarms.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from botocore import exceptions

from runners.aws import amis
from runners.aws.client import batches, escape_wildcards, explained, listed, tags_of, unreadable_part
from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.results import Unreadable
from runners.results.fleet import CHECKS, PASSED, Alarm, Fleet, Instance

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from runners.aws.client import Clients

T = TypeVar("T")

CALLS = 4  # for each account and region, within the limits above
INSTANCES = "instances"  # what is unreadable where nothing is known of them
TAG, GROUP_TAG = "type", "aws:autoscaling:groupName"
PAGE = 1_000  # instances of a page, by EC2's limit
MOST_STATUSES = 5_000
MOST_ALARMS = 100  # of a page, by CloudWatch's limit
STATES = ("pending", "running", "stopping", "stopped", "shutting-down")


async def read_fleet(clients: Clients, tags: Collection[str], *, timeout: float) -> Fleet:
    """The instances whose tag `type` is one of these, with their images and status checks, and the region's active alarms.

    What cannot be read is reported in the result, and the rest is read.
    """
    unreadable: list[Unreadable] = []

    async def part(what: str, read: Callable[[], T], nothing: T) -> T:
        doing = f"reading {what}"
        try:
            return await run_blocking(read, timeout=timeout, doing=doing)
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            failure = explained(error, doing)
        except RunnerError as error:
            failure = error
        unreadable.append(unreadable_part(failure, clients.region, what))
        return nothing

    nothing: tuple[Instance, ...] = ()
    instances, checks, alarms = await asyncio.gather(
        part(INSTANCES, partial(_instances, clients.ec2, sorted(tags)), nothing),
        part("status checks", partial(_checks, clients.ec2), dict[str, str]()),
        part("alarms", partial(_alarms, clients), list[Alarm]()),
    )
    if len(alarms) > MOST_ALARMS:
        unreadable.append(Unreadable(clients.region, "further alarms", f"more than {MOST_ALARMS} are active"))
    try:
        images = await amis.describe(clients.ec2, {each.image_id for each in instances}, timeout=timeout)
    except RunnerError as error:
        images = {}
        unreadable.append(unreadable_part(error, clients.region, "images"))
    checked = tuple(replace(each, checks=checks.get(each.instance_id, "")) for each in instances)
    return Fleet(checked, images, tuple(alarms[:MOST_ALARMS]), tuple(unreadable))


def _instances(ec2: Any, tags: Collection[str]) -> tuple[Instance, ...]:
    instances: list[Instance] = []
    for values in batches(map(escape_wildcards, tags)):
        wanted = [{"Name": f"tag:{TAG}", "Values": values}, {"Name": "instance-state-name", "Values": list(STATES)}]
        for reservation in listed(ec2, "describe_instances", "Reservations", page=PAGE, Filters=wanted):
            instances += map(_instance, reservation["Instances"])
    return tuple(sorted(instances, key=lambda each: (each.tag, each.instance_id)))


def _instance(answer: Mapping[str, Any]) -> Instance:
    tags = tags_of(answer)
    return Instance(
        answer["InstanceId"],
        tags.get(TAG, ""),
        answer.get("InstanceType", ""),
        answer.get("ImageId", ""),
        answer["State"]["Name"],
        tags.get(GROUP_TAG, ""),
    )


def _checks(ec2: Any) -> dict[str, str]:
    """The worst result of the status checks, by instance. All running instances: by id, EC2 takes only 100 a call."""
    statuses = listed(ec2, "describe_instance_status", "InstanceStatuses", page=PAGE)
    return {each["InstanceId"]: _worst(each) for each in islice(statuses, MOST_STATUSES)}


def _worst(status: Mapping[str, Any]) -> str:
    parts = ("SystemStatus", "InstanceStatus", "AttachedEbsStatus")
    results = {str(status[part]["Status"]) for part in parts if status.get(part, {}).get("Status")}
    results.discard("not-applicable")
    unknown = results - set(CHECKS)
    return next((each for each in (*CHECKS[:-1], *sorted(unknown), PASSED) if each in results), "")


def _alarms(clients: Clients) -> list[Alarm]:
    """The alarms that are in alarm, the newest first; one more than MOST_ALARMS where there are others."""
    kinds = ["MetricAlarm", "CompositeAlarm"]
    answer = clients.cloudwatch.describe_alarms(StateValue="ALARM", AlarmTypes=kinds, MaxRecords=MOST_ALARMS)
    alarms = sorted(
        map(_alarm, (*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ()))),
        key=lambda alarm: (-alarm.since, alarm.name),
    )
    return [*alarms[:MOST_ALARMS], *alarms[-1:]] if answer.get("NextToken") else alarms


def _alarm(answer: Mapping[str, Any]) -> Alarm:
    metrics = [each["MetricStat"]["Metric"] for each in answer.get("Metrics", ()) if "MetricStat" in each]
    dimensions = [each for metric in (answer, *metrics) for each in metric.get("Dimensions", ())]
    since = answer.get("StateTransitionedTimestamp") or answer.get("StateUpdatedTimestamp")
    return Alarm(
        answer["AlarmName"],
        str(answer.get("StateReason") or ""),
        since.timestamp() if since else 0.0,
        frozenset(each["Value"] for each in dimensions if each["Name"] == "InstanceId"),
        frozenset(each["Value"] for each in dimensions if each["Name"] == "AutoScalingGroupName"),
    )
