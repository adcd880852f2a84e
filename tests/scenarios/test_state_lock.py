"""A lock on the state that a dead operation left: who may give it back, and how; another's stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.scenarios.acting import answered, clicks, gets_notice, operations_in, rejects, shows, types
from tests.scenarios.moments import machine_is_lost
from tests.scenarios.staged import MAIN, change, machines_wait

if TYPE_CHECKING:
    from sandbox.aws import AwsHandle
    from tests.scenarios.conftest import StartWorld

STATE, LOCK = "staging.tfstate", "staging.tfstate.tflock"
LOCAL = 'backend_config: {path: "{files}/state/staging/terraform.tfstate"}'


class Bucket:
    """What Terraform's backend "s3" keeps staging's state in. A lock stays until it is given back."""

    def __init__(self, aws: AwsHandle, name: str) -> None:
        keys = aws.environment()
        self.client = boto3.client(
            "s3",
            endpoint_url=aws.url,
            region_name=aws.region,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        )
        self.name = name
        where: Any = {"LocationConstraint": aws.region}
        self.client.create_bucket(Bucket=name, CreateBucketConfiguration=where)
        checks = 'skip_credentials_validation: "true", skip_requesting_account_id: "true", use_path_style: "true"'
        place = f'bucket: {name}, key: {STATE}, region: {aws.region}, use_lockfile: "true"'
        variables = ", ".join(f"{variable}: {json.dumps(value)}" for variable, value in keys.items())
        self.settings = f"backend_config: {{{place}, {checks}}}\n      environment: {{{variables}}}"

    @property
    def lock(self) -> dict[str, str]:
        """What the lock says; nothing when there is none."""
        result = self.client.list_objects_v2(Bucket=self.name, Prefix=LOCK).get("Contents", ())
        return json.loads(self.client.get_object(Bucket=self.name, Key=LOCK)["Body"].read()) if result else {}

    def take(self, **info: str) -> None:
        """As somebody else's Terraform does."""
        written = {"ID": "5d1ad0a8-2f5c-9f0e-1d0b-7c3a1e5b9f42", "Operation": "OperationTypeApply", "Info": "", **info}
        self.client.put_object(
            Bucket=self.name, Key=LOCK, Body=json.dumps({**written, "Version": "1.11.4", "Path": ""})
        )

    def give_back(self) -> None:
        """As they do when they are done."""
        self.client.delete_object(Bucket=self.name, Key=LOCK)


@pytest.mark.slow("an apply that dies with its machine, and the plans before and after it")
async def test_a_lock_that_a_dead_apply_left_is_given_back_once_by_somebody_who_may(
    start_world: StartWorld, aws: AwsHandle
) -> None:
    bucket = Bucket(aws, "left-behind")
    world = await start_world(config={LOCAL: bucket.settings})
    change(world, MAIN, 'backend "local"', 'backend "s3"')
    gate = machines_wait(world)
    await types(world, "ana", "#staging", "/plan staging")
    await clicks(world, "lee", await shows(world, "#staging", "#1 ", "Waiting for approval"), "approve")
    await gate.reached()
    await machine_is_lost(world)
    assert bucket.lock, "terraform gave the lock back although it was killed"
    gate.open()
    await world.bot.start()
    ended = await shows(world, "#staging", "#1 ", "interrupted during the apply", "New plan")

    await clicks(world, "ana", ended, "New plan")
    locked = await shows(world, "#staging", "#2 ", "no plan was made", bucket.lock["Who"], bucket.lock["ID"])
    assert "That was #1, which is over and left the lock." in locked.rendered
    assert locked.buttons == ["Unlock", "New plan"]
    assert "You may not run Signalbox's commands" in await answered(world, "gus", locked, "Unlock")
    assert bucket.lock
    await world.bot.restart()
    await world.person("lee").click(locked, "Unlock")
    done = await shows(
        world, "#staging", "#3 Unlock the state of staging", "the state is unlocked", "requested by @lee"
    )
    assert not bucket.lock
    assert "is being given back already" in await answered(world, "max", locked, "Unlock")

    await clicks(world, "ana", done, "New plan")
    ask = await shows(world, "#staging", "#4 Plan for staging", "Waiting for approval")
    await rejects(world, "ana", ask)
    await shows(world, "#staging", "#4 ", "rejected")
    assert len(operations_in(world)) == 4


async def test_a_lock_of_anybody_else_cannot_be_given_back(start_world: StartWorld, aws: AwsHandle) -> None:
    bucket = Bucket(aws, "somebody-elses")
    world = await start_world(config={LOCAL: bucket.settings})
    change(world, MAIN, 'backend "local"', 'backend "s3"')
    bucket.take(Who="max@laptop", Created="2026-11-23T09:00:00.5Z")
    await types(world, "ana", "#staging", "/plan staging")
    locked = await shows(world, "#staging", "#1 ", "max@laptop has held the state's lock since 2026-11-23 09:00 UTC")
    assert locked.buttons == ["New plan"]
    assert "Wait until that has ended" in locked.rendered
    forged = locked.snapshot()
    forged.blocks = json.loads(json.dumps(locked.blocks).replace('"plan-again"', '"unlock"'))
    await world.person("lee").click(forged, "unlock")
    await gets_notice(world.person("lee"), "There is no lock here that I may give back")
    assert bucket.lock
    bucket.give_back()
    await clicks(world, "ana", locked, "New plan")
    ask = await shows(world, "#staging", "#2 ", "Waiting for approval")
    await rejects(world, "ana", ask)
    await shows(world, "#staging", "#2 ", "rejected")
