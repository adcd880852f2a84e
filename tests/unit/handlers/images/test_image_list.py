"""/infra amis: the page, its button, and the schedule that proposes a clean-up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.config import read as read_config
from bot.config.targets import IMAGES
from bot.errors import ConfigError, UserError
from handlers.images import image_list
from runners.results import ImageList, OrphanedImageResources, OrphanedSnapshot
from tests.unit.bot.drawn import buttons, read
from tests.unit.handlers.clean_up_support import (
    KEEPS_ONE,
    pressed,
    three_images,
)
from tests.unit.handlers.conftest import FILE
from tests.unit.runners.ec2_world import HOME

if TYPE_CHECKING:
    from runners.aws.client import Account
    from tests.unit.handlers.conftest import Desk


async def test_the_page_leads_to_one_clean_up_and_a_schedule_proposes_one(desk: Desk, account: Account) -> None:
    three_images(account)
    page = await image_list.topic(desk.services, cast("Any", None), ())
    assert "3 images, 2 can be deleted" in read(page)
    assert buttons(page) == ["clean-up-images"]
    for _ in range(2):
        await image_list.request_clean_up(desk.services, pressed(0, "U0ANA", "clean-up-images"))
    assert len({request.key for request in desk.engine.begun}) == 1
    watched = read_config(KEEPS_ONE + "watch: {images: {every: 7d}}\n")
    (task,) = image_list.PERIODIC_TASKS
    assert {target: interval.days for target, interval in task.intervals(watched).items()} == {IMAGES: 7}
    assert task.intervals(desk.config) == {}


def test_the_snapshots_of_one_image_that_is_no_more_go_together() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    ends = [OrphanedSnapshot(HOME, "snap-1", "ami-1", 15, at), OrphanedSnapshot(HOME, "snap-2", "ami-1", 8, at),
            OrphanedSnapshot(HOME, "snap-3", "ami-2", 4, at)]  # fmt: skip
    observed = image_list.ImageSnapshot(ImageList(()), OrphanedImageResources(tuple(ends), ()))
    assert [(candidate.removal.image_id, candidate.size_gb) for candidate in observed.candidates] == [
        ("ami-1", 23),
        ("ami-2", 4),
    ]


async def test_the_page_can_be_of_a_machine_or_an_environment(desk: Desk, account: Account) -> None:
    first, _, newest = three_images(account)
    for text in (("backend",), ("staging",), ("staging", "backend")):
        page = await image_list.topic(desk.services, cast("Any", None), text)
        assert first in read(page)
        assert newest in read(page)
    with pytest.raises(UserError, match="did you mean “backend”"):
        await image_list.topic(desk.services, cast("Any", None), ("backnd",))


def test_accounts_and_regions_of_environments_are_read_once_each() -> None:
    here, there = "aws: {region: us-west-2}", "aws: {region: eu-west-1, role: 'arn:aws:iam::111122223333:role/x'}"
    text = FILE.replace("  dev:\n", f"  dev:\n    {there}\n").replace("  prod:\n", f"  prod:\n    {there}\n")
    places = image_list.other_accounts(read_config(text.replace("  staging:\n", f"  staging:\n    {here}\n")))
    assert [(place.name, place.region) for place in places] == [("dev and prod", "eu-west-1")]
    assert image_list.other_accounts(read_config(FILE)) == ()


async def test_the_accounts_that_do_not_count_come_from_the_configuration(desk: Desk) -> None:
    text = FILE.replace("build.yml}", "build.yml, keep: {ignore_shared_with: ['111122223333']}}")
    desk.config = read_config(text)
    assert (await image_list.retention_rules(desk.services)).harmless_shares == {"111122223333"}
    with pytest.raises(ConfigError, match="write its twelve digits in quotes"):
        read_config(text.replace("'111122223333'", "'1234'"))
