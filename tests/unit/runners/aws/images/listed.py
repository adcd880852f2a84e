"""Images of moto's EC2 with their retention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from runners.aws.images.listing import list_images
from runners.aws.images.retention import RetentionRules
from runners.results import AssessedImage, ImageGroup, ImageList, KeepRule
from tests.unit.runners.ec2_world import HOME, image, listed_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.aws.client import Account

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BACKEND, CRON = ImageGroup("staging", "backend", "staging"), ImageGroup("staging", "cron", "cron-staging")
KEEP = KeepRule(newest=1, younger_than=timedelta(days=30))


async def listed_images(
    account: Account,
    *groups: ImageGroup,
    keep: KeepRule = KEEP,
    references: Mapping[str, str] = MappingProxyType({}),
    **more: Any,
) -> ImageList:
    return await list_images(account, groups or (BACKEND, CRON), RetentionRules(keep, references, NOW), **more)


async def of(account: Account, image_id: str, **changes: Any) -> AssessedImage:
    (result,) = [item for item in (await listed_images(account, **changes)).images if item.image_id == image_id]
    return result


def old_and_new(account: Account) -> str:
    """An image that nothing needs, beside a newer one: its id."""
    old = image(account, "staging", NOW - timedelta(days=90))
    image(account, "staging", NOW - timedelta(days=60))
    return old


def template(account: Account, used: str, *, then: str = "ami-00000000000000000") -> None:
    ec2 = account.ec2(HOME)
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": used})
    ec2.create_launch_template_version(LaunchTemplateName="web", LaunchTemplateData={"ImageId": then})


def protected(account: Account, used: str) -> None:
    account.ec2(HOME).create_tags(Resources=[used], Tags=listed_tags({"signalbox:keep": ""}))
