"""The `packer build` steps: an EC2 builder with its key pair and security group, and the resulting image."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sandbox import fleet
from sandbox.fleet import PACKER_GROUP_DESCRIPTION, PACKER_NAME_TAG, packer_name
from sandbox.github.matrix import leaves
from sandbox.github.play import packer_log
from sandbox.github.play.stage import RateLimitedError, StepFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import TagTypeDef

    from sandbox.aws import AwsHandle
    from sandbox.github.expressions import Value
    from sandbox.github.play.stage import Stage

# How the values of a matrix are usually named, most telling first.
_ENVIRONMENT_KEYS = ("environment", "env", "stage")
_MACHINE_KEYS = ("machine", "image", "role", "template", "name", "target")


@dataclass(frozen=True, slots=True)
class Builder:
    """The resources of a build in EC2."""

    name: str  # of the key pair and of the security group: packer_<uuid>
    group_id: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What is built: an image of a machine for an environment, which a matrix of another repository may leave out."""

    environment: str
    machine: str

    @classmethod
    def of(cls, matrix: Mapping[str, Value], command: str) -> Subject:
        """The subject by the usual names of a matrix's values, else by the name of the template in the command."""
        values = {key.lower(): ", ".join(leaves(value)) for key, value in matrix.items()}
        templates = [name for name in map(_template_name, command.split()) if name]
        environment = next((values[key] for key in _ENVIRONMENT_KEYS if values.get(key)), "")
        machine = next((values[key] for key in _MACHINE_KEYS if values.get(key)), "")
        return cls(environment, machine or (templates[-1] if templates else "image"))

    @property
    def hostname(self) -> str:
        """The value of the image's tag `Name`, and the beginning of its name."""
        if self.environment in fleet.ENVIRONMENTS and self.machine in fleet.MACHINES:
            return fleet.Image(self.environment, self.machine, fleet.NEWEST).hostname
        return "-".join(part for part in (self.machine, self.environment) if part)

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the image."""
        about = {"environment": self.environment} if self.environment else {}
        return {"Name": self.hostname, "built_by": "packer", **about}


def _template_name(word: str) -> str:
    name = word.strip("\"'").rstrip("/").rpartition("/")[2]
    return name.removesuffix(".pkr.hcl").removesuffix(".json") if name.endswith((".pkr.hcl", ".json")) else ""


@dataclass(frozen=True, slots=True)
class _Build:
    """A running build: its stage, what it builds, and its start (monotonic seconds)."""

    stage: Stage
    subject: Subject
    started: float

    @property
    def where(self) -> str:
        """Packer's name for the build."""
        return f"amazon-ebs.{self.subject.machine}"

    def say(self, *lines: str) -> None:
        self.stage.log(*packer_log.say(self.where, *lines))

    def detail(self, *lines: str) -> None:
        self.stage.log(*packer_log.detail(self.where, *lines))

    def fault(self, *lines: str) -> None:
        self.stage.log(*packer_log.fault(self.where, *lines))

    @property
    def took(self) -> float:
        """Simulated seconds since its start."""
        return (time.monotonic() - self.started) * self.stage.clock.speed

    @property
    def run_tags(self) -> dict[str, str]:
        """The tags of the builder, with the run's ID where the template sets it."""
        template = self.stage.commit.files.get(f"images/{self.subject.machine}.pkr.hcl", b"")
        of_run = {"GITHUB_RUN_ID": str(self.stage.job.run_id)} if b"GITHUB_RUN_ID" in template else {}
        return {"Name": PACKER_NAME_TAG, **of_run}


