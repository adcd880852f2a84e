"""Users of images that moto does not have, in the answers of AWS; botocore's models refuse an answer that AWS cannot give."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.validate import ParamValidator

from tests.unit.runners.ec2_world import HOME, answer

if TYPE_CHECKING:
    from runners.aws.client import Account
    from sandbox.aws_services import AwsServices

_BUILDER = f"arn:aws:imagebuilder:{HOME}:123456789012"


def answer_strictly(client: Any, operation: str, report: dict[str, Any]) -> None:
    """As `answer`, and the answer has to fit botocore's model of the operation."""
    shape = client.meta.service_model.operation_model(operation).output_shape
    problems = ParamValidator().validate(report, shape)
    assert not problems.has_errors(), problems.generate_report()
    answer(client, operation, report)


def recipes(services: AwsServices, *parents: str, snapshot: str = "", pipeline: bool = False) -> None:
    """Recipes that start from these parents, the last of which has a further disk and maybe a pipeline."""
    arns = {f"{_BUILDER}:image-recipe/web-{number}/1.0.0": parent for number, parent in enumerate(parents)}
    last = list(arns)[-1]
    summaries = [{"arn": arn, "name": "web", "parentImage": parent} for arn, parent in arns.items()]
    services.answer_with("imagebuilder", "ListImageRecipes", {"imageRecipeSummaryList": summaries})

    def recipe(call: Any) -> Any:
        arn = call.parameters["imageRecipeArn"]
        disks = [{"deviceName": "/dev/sdb", "ebs": {"snapshotId": snapshot}}] if snapshot and arn == last else []
        return {"imageRecipe": {"arn": arn, "parentImage": arns[arn], "blockDeviceMappings": disks}}

    services.answer_with("imagebuilder", "GetImageRecipe", recipe)
    pipelines = [{"arn": f"{_BUILDER}:image-pipeline/nightly", "name": "nightly", "imageRecipeArn": last}]
    services.answer_with("imagebuilder", "ListImagePipelines", {"imagePipelineList": pipelines if pipeline else []})


def container_recipe(services: AwsServices, image: str) -> None:
    """A container recipe whose build instance starts from the image."""
    arn = f"{_BUILDER}:container-recipe/app/1.0.0"
    summary = {"arn": arn, "name": "app", "parentImage": "amazonlinux:2023", "instanceImage": image}
    services.answer_with("imagebuilder", "ListContainerRecipes", {"containerRecipeSummaryList": [summary]})
    recipe = {"arn": arn, "parentImage": "amazonlinux:2023", "instanceConfiguration": {"image": image}}
    services.answer_with("imagebuilder", "GetContainerRecipe", {"containerRecipe": recipe})


def built(services: AwsServices, image: str, *, region: str = HOME) -> str:
    """An image of Image Builder whose second build made this image of EC2: the ARN that a recipe names it by."""
    version = f"{_BUILDER}:image/base/1.0.0"
    services.answer_with("imagebuilder", "ListImages", {"imageVersionList": [{"arn": version, "name": "Base"}]})
    outputs = [{"region": region, "image": image, "accountId": "123456789012"}]
    builds = [{"arn": f"{version}/1"}, {"arn": f"{version}/2", "outputResources": {"amis": outputs}}]
    services.answer_with("imagebuilder", "ListImageBuildVersions", {"imageSummaryList": builds})
    return f"{_BUILDER}:image/base/x.x.x"


def recovery_point(services: AwsServices, *images: str) -> None:
    """Recovery points of AWS Backup that are these images, in the second of two vaults."""
    vaults = [{"BackupVaultName": "empty", "NumberOfRecoveryPoints": 0}, {"BackupVaultName": "nightly"}]
    services.answer_with("backup", "ListBackupVaults", {"BackupVaultList": vaults})

    def points(call: Any) -> Any:
        assert call.parameters["backupVaultName"] == "nightly"
        assert call.parameters["resourceType"] == "EC2"
        arns = [f"arn:aws:ec2:{call.region}::image/{image}" for image in images]
        return {"RecoveryPoints": [{"RecoveryPointArn": arn, "ResourceType": "EC2"} for arn in arns]}

    services.answer_with("backup", "ListRecoveryPointsByBackupVault", points)


def parameter(account: Account, name: str, value: str, *, kind: str = "aws:ec2:image") -> None:
    """A parameter; a second one of that name is its next version."""
    ssm = account.client("ssm", HOME)
    ssm.put_parameter(Name=name, Value=value, Type="String", DataType=kind, Overwrite=True)


def mixed_instances(account: Account, *overrides: dict[str, Any]) -> None:
    """An Auto Scaling group with these overrides."""
    launched = {
        "LaunchTemplateSpecification": {"LaunchTemplateId": "lt-0", "Version": "1"},
        "Overrides": [{"InstanceType": "m7i.large", **override} for override in overrides],
    }
    group = {"AutoScalingGroupName": "workers", "MixedInstancesPolicy": {"LaunchTemplate": launched}}
    size = {"MinSize": 0, "MaxSize": 2, "DesiredCapacity": 1, "DefaultCooldown": 300}
    required = {
        **size,
        "HealthCheckType": "EC2",
        "AvailabilityZones": [],
        "CreatedTime": datetime(2026, 1, 1, tzinfo=UTC),
    }
    answer_strictly(
        account.client("autoscaling", HOME),
        "DescribeAutoScalingGroups",
        {"AutoScalingGroups": [{**group, **required}]},
    )


def fleet(account: Account, *overrides: dict[str, Any]) -> None:
    """An EC2 fleet with these overrides."""
    config = {"Overrides": list(overrides)}
    report = {"FleetId": "fleet-1", "FleetState": "active", "Type": "maintain", "LaunchTemplateConfigs": [config]}
    answer_strictly(account.ec2(HOME), "DescribeFleets", {"Fleets": [report]})


def spot_request(account: Account, specification: dict[str, Any]) -> None:
    """A spot request that is open."""
    report = {"SpotInstanceRequestId": "sir-1", "State": "open", "LaunchSpecification": specification}
    answer_strictly(account.ec2(HOME), "DescribeSpotInstanceRequests", {"SpotInstanceRequests": [report]})
