"""Calls that change something at AWS are counted where AWS took them, with the machine that made them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from sandbox.aws import AwsHandle, AwsStandIn
from tests.soak.aws_calls import counted_aws

if TYPE_CHECKING:
    from tests.soak.aws_calls import Builder


@pytest.mark.slow("starts an AWS of its own")
async def test_what_aws_took_is_counted_once_by_machine() -> None:
    stand_in = AwsStandIn()
    await stand_in.start()
    try:
        async with counted_aws(stand_in, ("a", "b"), lambda name: f"{name}1") as counted:
            await asyncio.to_thread(counted.install)
            await counted.add_builder()
            await counted.add_old_images(1)
            before = counted.cloud()
            (builder,) = before.builders
            (image, snapshot) = next(pair for pair in before.snapshots if pair[0] in before.there - before.precious)
            await asyncio.to_thread(_remove, AwsHandle(counted.urls["b"], stand_in.handle.region), builder, image)
            after = counted.cloud()
    finally:
        await stand_in.stop()
    assert {builder.instance, builder.key, builder.group, image, snapshot} <= before.there
    assert [(call.action, call.resource, call.machine, call.changed) for call in after.calls] == [
        ("TerminateInstances", builder.instance, "b1", True),
        ("TerminateInstances", builder.instance, "b1", False),
        ("DeregisterImage", image, "b1", True),
    ]
    assert before.there - after.there == {builder.instance, image}
    assert after.precious <= after.there


def _remove(handle: AwsHandle, builder: Builder, image: str) -> None:
    ec2 = handle.ec2()
    for _ in range(2):  # the second time changes nothing
        ec2.terminate_instances(InstanceIds=[builder.instance])
    ec2.deregister_image(ImageId=image)
    with suppress(ClientError):
        ec2.deregister_image(ImageId=image)
