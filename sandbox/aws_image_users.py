"""Old images that look unused at first sight: each is kept by something else than an instance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3

from sandbox import fleet

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws_services import AwsServices

AGE = 150.0  # days: older than the images of the sandbox's builds
ACCOUNT = "123456789012"  # moto's
MACHINES = {
    "parameter": ("staging", "backend"),
    "recipe": ("staging", "cron"),
    "override": ("prod", "taskrunner"),
    "configuration": ("dev", "taskrunner"),
    "backup": ("prod", "backend"),
    "protection": ("prod", "sftp"),
}
RECYCLED = "ami-0dec0de0000000001"


def image(protector: str) -> fleet.Image:
    """The image that is kept by this."""
    environment, machine = MACHINES[protector]
    return fleet.Image(environment, machine, 0)


def seed(services: AwsServices, add: Callable[..., Any], url: str, region: str, now: float) -> None:
    """Add the images by `add(id, made, name=..., tags=...)`, and what keeps them."""
    for protector in MACHINES:
        old = image(protector)
        made = now - AGE * 86_400
        source = {"aws:backup:source-resource": "i-0aba0000000000001"} if protector == "backup" else {}
        added = add(old.image_id, made, name=f"{old.hostname}-{int(made)}", tags={"Name": old.hostname, **source})
        if protector == "protection":
            added.deregistration_protection = "enabled-with-cooldown"
    _launchers(url, region)
    _image_builder(services, region)
    _backup(services, region)
    _recycle_bin(services, now)


def _launchers(url: str, region: str) -> None:
    ssm = boto3.client("ssm", endpoint_url=url, region_name=region)
    ssm.put_parameter(
        Name="/images/backend-rollback", Value=image("parameter").image_id, Type="String", DataType="aws:ec2:image"
    )
    ec2 = boto3.client("ec2", endpoint_url=url, region_name=region)
    scaling: Any = boto3.client("autoscaling", endpoint_url=url, region_name=region)
    ec2.create_launch_template(LaunchTemplateName="workers", LaunchTemplateData={"ImageId": fleet.BASE_IMAGE})
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="workers",
        MinSize=0,
        MaxSize=0,
        AvailabilityZones=[f"{region}a"],
        MixedInstancesPolicy={
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {"LaunchTemplateName": "workers", "Version": "1"},
                "Overrides": [{"InstanceType": "t3.medium", "ImageId": image("override").image_id}],
            }
        },
    )
    scaling.create_launch_configuration(
        LaunchConfigurationName="taskrunner-2025", ImageId=image("configuration").image_id, InstanceType="t3.small"
    )


def _image_builder(services: AwsServices, region: str) -> None:
    arn = f"arn:aws:imagebuilder:{region}:{ACCOUNT}:image-recipe/cron-hardened/1.2.0"
    parent = {"arn": arn, "name": "cron-hardened", "parentImage": image("recipe").image_id}
    services.answer_with("imagebuilder", "ListImageRecipes", {"imageRecipeSummaryList": [{**parent, "owner": ACCOUNT}]})
    services.answer_with("imagebuilder", "GetImageRecipe", {"imageRecipe": parent})
    nightly = {"arn": f"arn:aws:imagebuilder:{region}:{ACCOUNT}:image-pipeline/cron-nightly", "name": "cron-nightly"}
    pipelines = {"imagePipelineList": [{**nightly, "imageRecipeArn": arn, "status": "ENABLED"}]}
    services.answer_with("imagebuilder", "ListImagePipelines", pipelines)


def _backup(services: AwsServices, region: str) -> None:
    vault = {"BackupVaultName": "nightly", "NumberOfRecoveryPoints": 1}
    services.answer_with("backup", "ListBackupVaults", {"BackupVaultList": [vault]})
    point = f"arn:aws:ec2:{region}::image/{image('backup').image_id}"
    points = [{"RecoveryPointArn": point, "BackupVaultName": "nightly", "ResourceType": "EC2", "Status": "COMPLETED"}]
    services.answer_with("backup", "ListRecoveryPointsByBackupVault", {"RecoveryPoints": points})


def _recycle_bin(services: AwsServices, now: float) -> None:
    entered = datetime.fromtimestamp(now, UTC) - timedelta(days=2)
    times = {"RecycleBinEnterTime": entered, "RecycleBinExitTime": entered + timedelta(days=7)}
    services.answer_with(
        "ec2", "ListImagesInRecycleBin", {"Images": [{"ImageId": RECYCLED, "Name": "sftp-staging-golden", **times}]}
    )
