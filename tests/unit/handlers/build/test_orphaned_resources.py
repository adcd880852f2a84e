"""The builders that a run left in EC2 are named as soon as it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from handlers.build import orphaned_resources
from runners.github.runs import listing
from runners.results import State
from tests.unit.handlers.builder_support import a_builder, a_run, github
from tests.unit.handlers.conftest import MONDAY_NOON
from tests.unit.runners.ec2_world import HOME, refuse

if TYPE_CHECKING:
    from runners.aws.client import Account
    from tests.unit.handlers.conftest import Desk

pytestmark = pytest.mark.usefixtures("builders_watched")


async def test_what_a_run_left_is_known_as_soon_as_it_has_ended(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = a_builder(account)
    others = a_builder(account, tags={"Name": "Packer Builder", "GITHUB_RUN_ID": "99"})
    run = a_run(State.CANCELLED)
    github(monkeypatch, run)
    monkeypatch.setattr(listing, "run_with_jobs", unknown_run)
    desk.now = MONDAY_NOON - 2 * 3_600 + 60
    text = await orphaned_resources.orphaned_builders(desk.services, run)
    assert f"Still in EC2: builder `{ours.instance_id}`" in text
    assert others.instance_id not in text
    assert "told here if it is still there in 4 min" in text
    refuse(account.ec2(HOME), "DescribeInstances", "UnauthorizedOperation")
    assert "could not be asked" in await orphaned_resources.orphaned_builders(desk.services, run)


async def unknown_run(*_: Any) -> None:
    return None


async def test_after_a_run_that_left_nothing_there_is_nothing_to_say(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert account.regions == (HOME,)
    run = a_run(State.SUCCEEDED)
    github(monkeypatch, run)
    assert await orphaned_resources.orphaned_builders(desk.services, run) == ""
