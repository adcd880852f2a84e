"""Images that are shared with other accounts, or copied to them or to other regions: used there, they are kept."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from runners.aws.client import Account
from runners.aws.images import listing
from runners.aws.images.other_accounts import OtherAccount
from runners.aws.images.retention import RetentionRules
from runners.errors import AccessDeniedError
from runners.results import AssessedImage, Retention
from tests.unit.runners.aws.images.listed import BACKEND, KEEP, NOW, old_and_new
from tests.unit.runners.ec2_world import HOME

if TYPE_CHECKING:
    from collections.abc import Sequence

OTHER, STRANGER, EU = "111122223333", "444455556666", "eu-west-1"


def account_of(number: str, region: str = HOME) -> Account:
    return Account([region], role=f"arn:aws:iam::{number}:role/deployer")


def other_account(number: str = OTHER, region: str = HOME) -> OtherAccount:
    return OtherAccount("prod", region, partial(account_of, number, region))


async def of(
    account: Account, image_id: str, *places: OtherAccount, harmless: Sequence[str] = ()
) -> tuple[Retention, str]:
    rules = RetentionRules(KEEP, {}, NOW, places, frozenset(harmless))
    images = (await listing.list_images(account, (BACKEND,), rules)).images
    (listed,) = [image for image in images if image.image_id == image_id]
    return result_of(listed)


def result_of(image: AssessedImage) -> tuple[Retention, str]:
    return image.retention, image.reason


def share(account: Account, image_id: str, number: str) -> None:
    account.ec2(HOME).modify_image_attribute(ImageId=image_id, LaunchPermission={"Add": [{"UserId": number}]})


async def test_an_image_that_is_shared_with_an_account_that_nobody_can_see_is_kept(account: Account) -> None:
    old = old_and_new(account)
    share(account, old, STRANGER)
    wanted = (Retention.IN_USE, f"shared with {STRANGER}, whose use of it we cannot see")
    assert await of(account, old) == await of(account, old, other_account()) == wanted
    assert (await of(account, old, harmless=[OTHER]))[0] is Retention.IN_USE


async def test_the_configuration_can_say_that_sharing_does_not_count(account: Account) -> None:
    old = old_and_new(account)
    share(account, old, STRANGER)
    assert (await of(account, old, harmless=[STRANGER]))[0] is Retention.DELETABLE


async def test_an_image_that_is_shared_with_an_environment_s_account_is_free_unless_it_is_used_there(
    account: Account,
) -> None:
    old = old_and_new(account)
    share(account, old, OTHER)
    assert (await of(account, old, other_account()))[0] is Retention.DELETABLE
    account_of(OTHER).ec2(HOME).create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": old})
    wanted = (Retention.IN_USE, "it is used in prod by launch template web, version 1")
    assert await of(account, old, other_account()) == wanted


@pytest.mark.parametrize("how", ["name", "description"])
async def test_an_image_whose_copy_is_used_in_another_region_is_kept(account: Account, how: str) -> None:
    old = old_and_new(account)
    name = account.ec2(HOME).describe_images(ImageIds=[old])["Images"][0]["Name"]
    eu = account_of(OTHER, EU).ec2(EU)
    instance = eu.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    described = (
        {"Name": "web", "Description": f"[Copied {old} from {HOME}] web"} if how == "description" else {"Name": name}
    )
    copy = eu.create_image(InstanceId=instance, **described)["ImageId"]  # type: ignore[arg-type]  # as boto3 takes it
    place = other_account(region=EU)
    assert (await of(account, old, place))[0] is Retention.DELETABLE
    eu.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": copy})
    retention, reason = await of(account, old, place)
    assert retention is Retention.IN_USE
    assert reason == f"its copy {copy} in {EU} is used in prod by launch template web, version 1"
    assert (await of(account, old))[0] is Retention.DELETABLE, "without an environment there, nobody asked"


async def test_what_is_used_in_another_account_is_unknown_while_that_cannot_be_read(account: Account) -> None:
    old = old_and_new(account)

    def refused() -> Account:
        raise AccessDeniedError("connecting to AWS", "there is no profile prod")

    retention, reason = await of(account, old, OtherAccount("prod", HOME, refused))
    assert retention is Retention.UNKNOWN
    assert reason == "prod could not be read: there is no profile prod"
