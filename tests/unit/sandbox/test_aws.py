from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psutil
import pytest
import pytest_asyncio

from sandbox import aws_image_users, fleet
from sandbox.aws import AwsHandle, AwsStandIn
from sandbox.github import GitHubStandIn, Repository, sandbox_repositories

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from mypy_boto3_ec2 import EC2Client

    from sandbox.github.runs import Job

pytestmark = pytest.mark.asyncio(loop_scope="module")
PROJECT = Path(__file__).parents[3]
PARENT = """
import asyncio
from sandbox.aws import AwsStandIn
async def main():
    aws = AwsStandIn()
    await aws.start()
    print(aws.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def aws() -> AsyncIterator[AwsStandIn]:
    """One for all: it takes seconds to start. Tests check what they add."""
    made = AwsStandIn()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def ec2(aws: AwsStandIn) -> Iterator[EC2Client]:
    client = client_of(aws.handle)
    yield client
    client.close()


def client_of(handle: AwsHandle, service: str = "ec2") -> Any:
    keys = handle.environment()
    return boto3.client(  # type: ignore[call-overload] # any service
        service,
        endpoint_url=handle.url,
        region_name=handle.region,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )


def instances(ec2: EC2Client, state: str = "*") -> list[Any]:
    pages = ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": [state]}])
    return [instance for page in pages["Reservations"] for instance in page["Instances"]]


def tag(of: Any, key: str) -> str | None:
    return next((item["Value"] for item in of.get("Tags", []) if item["Key"] == key), None)


async def test_three_environments_of_four_machines_run_and_two_old_ones_do_not(ec2: EC2Client) -> None:
    running = {tag(instance, "type"): instance for instance in instances(ec2, "running") if tag(instance, "type")}
    assert set(running) == {
        f"{environment} {machine}" for environment in fleet.ENVIRONMENTS for machine in fleet.MACHINES
    }
    for environment in fleet.ENVIRONMENTS:
        for machine in fleet.MACHINES:
            assert running[f"{environment} {machine}"]["ImageId"] == fleet.running_image(environment, machine).image_id
    assert all(item["PublicDnsName"] and item["PrivateIpAddress"] for item in running.values())
    assert [tag(instance, "type") for instance in instances(ec2, "stopped")] == ["staging backend"]
    assert [tag(instance, "type") for instance in instances(ec2, "terminated")] == ["prod cron"]


async def test_images_have_their_ages_their_tags_and_snapshots(ec2: EC2Client) -> None:
    result = {image["ImageId"]: image for image in ec2.describe_images(Owners=["self"])["Images"]}
    others = {aws_image_users.image(protector).image_id for protector in aws_image_users.MACHINES}
    assert set(result) == {image.image_id for image in fleet.images()} | others
    now = datetime.now(UTC)
    for image in fleet.images():
        rendered = result[image.image_id]
        made = datetime.fromisoformat(rendered["CreationDate"])
        assert abs((now - made).total_seconds() / 86_400 - fleet.AGE_OF_GENERATION[image.generation]) < 0.05
        assert rendered["Name"] == f"{image.hostname}-{int(made.timestamp())}"
        tags = {"Name": image.hostname, "built_by": "packer", "environment": image.environment}
        assert {key: tag(rendered, key) for key in tags} == tags
    assert fleet.Image("staging", "cron", 1).hostname == "cron-staging"
    snapshots = [image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"] for image in result.values()]
    assert len(ec2.describe_snapshots(SnapshotIds=snapshots)["Snapshots"]) == len(result)


async def test_what_moto_does_not_have_is_answered_beside_it(aws: AwsStandIn, ec2: EC2Client) -> None:
    assert [each["ImageId"] for each in ec2.list_images_in_recycle_bin()["Images"]] == [aws_image_users.RECYCLED]
    backup: Any = client_of(aws.handle, "backup")
    assert [vault["BackupVaultName"] for vault in backup.list_backup_vaults()["BackupVaultList"]] == ["nightly"]
    backup.close()


async def test_launch_times_lie_in_the_past(ec2: EC2Client) -> None:
    ages = {tag(instance, "type"): datetime.now(UTC) - instance["LaunchTime"] for instance in instances(ec2, "running")}
    assert ages["staging backend"] > timedelta(days=8)
    assert timedelta(hours=20) < ages["dev backend"] < timedelta(days=1)


async def test_a_builder_was_left_behind(ec2: EC2Client) -> None:
    builder = min(builders(ec2), key=lambda item: item["LaunchTime"])
    name = builder["KeyName"]
    started = int(name.removeprefix("packer_")[:8], 16)
    assert abs(builder["LaunchTime"].timestamp() - started) < 5
    assert ec2.describe_key_pairs(KeyNames=[name])["KeyPairs"]
    group = ec2.describe_security_groups(GroupNames=[name])["SecurityGroups"][0]
    assert group["Description"] == "Temporary group for Packer"
    assert builder["SecurityGroups"][0]["GroupId"] == group["GroupId"]


async def test_an_instance_can_be_made_older(aws: AwsStandIn, ec2: EC2Client) -> None:
    before = instances(ec2, "running")[-1]
    await aws.backdate(before["InstanceId"], timedelta(hours=5))
    after = ec2.describe_instances(InstanceIds=[before["InstanceId"]])["Reservations"][0]["Instances"][0]
    assert before["LaunchTime"] - after["LaunchTime"] == timedelta(hours=5)
    with pytest.raises(ValueError, match="InvalidInstanceIdError"):
        await aws.backdate("i-0", timedelta(hours=5))


async def test_it_ends_when_told_and_was_handed_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary")
    aws = AwsStandIn()
    await aws.start()
    child = psutil.Process(aws.pid)
    assert "xoxb-canary" not in child.environ().values()
    await aws.stop()
    assert not child.is_running()
    with pytest.raises(RuntimeError, match="not been started"):
        _ = aws.handle


async def test_it_ends_when_its_parent_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT), cwd=PROJECT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    assert await asyncio.to_thread(psutil.wait_procs, [child], 10) == ([child], [])


class TestImageBuilds:
    @pytest_asyncio.fixture(loop_scope="module")
    async def repository(self, aws: AwsStandIn) -> AsyncIterator[Repository]:
        stand_in = GitHubStandIn(token="t", repositories=sandbox_repositories(), aws=aws.handle, speed=400)
        await stand_in.start()
        yield stand_in.repository("PermanentOrg/infrastructure")
        await stand_in.stop()

    async def test_each_job_makes_an_image_and_cleans_up(self, repository: Repository, ec2: EC2Client) -> None:
        existing = {image["ImageId"] for image in ec2.describe_images(Owners=["self"])["Images"]}
        remaining = orphans_of(ec2)
        run = repository.dispatch("build-images.yml", "main")
        await repository.ended(run)
        assert run.conclusion == "success"
        made = [
            describe_image
            for describe_image in ec2.describe_images(Owners=["self"])["Images"]
            if describe_image["ImageId"] not in existing
        ]
        hostnames = {fleet.Image(env, machine, 4).hostname for env in fleet.ENVIRONMENTS for machine in fleet.MACHINES}
        assert {tag(image, "Name") for image in made} == hostnames
        assert len(made) == 12
        assert all(image["Name"].rpartition("-")[0] == tag(image, "Name") for image in made)
        assert orphans_of(ec2) == remaining
        job = next(job for job in run.jobs if job.name == "build (cron, staging)")
        printed = [text for _, text in job.log if text.startswith("us-west-2: ami-")]
        of_cron = next(image for image in made if tag(image, "Name") == "cron-staging")
        assert printed == [f"us-west-2: {of_cron['ImageId']}"]

    async def test_a_builder_runs_while_its_job_does(self, repository: Repository, ec2: EC2Client) -> None:
        before = orphans_of(ec2)
        repository.hang_next("build-images.yml", job="sftp, prod")
        run = repository.dispatch("build-images.yml", "main")
        await until(lambda: [job.status for job in run.jobs].count("completed") == 15)
        of_the_job = orphans_of(ec2) - before
        assert len(of_the_job) == 3  # the instance, its key pair, its security group
        await repository.cancel(run)
        await repository.ended(run)
        assert run.conclusion == "cancelled"
        # The cancelled job had no time to clean up.
        assert orphans_of(ec2) - before == of_the_job

    async def test_a_failed_build_cleans_up_and_its_cancelled_siblings_do_not(
        self, repository: Repository, ec2: EC2Client
    ) -> None:
        repository.fail_next(
            "build-images.yml", job="sftp, prod", log=["RequestLimitExceeded: Request limit exceeded."]
        )
        run = repository.dispatch("build-images.yml", "main")
        await repository.ended(run)
        ends = {job.name: job for job in run.jobs}
        failed = ends["build (sftp, prod)"]
        assert (run.conclusion, failed.conclusion, ends["notify"].conclusion) == ("failure", "failure", "success")
        running = {builder["InstanceId"] for builder in builders(ec2)}
        assert builder_of(failed) not in running
        # Those that had come to the end of their build may have ended their builder just before.
        cancelled = {builder_of(job) for job in run.jobs if job.conclusion == "cancelled" and not is_ending(job)} - {
            None
        }
        assert cancelled
        assert cancelled <= running

    async def test_a_build_that_aws_refuses_goes_well_when_it_runs_again(
        self, repository: Repository, ec2: EC2Client
    ) -> None:
        repository.rate_limited("build-images.yml", job="cron, dev", leaves_builder=True)
        repository.rate_limited("build-images.yml", job="sftp, dev")
        run = repository.dispatch("build-images.yml", "build-some", {"machines": "cron,sftp", "environments": "dev"})
        await repository.ended(run)
        ends = {job.name: job for job in run.jobs}
        remaining, cleaned = ends["build (cron, dev)"], ends["build (sftp, dev)"]
        assert (remaining.conclusion, cleaned.conclusion) == ("failure", "failure")
        assert any("api error RequestLimitExceeded" in text for _, text in cleaned.log)
        builder = next(item for item in builders(ec2) if item["InstanceId"] == builder_of(remaining))
        assert builder_of(cleaned) not in {item["InstanceId"] for item in builders(ec2)}
        # The templates of this branch mark what they make.
        assert tag(builder, "GITHUB_RUN_ID") == str(run.run_id)
        group = ec2.describe_security_groups(GroupNames=[builder["KeyName"]])["SecurityGroups"][0]
        keys = ec2.describe_key_pairs(KeyNames=[builder["KeyName"]])["KeyPairs"][0]
        assert tag(group, "GITHUB_RUN_ID") == tag(keys, "GITHUB_RUN_ID") == str(run.run_id)
        repository.rerun(run, failed_only=True, actor="ana-duarte")
        await repository.ended(run)
        assert (run.conclusion, run.attempt) == ("success", 2)

    async def test_a_green_build_may_be_broken(self, repository: Repository, ec2: EC2Client) -> None:
        repository.green_but_broken("build-images.yml", job="cron, dev", tool="npm")
        item = {"machines": "cron", "environments": "dev"}
        run = repository.dispatch("build-images.yml", "build-some", item)
        await repository.ended(run)
        job = next(job for job in run.jobs if job.name == "build (cron, dev)")
        assert (run.conclusion, job.conclusion) == ("success", "success")
        printed = [text for _, text in job.log]
        assert "\x1b[0;32m    amazon-ebs.cron: npm error code ERESOLVE\x1b[0m" in printed
        at = printed.index("--> amazon-ebs.cron: AMIs were created:")
        image = printed[at + 1].removeprefix("us-west-2: ")
        assert ec2.describe_images(ImageIds=[image])["Images"][0]["Name"].startswith("cron-dev-")

    async def test_a_lost_runner_leaves_its_builder(self, repository: Repository, ec2: EC2Client) -> None:
        repository.fail_next("build-images.yml", job="backend, dev", runner_lost=True)
        run = repository.dispatch("build-images.yml", "main")
        await repository.ended(run)
        lost = next(job for job in run.jobs if job.name == "build (backend, dev)")
        assert lost.conclusion == "failure"
        assert builder_of(lost) in {builder["InstanceId"] for builder in builders(ec2)}


async def until(ready: Callable[[], bool]) -> None:
    for _ in range(600):
        if ready():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not within 30 seconds")


def builders(ec2: EC2Client) -> list[Any]:
    return [instance for instance in instances(ec2, "running") if tag(instance, "Name") == "Packer Builder"]


def builder_of(job: Job) -> str | None:
    """The instance that the job's log reports of."""
    result = (re.search(r"Instance ID: (i-\w+)", text) for _, text in job.log)
    return next((item[1] for item in result if item), None)


def is_ending(job: Job) -> bool:
    return any("Stopping the source instance" in text for _, text in job.log)


def orphans_of(ec2: EC2Client) -> set[str]:
    """Builders, key pairs and security groups of Packer's that are there."""
    running = {builder["InstanceId"] for builder in builders(ec2)}
    keys = {f"key {describe_key_pair['KeyName']}" for describe_key_pair in ec2.describe_key_pairs()["KeyPairs"]}
    groups = {
        describe_security_group["GroupName"]
        for describe_security_group in ec2.describe_security_groups()["SecurityGroups"]
    }
    return running | keys | {f"group {name}" for name in groups if name.startswith("packer_")}
