"""The answers that the benchmark gives in AWS's place are read as AWS's are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from runners.aws.builders.discovery import find_builders
from runners.aws.builders.recognition import Recognition
from runners.aws.client import Account
from runners.aws.images.listing import list_images
from runners.aws.images.retention import RetentionRules
from runners.results import ImageGroup, KeepRule, Retention
from tests.bench.aws_listing import NAMES, NOW, answering

if TYPE_CHECKING:
    from tests.bench.aws_listing import Region


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    return Account(("us-west-2", "eu-west-1"), attempts=1)


def calls(regions: list[Region]) -> list[int]:
    return [region.calls for region in regions]


async def test_a_quiet_round_finds_nothing_in_five_calls_a_region(account: Account) -> None:
    regions = answering(account, instances=400, images=1400)
    result = await find_builders(account, Recognition())
    assert (result.builders, result.unreadable, calls(regions)) == ((), (), [5, 5])


async def test_every_image_has_its_standing_and_those_in_use_are_found(account: Account) -> None:
    regions = answering(account, instances=400, images=1400)
    groups = [ImageGroup("any", name, name) for name in NAMES]
    keep = KeepRule(newest=3, younger_than=timedelta(days=1))
    result = await list_images(account, groups, RetentionRules(keep, {}, NOW), share_checks=20)
    assert (len(result.images), result.unreadable) == (1400, ())
    counted = {retention: sum(image.retention is retention for image in result.images) for retention in Retention}
    # Every other of 50 images by an instance, five by a launch template, in each region.
    assert counted[Retention.IN_USE] == 60
    assert counted[Retention.DELETABLE] == 40
    # Two pages of images, one of instances, 21 of launch templates, five of Auto Scaling, fleets and spot requests, nine of
    # parameters (1), Image Builder (3), backups (1) and the Recycle Bin (4), 20 questions about sharing.
    assert calls(regions) == [58, 58]