class ImageBuilder:
    """Builds images in the sandbox's AWS, through boto3 in threads."""

    def __init__(self, aws: AwsHandle) -> None:
        self._aws = aws
        self._client: EC2Client | None = None

    async def play(self, stage: Stage) -> None:
        """Run a build.

        A build with a failing command cleans up, unless its script makes AWS refuse that. A build with a cancelled
        job or a lost runner leaves its running builder, its key pair and its security group.
        """
        build = _Build(stage, Subject.of(stage.job.matrix, stage.command), time.monotonic())
        stage.group(f"Run {stage.command}", stage.command, "shell: /usr/bin/bash -e {0}")
        stage.log(f"{packer_log.PLAIN}{build.where}: output will be in this color.\x1b[0m", "")
        stage.printed_as = lambda line: packer_log.detail(build.where, line)[0]
        try:
            image = await self._build(build, await self._launch(build))
        except (ClientError, BotoCoreError) as error:
            build.fault(str(error))
            stage.log(*packer_log.errored(build.where, build.took, str(error)))
            raise StepFailedError(1) from error
        stage.log(*packer_log.finished(build.where, build.took, self._aws.region, image))

    async def _launch(self, build: _Build) -> Builder:
        name = packer_name(build.stage.rng, time.time())
        build.say("Prevalidating any provided VPC information")
        build.say(f"Prevalidating AMI Name: {build.subject.hostname}")
        build.detail(f"Found Image ID: {fleet.BASE_IMAGE}")
        build.say(f"Creating temporary keypair: {name}")
        build.say(f"Creating temporary security group for this instance: {name}")
        build.say("Authorizing access to port 22 from [0.0.0.0/0] in the temporary security groups...")
        builder = await asyncio.to_thread(self._open, name, build.run_tags)
        build.say("Launching a source AWS instance...")
        build.detail(f"Instance ID: {builder.instance_id}")
        build.say(f"Waiting for instance ({builder.instance_id}) to become ready...")
        build.say("Waiting for SSH to become available...", "Connected to SSH!")
        return builder

    async def _build(self, build: _Build, builder: Builder) -> str:
        stage = build.stage
        build.say("Provisioning with Ansible...")
        try:
            await stage.work(stage.rng.uniform(300, 500))
        except RateLimitedError as error:
            await self._refused(build, builder, leaves=error.leaves_builder)
            raise
        except StepFailedError as error:
            build.fault("Provisioning step had errors: Running the cleanup provisioner, if present...")
            await self._clean(build, builder)
            why = f"Error executing Ansible: Non-zero exit status: exit status {error.exit_code}"
            stage.log(*packer_log.errored(build.where, build.took, why))
            raise
        build.say("Stopping the source instance...")
        build.detail("Stopping instance")
        build.say("Waiting for the instance to stop...")
        name = f"{build.subject.hostname}-{int(time.time())}"
        build.say(f"Creating AMI {name} from instance {builder.instance_id}")
        image = await asyncio.to_thread(self._make_image, builder, name, build.subject.tags)
        build.detail(f"AMI: {image}")
        build.say("Waiting for AMI to become ready...")
        await stage.clock.sleep(stage.rng.uniform(60, 120))
        build.say(f"Adding tags to AMI ({image})...", "Creating AMI tags")
        build.detail(*(f'Adding tag: "{key}": "{value}"' for key, value in build.subject.tags.items()))
        await self._clean(build, builder)
        return image

    async def _refused(self, build: _Build, builder: Builder, *, leaves: bool) -> None:
        """AWS refuses to create the image, and with `leaves` the clean-up."""
        request_id = str(uuid.UUID(int=build.stage.rng.getrandbits(128)))
        why = f"Error stopping instance: {packer_log.refused('StopInstances', request_id)}"
        build.say("Stopping the source instance...")
        build.fault(why)
        if leaves:
            limited = packer_log.refused("TerminateInstances", request_id)
            build.say("Terminating the source AWS instance...")
            build.fault(f"Error terminating instance, may still be around: {limited}")
        else:
            await self._clean(build, builder)
        build.stage.log(*packer_log.errored(build.where, build.took, why))

    async def _clean(self, build: _Build, builder: Builder) -> None:
        build.say("Terminating the source AWS instance...")
        await asyncio.to_thread(self._close, builder)
        build.say("Cleaning up any extra volumes...", "No volumes to clean up, skipping")
        build.say("Deleting temporary security group...", "Deleting temporary keypair...")

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

    def _open(self, name: str, tags: Mapping[str, str]) -> Builder:
        ec2 = self._ec2()
        tag_list: list[TagTypeDef] = [{"Key": key, "Value": value} for key, value in tags.items()]
        # Packer puts its run_tags on the key pair and the security group as well.
        ec2.create_key_pair(KeyName=name, TagSpecifications=[{"ResourceType": "key-pair", "Tags": tag_list}])
        group = ec2.create_security_group(
            GroupName=name,
            Description=PACKER_GROUP_DESCRIPTION,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": tag_list}],
        )["GroupId"]
        reservation = ec2.run_instances(
            ImageId=fleet.BASE_IMAGE,
            InstanceType="t3.medium",
            MinCount=1,
            MaxCount=1,
            KeyName=name,
            SecurityGroupIds=[group],
            TagSpecifications=[{"ResourceType": "instance", "Tags": tag_list}],
        )
        return Builder(name, group, reservation["Instances"][0]["InstanceId"])

    def _make_image(self, builder: Builder, name: str, tags: Mapping[str, str]) -> str:
        ec2 = self._ec2()
        ec2.stop_instances(InstanceIds=[builder.instance_id])
        image = ec2.create_image(InstanceId=builder.instance_id, Name=name)["ImageId"]
        ec2.create_tags(Resources=[image], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
        return image

    def _close(self, builder: Builder) -> None:
        ec2 = self._ec2()
        ec2.terminate_instances(InstanceIds=[builder.instance_id])
        ec2.delete_security_group(GroupId=builder.group_id)
        ec2.delete_key_pair(KeyName=builder.name)
