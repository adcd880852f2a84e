"""The `packer build` steps: an EC2 builder with its key pair and security group, and the image that comes out."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sandbox import fleet
from sandbox.github.stage import StepFailedError
from sandbox.packer import GROUP_DESCRIPTION, NAME_TAG, packer_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_ec2 import EC2Client

    from sandbox.aws import AwsHandle
    from sandbox.github.stage import Stage


@dataclass(frozen=True, slots=True)
class Builder:
    """What a build leaves behind when nobody cleans up."""

    name: str  # of the key pair and of the security group: packer_<uuid>
    group_id: str
    instance_id: str


class ImageBuilder:
    """Builds images in the sandbox's AWS, through boto3 in threads."""

    def __init__(self, aws: AwsHandle) -> None:
        self._aws = aws
        self._client: EC2Client | None = None

    async def play(self, stage: Stage) -> None:
        """One build.

        A build whose own command fails cleans up after itself; one whose job is cancelled, or whose runner is lost,
        leaves its builder running, its key pair and its security group.
        """
        where = f"amazon-ebs.{stage.job.matrix['machine']}"
        stage.group(f"Run {stage.command}", stage.command, "shell: /usr/bin/bash -e {0}")
        try:
            builder = await self._launch(stage, where)
            image = await self._build(stage, where, builder)
        except (ClientError, BotoCoreError) as error:
            stage.log(f"==> {where}: {error}", f"Build '{where}' errored: {error}")
            raise StepFailedError(1) from error
        stage.log(f"Build '{where}' finished.", "", "==> Builds finished. The artifacts of successful builds are:")
        stage.log(f"--> {where}: AMIs were created:", f"{self._aws.region}: {image}", "")

    async def _launch(self, stage: Stage, where: str) -> Builder:
        name = packer_name(stage.rng, time.time())
        stage.log(f"==> {where}: Creating temporary keypair: {name}")
        stage.log(f"==> {where}: Creating temporary security group for this instance: {name}")
        builder = await asyncio.to_thread(self._open, name)
        stage.log(
            f"==> {where}: Launching a source AWS instance...", f"    {where}: Instance ID: {builder.instance_id}"
        )
        return builder

    async def _build(self, stage: Stage, where: str, builder: Builder) -> str:
        stage.log(f"==> {where}: Provisioning with Ansible...")
        try:
            await stage.work(stage.rng.uniform(300, 500))
        except StepFailedError:
            stage.log(f"==> {where}: Provisioning step had errors: Running the cleanup provisioner, if present...")
            await self._clean(stage, where, builder)
            raise
        stage.log(f"==> {where}: Stopping the source instance...")
        name = f"{_hostname(stage.job.matrix)}-{int(time.time())}"
        stage.log(f"==> {where}: Creating AMI {name} from instance {builder.instance_id}")
        image = await asyncio.to_thread(self._make_image, builder, name, stage.job.matrix)
        stage.log(f"    {where}: AMI: {image}", f"==> {where}: Waiting for AMI to become ready...")
        await stage.clock.sleep(stage.rng.uniform(60, 120))
        await self._clean(stage, where, builder)
        return image

    async def _clean(self, stage: Stage, where: str, builder: Builder) -> None:
        stage.log(f"==> {where}: Terminating the source AWS instance...")
        await asyncio.to_thread(self._close, builder)
        stage.log(f"==> {where}: Deleting temporary security group...", f"==> {where}: Deleting temporary keypair...")

    def _ec2(self) -> EC2Client:
        if self._client is None:
            self._client = boto3.client(
                "ec2",
                region_name=self._aws.region,
                endpoint_url=self._aws.url,
                aws_access_key_id="AKIASANDBOXBUILD0000",
                aws_secret_access_key="sandbox",  # noqa: S106 -- the sandbox's AWS takes any
                config=Config(connect_timeout=5, read_timeout=20, max_pool_connections=16),
            )
        return self._client

    def _open(self, name: str) -> Builder:
        ec2 = self._ec2()
        ec2.create_key_pair(KeyName=name)
        group = ec2.create_security_group(GroupName=name, Description=GROUP_DESCRIPTION)["GroupId"]
        made = ec2.run_instances(
            ImageId=fleet.BASE_IMAGE,
            InstanceType="t3.medium",
            MinCount=1,
            MaxCount=1,
            KeyName=name,
            SecurityGroupIds=[group],
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": NAME_TAG}]}],
        )
        return Builder(name, group, made["Instances"][0]["InstanceId"])

    def _make_image(self, builder: Builder, name: str, matrix: Mapping[str, str]) -> str:
        ec2 = self._ec2()
        ec2.stop_instances(InstanceIds=[builder.instance_id])
        image = ec2.create_image(InstanceId=builder.instance_id, Name=name)["ImageId"]
        tags = {
            "Name": _hostname(matrix),
            "built_by": "packer",
            "environment": matrix["environment"],
        }
        ec2.create_tags(Resources=[image], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
        return image

    def _close(self, builder: Builder) -> None:
        ec2 = self._ec2()
        ec2.terminate_instances(InstanceIds=[builder.instance_id])
        ec2.delete_security_group(GroupId=builder.group_id)
        ec2.delete_key_pair(KeyName=builder.name)


def _hostname(matrix: Mapping[str, str]) -> str:
    return fleet.Image(matrix["environment"], matrix["machine"], fleet.NEWEST).hostname
