"""AWS as the machines of the bench reach it: each call that changes something is counted, with the machine that made it."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from aiohttp import ClientError, ClientSession, web

from sandbox import fleet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import ImageTypeDef

    from sandbox.aws import AwsStandIn

# What changes something in AWS, and the parameter that names the resource.
CHANGES = {
    "TerminateInstances": "InstanceId.1",
    "DeleteKeyPair": "KeyName",
    "DeleteSecurityGroup": "GroupId",
    "DeregisterImage": "ImageId",
    "DeleteSnapshot": "SnapshotId",
}
_UNCHANGED = b"<previousState><code>48</code>"  # TerminateInstances of an instance that was terminated already
BUILDER_AGE = timedelta(hours=3)
IMAGE_AGE = timedelta(days=200)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that AWS took, by the machine that made it; Unix seconds of its request and of its answer.

    `changed` is False where AWS had nothing to do any more.
    """

    action: str
    resource: str
    machine: str
    begin: float
    end: float
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Builder:
    """A builder that Packer left running, with what it made for it."""

    instance: str
    key: str
    group: str


@dataclass(frozen=True, slots=True)
class Cloud:
    """What there is at AWS: resources by their ids or names (no terminated instances); `precious` ones must stay.

    `snapshots` are those of each image, also of images that are gone; `cut_off` machines that did not reach AWS for a time.
    """

    calls: tuple[Call, ...] = ()
    builders: tuple[Builder, ...] = ()
    there: frozenset[str] = frozenset()
    precious: frozenset[str] = frozenset()
    snapshots: tuple[tuple[str, str], ...] = ()
    cut_off: frozenset[str] = frozenset()


class CountedAws:
    """Passes calls on to moto and counts them; `urls` has the address for each machine of the bench."""

    def __init__(self, stand_in: AwsStandIn, name_of: Callable[[str], str]) -> None:
        self._stand_in = stand_in
        self._name_of = name_of  # the executor that a machine is now
        self._ec2: EC2Client = stand_in.handle.ec2()
        self._calls: list[Call] = []
        self.builders: list[Builder] = []
        self._precious: frozenset[str] = frozenset()
        self._snapshots: dict[str, str] = {}
        self.urls: dict[str, str] = {}
        self.cut_off: set[str] = set()

    def install(self) -> None:
        """Remove what the sandbox begins with for others to clean up, and note what must stay from now on."""
        for instance in self._instances():
            if {"Key": "Name", "Value": fleet.PACKER_NAME_TAG} in instance.get("Tags", []):
                self._ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
        for image in fleet.images():
            if image.generation == 1 and image.image_id in self._images():
                self._ec2.deregister_image(ImageId=image.image_id)
        # An older generation than the last ones may be removed once a build of a round has added another.
        in_use = {each["ImageId"] for each in self._instances() if each["State"]["Name"] != "terminated"}
        newest = {each.image_id for each in fleet.images() if each.generation > fleet.NEWEST - 2}
        self._precious = frozenset(self._live_instances() | ((in_use | newest) & self._images().keys()))

    async def add_builder(self) -> None:
        """A build of three hours ago died: its builder still runs."""
        name = fleet.packer_name(random.Random(), time.time() - BUILDER_AGE.total_seconds())  # noqa: S311  -- no secret
        self._ec2.create_key_pair(KeyName=name)
        group = self._ec2.create_security_group(GroupName=name, Description=fleet.PACKER_GROUP_DESCRIPTION)["GroupId"]
        started = self._ec2.run_instances(
            ImageId=fleet.BASE_IMAGE,
            InstanceType="t3.medium",
            MinCount=1,
            MaxCount=1,
            KeyName=name,
            SecurityGroupIds=[group],
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": fleet.PACKER_NAME_TAG}]}],
        )
        instance = started["Instances"][0]["InstanceId"]
        self.builders.append(Builder(instance, name, group))
        await self._stand_in.backdate(instance, BUILDER_AGE)

    async def add_old_images(self, count: int = 2) -> None:
        """Add images that nobody uses, older than those that are kept."""
        for machine in random.sample(fleet.MACHINES[:2], count):
            await self._stand_in.add_image("staging", machine, IMAGE_AGE)
        self._images()  # notes their snapshots

    def cloud(self) -> Cloud:
        """What there is now, and all calls so far."""
        images = self._images()
        keys = {str(each["KeyName"]) for each in self._ec2.describe_key_pairs()["KeyPairs"]}
        groups = {each["GroupId"] for each in self._ec2.describe_security_groups()["SecurityGroups"]}
        snapshots = {each["SnapshotId"] for each in self._ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
        there = frozenset(self._live_instances() | images.keys() | keys | groups | snapshots)
        calls = tuple(sorted(self._calls, key=lambda call: call.begin))
        snapshot_of = tuple(sorted(self._snapshots.items()))
        return Cloud(calls, tuple(self.builders), there, self._precious, snapshot_of, frozenset(self.cut_off))

    def _instances(self) -> list[Any]:
        return [each for held in self._ec2.describe_instances()["Reservations"] for each in held["Instances"]]

    def _live_instances(self) -> set[str]:
        return {each["InstanceId"] for each in self._instances() if each["State"]["Name"] != "terminated"}

    def _images(self) -> dict[str, ImageTypeDef]:
        images = {each["ImageId"]: each for each in self._ec2.describe_images(Owners=["self"])["Images"]}
        for image_id, image in images.items():
            for mapping in image["BlockDeviceMappings"]:
                self._snapshots[image_id] = mapping["Ebs"]["SnapshotId"]
        return images

    async def answer(self, machine: str, session: ClientSession, request: web.Request) -> web.Response:
        """Pass a call on, and its answer back."""
        body, begin, executor = await request.read(), time.time(), self._name_of(machine)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        url = f"{self._stand_in.handle.url}{request.path_qs}"
        try:
            # To the end: AWS does what it was asked to, also for a client that has died meanwhile.
            content, status, kind = await asyncio.shield(_asked(session, request.method, url, body, headers))
        except ClientError:
            return web.Response(status=503)
        parameters = parse_qs(body.decode(errors="replace"))
        action = parameters.get("Action", [""])[0]
        if action in CHANGES and status < 300:
            resource = parameters[CHANGES[action]][0]
            before = any((call.action, call.resource) == (action, resource) for call in self._calls)
            changed = not before and _UNCHANGED not in b"".join(content.split())
            self._calls.append(Call(action, resource, executor, begin, time.time(), changed))
        return web.Response(body=content, status=status, content_type=kind)


async def _asked(
    session: ClientSession, method: str, url: str, body: bytes, headers: dict[str, str]
) -> tuple[bytes, int, str]:
    async with session.request(method, url, data=body, headers=headers) as answered:
        return await answered.read(), answered.status, answered.content_type


@asynccontextmanager
async def counted_aws(
    stand_in: AwsStandIn, machines: tuple[str, ...], name_of: Callable[[str], str]
) -> AsyncIterator[CountedAws]:
    """A counter in front of moto, with an address for each machine."""
    counted, runners = CountedAws(stand_in, name_of), list[web.AppRunner]()
    async with ClientSession() as session:
        try:
            for machine in machines:
                application = web.Application(client_max_size=10**7)
                application.router.add_route("*", "/{tail:.*}", partial(counted.answer, machine, session))
                runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
                await runner.setup()
                runners.append(runner)
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                counted.urls[machine] = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield counted
        finally:
            for runner in runners:
                await runner.cleanup()
