"""Users of images outside EC2's launches: parameters, Image Builder, backups; and what protects an image."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from runners.results import KeepRule, Retention
from tests.unit.runners.aws.images import users
from tests.unit.runners.aws.images.listed import NOW, listed_images, of, old_and_new, template
from tests.unit.runners.ec2_world import HOME, calls_of, image, listed_tags, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.aws.client import Account
    from sandbox.aws_services import AwsServices


def own_template(account: Account, services: AwsServices, used: str) -> None:
    del services
    template(account, used)
    listed = account.ec2(HOME).describe_launch_templates()["LaunchTemplates"]
    users.mixed_instances(account, {"LaunchTemplateSpecification": {"LaunchTemplateId": listed[0]["LaunchTemplateId"]}})


def alias_of_template(account: Account, services: AwsServices, used: str) -> None:
    del services
    users.parameter(account, "/images/web", used, kind="text")
    template(account, "ami-00000000000000001", then="resolve:ssm:/images/web")


def older_version(account: Account, services: AwsServices, used: str) -> None:
    del services
    users.parameter(account, "/images/web", used)
    users.parameter(account, "/images/web", "ami-00000000000000002")
    template(account, "ami-00000000000000001", then="resolve:ssm:/images/web:1")


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda a, _, used: users.parameter(a, "/images/web", used), "SSM parameter /images/web"),
        (alias_of_template, "launch template web, version 2 by SSM parameter /images/web"),
        (older_version, "launch template web, version 2 by SSM parameter /images/web:1"),
        (lambda _, s, used: users.recipes(s, used), "Image Builder recipe web-0/1.0.0"),
        (
            lambda _, s, used: users.recipes(s, "prod-abcdefgh12345", used, pipeline=True),
            "Image Builder recipe web-1/1.0.0 of pipeline nightly",
        ),
        (lambda _, s, used: users.container_recipe(s, used), "Image Builder container recipe app/1.0.0"),
        (lambda _, s, used: users.recipes(s, users.built(s, used)), "Image Builder recipe web-0/1.0.0"),
        (lambda a, _, used: users.mixed_instances(a, {}, {"ImageId": used}), "Auto Scaling group workers"),
        (own_template, "Auto Scaling group workers, launch template web, version 1"),
        (lambda a, _, used: users.fleet(a, {}, {"ImageId": used}), "EC2 fleet fleet-1"),
        (lambda a, _, used: users.spot_request(a, {"ImageId": used}), "spot request sir-1"),
    ],
)
async def test_what_could_launch_an_image_keeps_it_and_is_named(
    account: Account, aws_services: AwsServices, use: Callable[[Account, AwsServices, str], None], words: str
) -> None:
    used = old_and_new(account)
    assert (await of(account, used)).retention is Retention.DELETABLE
    use(account, aws_services, used)
    result = await of(account, used)
    assert (result.retention, result.reason) == (Retention.IN_USE, f"used by {words}")


async def test_a_recipe_that_names_a_parameter_uses_its_image(account: Account, aws_services: AwsServices) -> None:
    used = old_and_new(account)
    users.parameter(account, "/base", used, kind="text")
    users.recipes(aws_services, "ssm:/base")
    assert (await of(account, used)).reason == "used by Image Builder recipe web-0/1.0.0 by SSM parameter /base"


async def test_a_further_disk_of_a_recipe_keeps_the_image_of_its_snapshot(
    account: Account, aws_services: AwsServices
) -> None:
    used = old_and_new(account)
    (snapshot,) = (await of(account, used)).snapshots
    users.recipes(aws_services, "prod-abcdefgh12345", snapshot=snapshot.snapshot_id)
    assert "is used by Image Builder recipe web-0/1.0.0" in (await of(account, used)).reason


async def test_what_image_builder_made_elsewhere_or_amazon_made_is_no_use(
    account: Account, aws_services: AwsServices
) -> None:
    used = old_and_new(account)
    amazons = f"arn:aws:imagebuilder:{HOME}:aws:image/ubuntu-server-24-lts-x86/x.x.x"
    users.recipes(aws_services, users.built(aws_services, used, region="eu-west-1"), amazons, "ssm:/aws/service/x")
    assert (await of(account, used)).retention is Retention.DELETABLE


async def test_a_parent_of_a_new_kind_leaves_all_in_doubt(account: Account, aws_services: AwsServices) -> None:
    used = old_and_new(account)
    users.recipes(aws_services, "vault:whatever")
    result = await of(account, used)
    assert result.retention is Retention.UNKNOWN
    assert "Image Builder recipe web-0/1.0.0 starts from vault:whatever" in result.reason


async def test_recipes_never_change_and_are_read_once(account: Account, aws_services: AwsServices) -> None:
    old_and_new(account)
    users.recipes(aws_services, "ami-00000000000000001")
    arn = f"arn:aws:imagebuilder:{HOME}:123456789012:image-recipe/web-0/1.0.0"
    summary = {"arn": arn, "dateCreated": "2026-01-01T00:00:00Z"}
    aws_services.answer_with("imagebuilder", "ListImageRecipes", {"imageRecipeSummaryList": [summary]})
    made = [calls_of(account.client("imagebuilder", region)) for region in account.regions]
    counts = []
    for _ in range(3):
        await listed_images(account)
        counts.append([name for of_region in made for name, _ in of_region].count("GetImageRecipe"))
    # Two regions that are read at the same moment may both begin before either knows the recipe.
    assert counts[0] in range(1, len(account.regions) + 1)
    assert counts == [counts[0]] * 3


@pytest.mark.parametrize("name", ["/images/gone", "/images/web:7", "arn:aws:ssm:us-west-2:111122223333:parameter/x"])
async def test_a_parameter_without_a_value_leaves_all_in_doubt(account: Account, name: str) -> None:
    used = old_and_new(account)
    users.parameter(account, "/images/web", "ami-00000000000000002")
    users.fleet(account, {"ImageId": f"resolve:ssm:{name}"})
    result = await of(account, used)
    assert result.retention is Retention.UNKNOWN
    assert f"EC2 fleet fleet-1 in us-west-2: it names its image by the SSM parameter {name}" in result.reason


async def test_parameters_that_must_not_be_read_name_the_permission(account: Account) -> None:
    used = old_and_new(account)
    users.parameter(account, "/images/web", "ami-00000000000000002")
    refuse(account.client("ssm", HOME), "GetParameters", "AccessDeniedException")
    result = await listed_images(account)
    assert next(each for each in result.images if each.image_id == used).retention is Retention.UNKNOWN
    assert [each.remedy for each in result.unreadable if each.region == HOME] == [
        "Allow ssm:GetParameters in the policy of the bot's role or user."
    ]


async def test_a_backup_is_managed_and_no_newest_image(account: Account, aws_services: AwsServices) -> None:
    old, new = image(account, "staging", NOW - timedelta(days=90)), image(account, "staging", NOW - timedelta(days=60))
    backups = [image(account, "staging", NOW - timedelta(days=days)) for days in (50, 40)]
    account.ec2(HOME).create_tags(Resources=backups[:1], Tags=listed_tags({"aws:backup:source-resource": "i-1"}))
    users.recovery_point(aws_services, backups[1])
    result = {each.image_id: each for each in (await listed_images(account, keep=KeepRule(1, timedelta()))).images}
    assert [result[each].retention for each in (old, new, *backups)] == [
        Retention.DELETABLE,
        Retention.NEWEST,
        Retention.MANAGED,
        Retention.MANAGED,
    ]
    assert result[backups[0]].reason == "a backup of AWS Backup: delete its recovery point there"
    assert result[backups[1]].reason == "a backup of AWS Backup: delete its recovery point there (vault nightly)"


async def test_an_image_of_image_builder_is_deleted_there(account: Account) -> None:
    used = old_and_new(account)
    made_as = f"arn:aws:imagebuilder:{HOME}:123456789012:image/base/1.0.0/2"
    account.ec2(HOME).create_tags(Resources=[used], Tags=listed_tags({"Ec2ImageBuilderArn": made_as}))
    result = await of(account, used)
    assert result.retention is Retention.MANAGED
    assert result.reason.startswith("Image Builder made it as base/1.0.0/2: delete it there")


@pytest.mark.parametrize(
    ("protection", "retention", "words"),
    [
        ("disabled", Retention.DELETABLE, ""),
        ("enabled-with-cooldown", Retention.PROTECTED, "turn it off in EC2; it can be deleted 24 hours later"),
        ("enabled-without-cooldown", Retention.PROTECTED, "turn it off in EC2 first"),
        ("in-cooldown", Retention.PROTECTED, "EC2 protects it from deregistration (in-cooldown)"),
    ],
)
async def test_deregistration_protection_is_a_state_of_its_own(
    account: Account, protection: str, retention: Retention, words: str
) -> None:
    used = old_and_new(account)
    described: list[Any] = account.ec2(HOME).describe_images(Owners=["self"])["Images"]
    for each in described:
        each["DeregistrationProtection"] = protection if each["ImageId"] == used else "disabled"
    users.answer_strictly(account.ec2(HOME), "DescribeImages", {"Images": described})
    result = await of(account, used)
    assert result.retention is retention
    assert words in result.reason
